"""The live status of a bay: every channel of its design, judged by what was read last.

This is what alerts act on. It is no verdict: it keeps no evidence and knows no plan.
"""

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.burnin.attempt import ALWAYS, QUALIFIED
from agent.burnin.binding import Columns, Pair, Provides, bind
from agent.burnin.counters import Counters
from agent.burnin.design import DERIVED, Derivation, Design, Floats, SpecChannel
from agent.burnin.deviation import Ruler
from agent.burnin.excursion import Excursions
from agent.burnin.formula import COOLANT, EXTRAS, LOAD, Inputs
from agent.burnin.limits import Amount, Rung
from agent.burnin.terms import Terms
from agent.burnin.window import Window
from collectors.quantity import unit
from collectors.readings import Channel, Kind, Quality, Readings

UNKNOWN: Final = -1
LOAD_NAME: Final = "rack_power"  # the derived channel, and the constant that it is 100 % of


class LiveBay:
    """One bay. Shapes: C channels of the design, L of them judged; `rows` names those."""

    def __init__(self, design: Design) -> None:
        self.design = design  # its limits are those of the present moment of a plan, see `adopt`
        self.stage_load: float | None = None  # of a run: the load that its plan sets, 0..1
        self.problems: dict[str, list[str]] = {}  # device -> why a channel of it is not bound
        self.missing: dict[str, list[str]] = {}  # device -> spec channels that it has nothing for
        channels = len(design.channels)
        self.rows = tuple(
            (channel.device, channel.name)
            for channel, judged in zip(design.channels, design.judged, strict=True)
            if judged
        )
        self.values = np.full(channels + EXTRAS, np.nan)
        self.seen = np.full(channels, -np.inf)
        self.known = np.zeros(channels, np.bool_)  # as judged last
        self._base = design
        self.asked = np.ones(channels, np.bool_)  # what the present moment of a plan judges
        self._counts_now = self.asked  # what is judged this very moment; of the others, trips alone
        self._followed: tuple[Design, str] | None = None
        self._as_read = np.full(channels, np.nan)  # in the device's unit; a state's number
        self._devices: dict[str, _Device] = {}
        self._sources: dict[str, dict[int, str]] = {}  # device -> place -> its own channel's name
        self._excursions = Excursions(channels)
        self._ruler = Ruler.of(design)
        self._counters = Counters(np.array([_per_s(channel) for channel in design.channels]))
        self._rated = bool(self._counters.rated.any())
        counts = [channel.row.kind is Kind.COUNTER for channel in design.channels]
        self._counts = np.array(counts, np.bool_) & ~self._counters.rated
        self._late = self._counters.rated | (np.arange(channels) >= design.measured)
        self._memory = [_Memory(design, derivation) for derivation in design.derivations]
        self._load_place, self._full_load = _load(design)

    def bind(
        self,
        device: str,
        channels: Sequence[Channel],
        provides: Provides,
        named: Mapping[str, str] | None = None,
    ) -> Mapping[str, str]:
        """Bind what a device has; return its channels' names with those that they have here.

        Binding a device again keeps what was counted, so that a reboot hides nothing.
        """
        bound = bind(self.design, device, channels, provides, named or {})
        self.problems[device], self.missing[device] = bound.problems, bound.missing
        if device not in self.design.places:  # on the floor, but no part of the spec
            return {}
        sources = {pair.place: channels[pair.column].name for pair in bound.pairs}
        before = self._sources.get(device, {})
        self._forget([place for place, name in before.items() if sources.get(place) != name])
        self._sources[device] = sources
        wiring = Wiring(device, tuple(channels), provides, named or {})
        self._devices[device] = _Device(self.design, wiring, bound.pairs)
        return {name: self.design.channels[place].name for place, name in sources.items()}

    def unbind(self, device: str) -> None:
        """Forget a device and all that it said, and what was derived from it."""
        for known in (self._devices, self.problems, self.missing):
            known.pop(device, None)
        if sources := self._sources.pop(device, None):
            self._forget([*sources])
            self._excursions.forget(slice(self.design.measured, None))

    def _forget(self, places: Sequence[int]) -> None:
        """Make some channels unknown, as if never read."""
        for place in places:
            self.values[place], self.seen[place] = np.nan, -np.inf
            self._as_read[place] = np.nan
            self._excursions.forget(slice(place, place + 1))
            self._counters.forget(place)

    def take(self, readings: Readings) -> None:
        """Take in one poll. What is not good changes nothing: it only does not arrive.

        Cost: 40 us a device of 20 channels, of which 0.1 us for each channel.
        """
        device = self._devices.get(readings.device.rpartition("/")[2])
        size = len(readings.values)
        if device is None or not size or size != device.columns.size:
            return
        columns, where, at = device.columns, device.columns.where, readings.taken_at
        raw = readings.values[columns.columns]
        good = columns.bound & (readings.quality[columns.columns] == Quality.GOOD)
        good &= np.isfinite(raw) & (at > self.seen[where])
        values = columns.convert(raw)
        if device.counted is not None:
            values = self._counters.add(where, values, good & device.counted, at)
        np.copyto(self._as_read[where], raw, where=good)
        np.copyto(self.values[where], values, where=good)
        np.copyto(self.seen[where], at, where=good)
        self._excursions.add(where, device.limits, values, good, at)

    def judge(self, now: float) -> tuple[NDArray[np.int8], Floats]:
        """Return status and deviation of every row. Shapes: int8[L], float64[L].

        Cost: 0.2 ms for 700 channels, nearly all of it derived channels. To be called at least as
        often as the shortest `gap` of a derived channel, or its windows stay empty.
        """
        design = self.design
        known = now - self.seen <= design.silence
        self._compute(now, known)
        late = slice(0 if self._rated else design.measured, len(known))
        again = known & self._late
        values, limits = self.values[: len(known)], design.limits
        self._excursions.add(late, limits.at(late), values[late], again[late], now)
        load = self.load
        idle = known & (design.min_load > load) if load is not None else np.zeros_like(known)
        self._excursions.forget(idle | ~self.asked)
        self._excursions.forget(~self._counts_now, slice(Rung.TRIP))
        status = self._excursions.status(design.hold, now)
        self.known = known
        if load is None:  # inside its limits a channel is so at any load
            known = known & ((status == 0) | (design.min_load == -np.inf))
        status[~known] = UNKNOWN
        deviation = self._ruler.measure(values)
        deviation[~known | idle | ~self.asked] = np.nan
        return status[self._base.judged], deviation[self._base.judged]

    def adopt(self, terms: Terms | None) -> None:
        """Judge by what holds at a moment of a plan from now on; None: by the spec alone again.

        A channel that the moment does not judge shows 0 while it is known. What was read stays;
        excursions end where limits change.
        """
        before, load = self.design, self.stage_load
        self.design = self._base if terms is None else terms.design
        self.stage_load = None if terms is None else terms.load
        if self.stage_load != load:
            self._forget_load()
        self.asked = np.ones_like(self.asked) if terms is None else terms.judged
        if terms is None:
            self._counts_now, self._followed = self.asked, None
        for device, known in self._devices.items():
            self._devices[device] = known.under(self.design)
        self.values[: len(self.seen)] = self.under(self.design)
        self._excursions.forget(_moved(before, self.design))
        self._ruler = Ruler.of(self.design)

    def follow(self, judging: str) -> None:
        """Show what is judged now, and of all else only trips: a rack on its way is no alarm.

        What is outside its limits when it begins to be judged has its whole hold from then on.
        """
        if (self.design, judging) == self._followed:
            return
        self._followed = self.design, judging
        always = np.array([channel.row.always for channel in self.design.channels], np.bool_)
        counting = {QUALIFIED: np.ones_like(always), ALWAYS: always}
        self._counts_now = counting.get(judging, np.zeros_like(always))

    def count_anew(self) -> None:
        """Let counters count from now on: what came before is held against another phase."""
        self._counters.begin()
        counted = self._counts & np.isfinite(self.values[: len(self.seen)])
        self.values[: len(self.seen)][counted] = 0.0
        self._excursions.forget(counted)

    def _forget_load(self) -> None:
        """Empty the windows of what compares with the plan's load: they spoke of another one."""
        place = len(self.seen) + LOAD
        for n, derivation in enumerate(self.design.derivations):
            if place in derivation.reads:
                self._memory[n] = _Memory(self.design, derivation)

    def under(self, design: Design) -> Floats:
        """Return the last values as the limits of another moment see them. Shapes: float64[C]."""
        values = self.values[: len(self.seen)].copy()
        for known in self._devices.values():
            where = known.columns.where
            same = all(map(is_, design.channels[where], self.design.channels[where]))
            columns = known.columns if same else known.under(design).columns
            states = columns.where.start + columns.states
            values[states] = columns.convert(self._as_read[columns.where])[columns.states]
        return values

    @property
    def load(self) -> float | None:
        """Return the load: as the plan sets it, else as measured; None where neither is known."""
        if self.stage_load is not None:
            return self.stage_load
        power = self.values[self._load_place] if self._load_place is not None else np.nan
        return float(power / self._full_load) if np.isfinite(power) else None

    def _compute(self, now: float, known: NDArray[np.bool_]) -> None:
        """Bring rates and derived channels up to now; note in `known` which of them are."""
        design, channels = self.design, len(known)
        counters = self._counters
        if self._rated:
            self.values[:channels][counters.rated] = counters.rates(now)
        inputs = Inputs(np.empty(channels + EXTRAS), now)
        si = inputs.values
        si[:channels] = self.values[:channels] * design.si_factor + design.si_zero
        si[:channels][~known] = np.nan
        si[channels + LOAD] = np.nan if self.stage_load is None else self.stage_load
        si[channels + COOLANT] = 1.0
        with np.errstate(all="ignore"):
            for derivation, memory in zip(design.derivations, self._memory, strict=True):
                place = derivation.place
                inputs.memory = memory.inner
                si[place] = memory.mean(now, float(derivation.evaluate(inputs)))
                known[place] = np.isfinite(si[place])
        derived = slice(design.measured, channels)
        self.values[derived] = (si[derived] - design.si_zero[derived]) / design.si_factor[derived]
        self.seen[derived] = np.where(known[derived], now, -np.inf)

    @property
    def derived(self) -> tuple[Channel, ...]:
        """Return the derived channels that are of some quantity, as a device would have them."""
        return tuple(
            Channel(channel.name, channel.row.quantity, source=self._expression(channel.row.key))
            for channel in self.design.channels[self.design.measured :]
            if channel.row.quantity is not None
        )

    def _expression(self, key: str) -> str:
        """Return what a derived channel is computed from."""
        return self.design.spec.derived[key].expr

    def computed(self, bay: str, now: float) -> Readings:
        """Return the values of `derived` as judged last."""
        measured = self.design.measured
        kept = [c.row.quantity is not None for c in self.design.channels[measured:]]
        values = self.values[measured : len(self.design.channels)][kept]
        quality = np.where(np.isfinite(values), Quality.GOOD, Quality.STALE).astype(np.uint8)
        device = f"{bay}/{DERIVED}"
        return Readings(device=device, taken_at=now, values=values, quality=quality, raw=values)


class Wiring(NamedTuple):
    """How a device is bound, whatever the limits."""

    device: str
    channels: tuple[Channel, ...]
    provides: Provides
    named: Mapping[str, str]


class _Device:
    """What is needed to take in the readings of one device."""

    def __init__(self, design: Design, wiring: Wiring, pairs: Sequence[Pair]) -> None:
        self.wiring = wiring
        self.columns = Columns(design.places[wiring.device], pairs, len(wiring.channels))
        self.limits = design.limits.at(self.columns.where)
        kinds = [channel.row.kind for channel in design.channels[self.columns.where]]
        counted = np.array([kind is Kind.COUNTER for kind in kinds], np.bool_)
        self.counted = counted if counted.any() else None  # [K]

    def under(self, design: Design) -> "_Device":
        """Return the same device for other limits, by which its states count differently."""
        return _Device(design, self.wiring, bind(design, *self.wiring).pairs)


class _Memory:
    """What one derived channel remembers: its own window, and those of its functions."""

    def __init__(self, design: Design, derivation: Derivation) -> None:
        silence = float(design.silence[derivation.place])
        self.inner = [Window(seconds, silence) for seconds in derivation.windows]
        self.own = Window(derivation.window, silence) if derivation.window else None

    def mean(self, now: float, value: float) -> float:
        """Return the mean over the window; unknown where the value of now is."""
        if self.own is None:
            return value
        self.own.add(now, value)
        return self.own.mean() if np.isfinite(value) else np.nan


def _moved(before: Design, after: Design) -> NDArray[np.bool_]:
    """Return which channels have other limits now. Shapes: bool[C]."""
    old, new = before.limits, after.limits
    named = [a.states != b.states for a, b in zip(before.channels, after.channels, strict=True)]
    moved = np.array(named, np.bool_)
    moved |= ((old.low != new.low) | (old.high != new.high)).any(axis=0)
    return moved


def _per_s(channel: SpecChannel) -> float:
    """Return the time that a counter's limits count over; NaN where they count from the start."""
    times = [bounds.per_s for bounds in channel.row.rungs.limits if bounds and bounds.per_s]
    return times[0] if times else np.nan


def _load(design: Design) -> tuple[int | None, float]:
    """Return where the measured load is, and what is 100 % of it, in that channel's unit."""
    full = design.spec.design.get(LOAD_NAME)
    for place, channel in enumerate(design.channels):
        scale = channel.row.scale
        if channel.row.key != LOAD_NAME or not isinstance(full, Amount) or not full.number:
            continue
        if unit(full.symbol).dimension == scale.unit.dimension:
            return place, scale.level(full)
    return None, np.nan
