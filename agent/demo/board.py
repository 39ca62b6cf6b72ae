"""The screen of one bay: the stage that is on, the plan, the channels that matter, the diary.

Pure: what was seen and a size in, lines of text out. Status is told by a word and a mark, so that
it reads the same without colour, in a log, and by ear.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from textwrap import wrap
from typing import Final

from agent.demo.alerts import Alert
from agent.demo.progress import Progress, Stage
from agent.demo.rules import Rule
from agent.demo.scale import scale_of
from agent.demo.snapshot import FAIL, INSIDE, TRIP, UNKNOWN, WARN, Place, Snapshot
from agent.demo.tale import STAGES
from agent.exposition.overview import weight

SHOWN_FIRST: Final[Sequence[Place]] = (  # what tells a newcomer most, while all is well
    ("derived", "rack_power"),
    ("rack", "supply_temp"),
    ("rack", "return_temp"),
    ("rack", "flow"),
    ("rack", "pressure"),
    ("rack", "leak[zone1]"),
    ("rack", "leak[zone2]"),
    ("feedA", "power"),
    ("feedB", "power"),
    ("cdu", "pump_speed[pump1]"),
    ("cdu", "pump_speed[pump2]"),
    ("derived", "energy_residual"),
    ("derived", "dew_margin"),
    ("cdu", "filter_dp"),
    ("cdu", "level"),
    ("power_shelf1", "input_power"),
    ("power_shelf1", "psu_temp[psu1]"),
    ("power_shelf1", "output_voltage"),
    ("nvlink_switch1", "asic_temp"),
    ("rear_door", "heat"),
    ("room", "temp"),
    ("derived", "load_error"),
    ("derived", "phase_imbalance[feedA]"),
)
MARKS: Final = {UNKNOWN: "?", INSIDE: " ", WARN: "!", FAIL: "X", TRIP: "X"}
VERDICTS: Final = {"PASS": "PASS", "FAIL": "FAIL", "INCONCLUSIVE": "?   ", "ABORTED": "----"}
BAR: Final = 16  # characters of the stage's time
BROKEN_ROWS: Final = 4  # of what a step breaks on purpose
LINE: Final = "{mark}{name:<28.28} {value:>11.11} {limit:<10.10} {used}"
TITLES: Final = f"{'     PLAN':<20} {'CHANNEL':<28} {'VALUE':>11} {'LIMIT':<10} USED"
FIXED: Final = 53  # columns of it, but for how much of the limit is used
MARGIN: Final = range(6, 21)  # characters that show that
PLAN: Final = 19  # characters of the plan's column
AROUND: Final = 7  # lines above and below channels and diary: head, titles, a gap, the footer
DIARY: Final = 4  # lines of it and of alerts
ROWS_MIN: Final = 12  # of channels; the plan stands beside them


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that is known at one moment, for the screen."""

    bay: str
    pace: str  # how long it has been
    progress: Progress | None = None
    snapshot: Snapshot = field(default_factory=Snapshot)
    rules: Mapping[Place, Rule] = field(default_factory=dict)
    diary: Sequence[str] = ()
    alerts: Sequence[Alert] = ()
    footer: str = ""


def board(scene: Scene, *, columns: int = 80, lines: int = 24) -> list[str]:
    """Return the screen, one line less than there are, so that nothing scrolls."""
    now = scene.progress
    rows = max(ROWS_MIN, min(lines - 1 - AROUND - DIARY, len(scene.rules)))
    plan = [_stage(now, stage) for stage in now.stages][:rows] if now else []
    beside = _channels(scene, rows, columns - PLAN - 1)
    alerts = _alerts(scene.alerts)
    room = max(0, lines - 1 - AROUND - rows - len(alerts))
    diary = list(scene.diary)[-room:] if room else []
    return [
        *_head(scene, columns),
        TITLES,
        *(f"{left:<{PLAN}} {right}".rstrip() for left, right in _beside(plan, beside, rows)),
        "",
        *diary,
        *[""] * (room - len(diary)),
        *alerts,
        scene.footer,
    ]


def _beside(plan: list[str], channels: list[str], rows: int) -> Iterator[tuple[str, str]]:
    """Yield what stands beside each other, in so many lines."""
    yield from islice(zip_longest(plan, channels, fillvalue=""), rows)


def apart(left: str, right: str, columns: int) -> str:
    """Return a line with a text at either end; the left one gives way."""
    room = columns - 1 - len(right) - 2
    return f"{left[:room]:<{room}}  {right}" if right else left[: columns - 1]


def bar(share: float, width: int) -> str:
    """Return how much of something there is.

    >>> bar(0.5, 4), bar(7.0, 4), bar(0.01, 4)
    ('##..', '####', '....')
    """
    full = round(max(0.0, min(share, 1.0)) * width)
    return "#" * full + "." * (width - full)


def ranked(snapshot: Snapshot, rules: Mapping[Place, Rule]) -> list[Place]:
    """Return all judged channels: what needs a look, what is broken on purpose, what tells most."""
    first: dict[Place, int] = {place: position for position, place in enumerate(SHOWN_FIRST)}
    none = Rule(judged=False)
    broken = _broken(rules)
    return sorted(
        snapshot.status,
        key=lambda place: (
            -weight(snapshot.status[place]) if rules.get(place, none).judged else 0,
            not (rules.get(place, none).judged and snapshot.is_held(place)),
            place not in broken,
            not rules.get(place, none).judged,
            first.get(place, len(first)),
        ),
    )


def _broken(rules: Mapping[Place, Rule]) -> list[Place]:
    """Return what a step breaks on purpose: the first channel of a kind speaks for the others."""
    found: dict[str, Place] = {}
    for place, rule in rules.items():
        if rule.broken:
            found.setdefault(place[1].partition("[")[0], place)
    return list(found.values())[:BROKEN_ROWS]


def value(place: Place, snapshot: Snapshot) -> tuple[str, str]:
    """Return what a channel reads now, and its unit."""
    if state := snapshot.states.get(place):
        return state, ""
    if reading := snapshot.readings.get(place):
        scale = scale_of(reading.quantity)
        return f"{reading.value * scale.factor:.{scale.digits}f}", scale.unit
    return "no value" if snapshot.status.get(place) == UNKNOWN else "-", ""


def _head(scene: Scene, columns: int) -> list[str]:
    """Return what goes on, in four lines."""
    now = scene.progress
    if now is None:
        title = apart(f"RACKPROOF DEMO  {scene.bay}", scene.pace, columns)
        return [title, "no run has begun yet", "", ""]
    title = f"RACKPROOF DEMO  rack {now.serial}, {scene.bay}, spec {now.spec}"
    head = [apart(title, scene.pace, columns)]
    if now.over:
        how = (
            "its record and certificate are sealed" if now.sealed else "its certificate is made now"
        )
        said = wrap(f"VERDICT {now.verdict}: {now.reason}", columns - 1)
        return [*head, *[*said, "", ""][:2], how]
    if now.moment is None:
        return [*head, f"between stages; {now.standing}", "", ""]
    stage = f"stage {now.number} of {len(now.stages)}: {now.moment.stage}"
    share = now.qualified_s / now.required_s if now.required_s else 0.0
    load = "" if now.load is None else f"load {100 * now.load:.0f} %, "
    return [
        *head,
        apart(f"{stage:<28} [{bar(share, BAR)}] {now.counted}", now.standing, columns),
        f"  {STAGES.get(now.moment.stage, '')}",
        f"  {load}{now.doing}"[: columns - 1],
    ]


def _stage(now: Progress, stage: Stage) -> str:
    """Return one line of the plan."""
    mark = VERDICTS.get(stage.verdict or "", "... " if stage.begun else "    ")
    if now.moment is not None and now.moment.stage == stage.name:
        mark = " >> "
    return f"{mark} {stage.name[:14]}"


def _channels(scene: Scene, rows: int, columns: int) -> list[str]:
    """Return the channels that matter, with how much of their limit is used."""
    listed = ranked(scene.snapshot, scene.rules)
    margin = max(MARGIN.start, min(MARGIN.stop, columns - 1 - FIXED))
    return [_row(place, scene, margin) for place in listed[:rows]]


def _row(place: Place, scene: Scene, margin: int) -> str:
    """Return one line of the table."""
    status = scene.snapshot.status[place]
    rule = scene.rules.get(place, Rule(judged=False))
    used = scene.snapshot.deviation.get(place, math.nan)
    return LINE.format(
        mark=MARKS[status] if rule.judged else "-",
        name=place[1] if place[0] == "derived" else f"{place[0]}.{place[1]}",
        value=" ".join(value(place, scene.snapshot)).rstrip(),
        limit=rule.limit(status, used) if rule.judged else "",
        used=bar(abs(used), margin) if rule.judged and _graded(place, scene, used) else "",
    ).rstrip()


def _graded(place: Place, scene: Scene, used: float) -> bool:
    """Say whether a channel can be nearer to its limit or farther: a state cannot."""
    return math.isfinite(used) and place not in scene.snapshot.states


def _alerts(alerts: Sequence[Alert]) -> list[str]:
    """Return what fires, in two lines at most."""
    lines = [f"ALERT {alert}" for alert in alerts[:2]]
    if len(alerts) > len(lines):
        lines[-1] += f", and {len(alerts) - len(lines)} more"
    return lines
