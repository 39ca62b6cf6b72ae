"""The live status agrees with a plain loop, and never takes silence for health."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.burnin.design import Design
from agent.burnin.live import LiveBay
from collectors.quantity import Quantity
from collectors.readings import Channel, Kind, Quality, Readings

MISSING = math.nan
DEVICE = (
    Channel("power", Quantity.POWER, "oid"),
    Channel("a", Quantity.TEMPERATURE, "oid"),
    Channel("b", Quantity.TEMPERATURE, "oid"),
    Channel("state", Quantity.STATE, "oid", states={0: "ok", 1: "bad"}),
    Channel("faults", Quantity.COUNT, "oid", Kind.COUNTER),
    Channel("errors", Quantity.COUNT, "oid", Kind.COUNTER),
)


def readings(at: float, values: Sequence[float], device: str = "bay/dev") -> Readings:
    """Make readings in which NaN is a channel that was not good."""
    array = np.array(values, np.float64)
    quality = np.where(np.isnan(array), Quality.STALE, Quality.GOOD).astype(np.uint8)
    return Readings(device=device, taken_at=at, values=array, quality=quality, raw=array)


@dataclass
class Plain:
    """One channel judged the slow way: a ladder of (low, high), and the last good reading."""

    ladder: Mapping[int, tuple[float, float]]  # status when outside -> bounds
    hold: float
    silence: float = math.inf
    hysteresis: float = 0.0
    min_load: float = 0.0
    value: float = MISSING
    seen: float = -math.inf
    since: dict[int, float] = field(default_factory=dict)  # status -> when that excursion began

    def add(self, value: float, at: float) -> None:
        """Take in a reading; NaN is none."""
        if math.isnan(value):
            return
        self.value, self.seen = value, at
        for code, (low, high) in self.ladder.items():
            back = self.hysteresis if code in self.since else 0.0
            if low + back <= value <= high - back:
                self.since.pop(code, None)
            else:
                self.since.setdefault(code, at)

    def status(self, now: float, load: float | None) -> int:
        """Return the status at `now`."""
        if now - self.seen > self.silence:
            return -1
        if load is not None and load < self.min_load:
            self.since.clear()
            return 0
        shown = [c for c, t in self.since.items() if c == 3 or now - t >= self.hold]
        found = max(shown, default=0)
        return -1 if found and load is None and self.min_load else found


@dataclass
class Counter:
    """What a counter has counted since the first reading; in the last minute, and at all."""

    last: float = MISSING
    events: list[tuple[float, float]] = field(default_factory=list)

    def add(self, value: float, at: float) -> None:
        """Take in a reading; a smaller one was counted from zero."""
        if not math.isnan(self.last):
            self.events.append((at, value - self.last if value >= self.last else value))
        self.last = value

    def total(self, after: float = -math.inf) -> float:
        """Return what was counted after a time."""
        return sum(n for at, n in self.events if at >= after)


def bounds(width: int, side: str) -> tuple[float, float]:
    """Return bounds about 20 degC."""
    return (
        -math.inf if side == "max" else 20.0 - width,
        math.inf if side == "min" else 20.0 + width,
    )


def written(width: int, side: str) -> str:
    """Write them as a spec does."""
    ends = {"both": f"{20 - width}..{20 + width}", "max": f"max {20 + width}"}
    return ends.get(side, f"min {20 - width}") + " degC"


@st.composite
def ladders(draw: st.DrawFn) -> tuple[list[int], str]:
    """Draw three rungs, each around the one before."""
    width = draw(st.integers(1, 3))
    widths = [width := width + draw(st.integers(0, 2)) for _ in range(3)]
    return widths, draw(st.sampled_from(["both", "max", "min"]))


@st.composite
def polls(draw: st.DrawFn) -> list[tuple[int, list[float]]]:
    """Draw steps of time, and what each poll brings: NaN is a channel that is not good."""
    value = {
        "power": st.sampled_from([1000.0, 6000.0, 9000.0, MISSING]),
        "temperature": st.one_of(st.integers(12, 28).map(float), st.just(MISSING)),
        "state": st.sampled_from([0.0, 0.0, 1.0, 7.0, MISSING]),
        "count": st.one_of(st.integers(0, 6).map(float), st.just(MISSING)),
    }
    kinds = ["power", "temperature", "temperature", "state", "count", "count"]
    poll = st.tuples(*(value[kind] for kind in kinds)).map(list)
    return draw(st.lists(st.tuples(st.sampled_from([1, 1, 2, 5, 11, 40]), poll), max_size=25))


SPEC = """
defaults: {{every: 2 s, hold: {hold} s, gap: {gap} s, latched: true, budget: 1 %}}
roles:
  dev:
    count: 1
    channels:
      power: {{q: power}}
      a: {{q: temperature, {ladder}, hysteresis: {hysteresis} K}}
      b: {{q: temperature, {ladder}, min_load: 50 %}}
      state: {{q: state, warn: is ok, fail: is ok}}
      faults: {{q: count, warn: max 0, fail: max 3}}
      errors: {{q: count, warn: max 2 per min, fail: max 5 per min}}
derived:
  rack_power: {{expr: "dev.power", unit: kW}}
  apart: {{expr: "dev.a - dev.b", unit: K, fail: -3..3 K, trip: -6..6 K,
          hysteresis: {hysteresis} K}}
"""


def spec(rungs: tuple[list[int], str], *, hysteresis: int = 1, hold: int = 4, gap: int = 10) -> str:
    """Write SPEC with a ladder about 20 degC."""
    widths, side = rungs
    names = zip(("warn", "fail", "trip"), widths, strict=True)
    ladder = ", ".join(f"{name}: {written(width, side)}" for name, width in names)
    return SPEC.format(ladder=ladder, hysteresis=hysteresis, hold=hold, gap=gap)


class PlainBay:
    """What SPEC asks for, judged channel by channel."""

    def __init__(
        self, ladder: tuple[list[int], str], *, hysteresis: int, hold: int, gap: int
    ) -> None:
        widths, side = ladder
        silence = 2.0 + gap
        about_20 = {code: bounds(width, side) for code, width in enumerate(widths, 1)}
        self.power = Plain({}, hold, silence)
        self.faults, self.errors = Counter(), Counter()
        self.channels = {
            "a": Plain(about_20, hold, silence, hysteresis),
            "b": Plain(about_20, hold, silence, min_load=0.5),
            "state": Plain({1: (0, 0), 2: (0, 0)}, hold, silence),
            "faults": Plain({1: (0, 0), 2: (0, 3)}, hold, silence),
            "errors": Plain({1: (0, 2), 2: (0, 5)}, hold, silence),
            "apart": Plain({2: (-3, 3), 3: (-6, 6)}, hold, 0.0, hysteresis),
        }

    def take(self, values: Sequence[float], now: float) -> None:
        """Take in one poll of DEVICE."""
        self.power.add(values[0], now)
        for name, value in zip(("a", "b", "state"), values[1:4], strict=True):
            self.channels[name].add(value, now)
        if not math.isnan(values[4]):
            self.faults.add(values[4], now)
            self.channels["faults"].add(self.faults.total(), now)
        if not math.isnan(values[5]):
            self.errors.add(values[5], now)
            self.channels["errors"].add(self.errors.total(now - 60), now)

    def judge(self, now: float) -> dict[str, int]:
        """Return every status; what is not simply read is brought up to date first."""
        errors, apart = self.channels["errors"], self.channels["apart"]
        if now - errors.seen <= errors.silence:
            seen = errors.seen
            errors.add(self.errors.total(now - 60), now)
            errors.seen = seen
        a, b = self.channels["a"], self.channels["b"]
        known = now - a.seen <= a.silence and now - b.seen <= b.silence
        apart.seen = -math.inf
        apart.add(a.value - b.value if known else MISSING, now)
        loaded = now - self.power.seen <= self.power.silence
        load = self.power.value / 10_000 if loaded else None
        return {name: channel.status(now, load) for name, channel in self.channels.items()}


TIMES = st.fixed_dictionaries(
    {
        "hysteresis": st.integers(0, 1),
        "hold": st.sampled_from([0, 2, 6]),
        "gap": st.sampled_from([2, 10]),
    }
)


@settings(deadline=None)
@given(ladders(), TIMES, polls())
def test_all_channels_at_once_are_judged_as_one_by_one(
    small: Callable[[str], Design],
    ladder: tuple[list[int], str],
    times: dict[str, int],
    steps: list[tuple[int, list[float]]],
) -> None:
    """Arrays are only faster: a loop over channels, rungs and readings says the same."""
    live = LiveBay(small(spec(ladder, **times)))
    live.bind("dev", DEVICE, {})
    plain = PlainBay(ladder, **times)
    now = 100.0
    for step, values in steps:
        now += step
        live.take(readings(now, values))
        plain.take(values, now)
        for later in (now, now + 1.0):
            status, _ = live.judge(later)
            found = {name: int(code) for (_, name), code in zip(live.rows, status, strict=True)}
            assert found == plain.judge(later)
        now += 1.0


@settings(max_examples=40, deadline=None)
@given(ladders(), ladders(), polls())
def test_tighter_limits_never_lower_a_status(
    small: Callable[[str], Design],
    one: tuple[list[int], str],
    other: tuple[list[int], str],
    steps: list[tuple[int, list[float]]],
) -> None:
    """Of two ladders on one side, the narrower one is never the kinder one."""
    side = one[1]
    tight = [min(pair) for pair in zip(one[0], other[0], strict=True)]
    bays = [LiveBay(small(spec((widths, side)))) for widths in (tight, one[0])]
    now = 0.0
    for bay in bays:
        bay.bind("dev", DEVICE, {})
        bay.stage_load = 1.0
    for step, values in steps:
        now += step
        found = []
        for bay in bays:
            bay.take(readings(now, values))
            found.append(bay.judge(now)[0])
        assert (found[0] >= found[1]).all()


@settings(max_examples=40, deadline=None)
@given(polls(), st.sets(st.integers(0, 24)), st.integers(0, 12))
def test_what_was_not_seen_is_never_inside(
    small: Callable[[str], Design],
    steps: list[tuple[int, list[float]]],
    lost: set[int],
    after: int,
) -> None:
    """A status of 0 stands on a good reading no older than every + gap, whatever got lost."""
    bay = LiveBay(small(spec(([3, 4, 5], "both"), gap=4)))
    bay.bind("dev", DEVICE, {})
    names = [channel.name for channel in DEVICE]
    seen, now = dict.fromkeys(names, -math.inf), 0.0
    for number, (step, values) in enumerate(steps):
        now += step
        if number in lost:
            bay.take(Readings.lost("bay/dev", now, len(DEVICE), Quality.COMM_LOST))
        else:
            bay.take(readings(now, values))
            seen |= {n: now for n, v in zip(names, values, strict=True) if not math.isnan(v)}
    status, deviation = bay.judge(now + after)

    for (device, name), code, away in zip(bay.rows, status, deviation, strict=True):
        needs = ["a", "b"] if device == "derived" else [name]
        fresh = all(now + after - seen[need] <= 2 + 4 for need in needs)
        assert fresh or (code == -1 and math.isnan(away)), name


CDU = """
roles:
  cdu:
    count: 1
    channels:
      supply: {{q: temperature, {supply}, hysteresis: {hysteresis}}}
      flow: {{q: flow, {flow}}}
"""


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(300, 500), st.integers(1000, 2500)), min_size=1, max_size=20))
def test_the_units_of_a_spec_change_no_status(
    small: Callable[[str], Design], steps: list[tuple[int, int]]
) -> None:
    """Whether in degF and m3/h or in degC and L/min, the same limits judge alike."""
    metric = CDU.format(
        supply="nominal: 40 degC, warn: +-2 K, fail: 35..45 degC, trip: max 48 degC",
        flow="warn: min 150 lpm, fail: min 120 lpm",
        hysteresis="500 mK",
    )
    other = CDU.format(
        supply=(
            "nominal: 104 degF, warn: 100.4..107.6 degF, fail: 95..113 degF, trip: max 118.4 degF"
        ),
        flow="warn: min 9 m3/h, fail: min 7.2 m3/h",
        hysteresis="0.5 K",
    )
    channels = [
        Channel("supply", Quantity.TEMPERATURE, "oid"),
        Channel("flow", Quantity.FLOW, "oid"),
    ]
    bays = [LiveBay(small(text)) for text in (metric, other)]
    for bay in bays:
        bay.bind("cdu", channels, {})
    for number, (tenths, flow) in enumerate(steps):
        found = []
        for bay in bays:
            bay.take(readings(number * 2.0, [tenths / 10, flow / 10], "bay/cdu"))
            found.append(bay.judge(number * 2.0))
        assert (found[0][0] == found[1][0]).all()
        assert np.allclose(found[0][1], found[1][1], equal_nan=True, rtol=1e-9)
