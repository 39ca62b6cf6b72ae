"""The screen of a floor: a line for each bay, and below what weighs most.

Pure: what was seen and a size in, lines of text out.
"""

from collections.abc import Sequence
from typing import Final

from agent.demo.alerts import Alert
from agent.demo.board import apart, bar
from agent.demo.progress import Progress

LINE: Final = "{bay:<8.8} {serial:<10.10} {stage:<23.23} {time:<18} {standing}"
TITLES: Final = LINE.format(
    bay="BAY", serial="RACK", stage="STAGE", time="TIME THAT COUNTS", standing="SO FAR"
)
BAR: Final = 16  # characters of the stage's time
AROUND: Final = 6  # lines above and below bays and diary, the free last one too
ALERTS: Final = 3  # lines of them
DIARY: Final = 4  # lines of it, at least


def wall(  # noqa: PLR0913 -- a screen shows so much
    bays: Sequence[tuple[str, Progress | None]],
    *,
    pace: str,
    diary: Sequence[str],
    alerts: Sequence[Alert],
    footer: str,
    columns: int = 80,
    lines: int = 24,
) -> list[str]:
    """Return the screen, one line less than there are, so that nothing scrolls."""
    shown = bays[: max(1, lines - AROUND - ALERTS - DIARY)]
    more = len(bays) - len(shown)
    firing = [f"ALERT {alert}" for alert in alerts[:ALERTS]]
    if len(alerts) > ALERTS:
        firing[-1] += f", and {len(alerts) - ALERTS} more"
    room = max(DIARY, lines - AROUND - ALERTS - len(shown))
    written = list(diary)[-room:]
    return [
        apart(f"RACKPROOF DEMO  {len(bays)} bays", pace, columns),
        "",
        TITLES,
        *(_line(bay, now)[: columns - 1] for bay, now in shown),
        f"and {more} more bays" if more else "",
        *written,
        *[""] * (room - len(written)),
        *firing,
        footer,
    ]


def _line(bay: str, now: Progress | None) -> str:
    """Return one bay."""
    if now is None:
        return f"{bay:<8.8} no run has begun yet"
    share = now.qualified_s / now.required_s if now.required_s else 0.0
    stage = f"{now.number:>2} of {len(now.stages)} {now.moment.stage}" if now.moment else ""
    return LINE.format(
        bay=bay,
        serial=now.serial,
        stage="over" if now.over else stage,
        time=f"[{bar(1.0 if now.over else share, BAR)}]",
        standing=now.standing,
    ).rstrip()
