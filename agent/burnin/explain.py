"""Why a channel's verdict is what it is, in sentences that a quality engineer reads."""

import math
from typing import Final

from agent.burnin.acceptance import BEST, WORST, Acceptance
from agent.burnin.limits import Rung
from agent.burnin.verdict import Reason, Verdict

_DIFFERENCES: Final = {"degC": "K", "dBm": "dB"}  # what differences of such values are in


def clock(seconds: float) -> str:
    """Return run seconds as hours, minutes and seconds.

    >>> clock(11525)
    '3:12:05'
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def channel_reason(part: Acceptance, n: int, verdict: Verdict) -> Reason:
    """Say why channel number `n` of an acceptance has its verdict."""
    story = _Story(part, n)
    channel = story.channel
    text, at, value, limit = story.failed() if verdict is Verdict.FAIL else story.undecided()
    return Reason(
        verdict=verdict,
        of=f"{channel.device}.{channel.name}",
        text=text,
        at=at if math.isfinite(at) else None,
        value=value if math.isfinite(value) else None,
        limit=limit if math.isfinite(limit) else None,
        unit=channel.row.scale.unit.symbol,
    )


_Told = tuple[str, float, float, float]  # text, when, value, limit


class _Story:
    """What is known of one channel of an acceptance."""

    def __init__(self, part: Acceptance, n: int) -> None:
        self.part = part
        self.n = n
        self.channel = part.rules.channels[n]
        self.every = part.rules.every
        self.unit = self.channel.row.scale.unit.symbol
        self.worst_value, self.near_at = float(part.value[n]), float(part.at[n])

    def failed(self) -> _Told:
        """Say which limit was not kept, whatever the uncertainty."""
        part, n = self.part, self.n
        if part.never[BEST, n]:
            return self._never()
        if part.long_run[BEST, n]:
            slots, since = int(part.long_run[BEST, n]), float(part.long_since[BEST, n])
            limit = float(part.long_limit[BEST, n])
            text = f"was {self._beyond(limit, since)} for {self._time(slots)} from {clock(since)}, "
            text += f"longest tolerated {self._hold(since)}{self._peak()}"
            return text, since, self.worst_value, limit
        limit = float(part.limit[n])
        total = self._time(int(part.total[BEST, n]))
        text = f"was {self._beyond(limit, self.near_at)} for {total} in total, "
        text += f"tolerated {self._allowed()}{self._peak()}"
        return text, self.near_at, self.worst_value, limit

    def _never(self) -> _Told:
        """Say what must never be."""
        part, n = self.part, self.n
        at, value = float(part.never_at[BEST, n]), float(part.never_value[BEST, n])
        limit = float(part.never_limit[BEST, n])
        if part.rules.counted[n]:
            text = f"counted {value:g} by {clock(at)}, tolerated {self._side(limit)} {limit:g}"
        elif self.channel.row.scale.is_state:
            text = f"was not {self._names(at)} at {clock(at)}, which trips"
        else:
            text = f"was {self._number(value)} at {clock(at)}, trip limit {self._number(limit)}"
        return text, at, value, limit

    def undecided(self) -> _Told:
        """Say what is missing, or too near to a limit."""
        part, n = self.part, self.n
        if part.unjudged[n]:
            where = " of one of its phases" if part.judged[n] else ""
            return f"was not judged in a single slot{where}", math.nan, math.nan, math.nan
        if gap := int(part.longest_gap[n]):
            return self._missing(gap, float(part.gap_at[n]))
        limit, at = float(part.limit[n]), self.near_at
        near = f"nearer to {self._number(limit)} than its uncertainty of {self._width()}"
        if part.never[WORST, n]:
            at, limit = float(part.never_at[WORST, n]), float(part.never_limit[WORST, n])
            if part.rules.counted[n]:
                text = "its count is not certain: its device started anew, or was not read before"
                return text, at, math.nan, limit
            near = f"nearer to its trip limit of {self._number(limit)} than its uncertainty"
            return f"came {near} at {clock(at)}", at, float(part.never_value[WORST, n]), limit
        if slots := int(part.long_run[WORST, n]):
            at = float(part.long_since[WORST, n])
            text = f"was {near} for {self._time(slots)} from {clock(at)}, "
            return text + f"longest tolerated {self._hold(at)}", at, self.worst_value, limit
        text = f"was {near} for {self._time(int(part.total[WORST, n]))} in total, tolerated "
        return text + self._allowed(), at, self.worst_value, limit

    def _missing(self, gap: int, at: float) -> _Told:
        """Say how long readings were missing, and what that cannot rule out."""
        part, n = self.part, self.n
        what = "no complete reading" if self.channel.role else "not known"
        text = f"{what} for {self._time(gap)} from {clock(at)}"
        if part.waiting[n]:
            text += ", and none after it that would vouch for it"
        elif part.rules.strict[n] and part.never[WORST, n]:
            hides = "a count" if part.rules.counted[n] else "a trip"
            text += f", which may hide {hides}"
        elif gap > part.rules.hold[n]:
            text += f", longest tolerated {self._hold(at)}"
        else:
            lost = int(part.judged[n] - part.complete[n])
            text += f"; {self._time(lost)} missing in total"
            text += f", {self._time(int(part.total[WORST, n]))} not proven, "
            text += f"tolerated {self._allowed()}"
        return text, at, math.nan, math.nan

    def _beyond(self, limit: float, at: float) -> str:
        """Say on which side of a limit something was."""
        if self.channel.row.scale.is_state:
            return f"not {self._names(at)}"
        side = "above" if limit == self.part.rules_at(at).high[self.n] else "below"
        return f"{side} {self._number(limit)}"

    def _side(self, limit: float) -> str:
        """Return the word for a side of a count."""
        both = self.part.rules.low[self.n] == self.part.rules.high[self.n]
        if both:
            return "exactly"
        return "at most" if limit == self.part.rules.high[self.n] else "at least"

    def _hold(self, at: float) -> str:
        """Return the longest excursion that was tolerated at a time."""
        return f"{self.part.rules_at(at).channels[self.n].row.hold:g} s"

    def _names(self, at: float) -> str:
        """Return the states that were allowed at a time."""
        limits = self.part.rules_at(at).channels[self.n].row.rungs.limits
        bounds = limits[Rung.FAIL] or limits[Rung.TRIP]
        return " or ".join(sorted(bounds.names or ())) if bounds else "as wanted"

    def _peak(self) -> str:
        """Say how far it went."""
        if self.channel.row.scale.is_state or not math.isfinite(self.worst_value):
            return ""
        return f"; peak {self._number(self.worst_value)} at {clock(self.near_at)}"

    def _width(self) -> str:
        """Return the uncertainty where it was nearest to a limit."""
        unit = _DIFFERENCES.get(self.unit, self.unit)
        return f"{float(self.part.u[self.n]):.3g} {unit}".rstrip()

    def _number(self, value: float) -> str:
        """Return a value with its unit."""
        return f"{value:.4g} {self.unit}".rstrip()

    def _time(self, slots: int) -> str:
        """Return slots as seconds."""
        return f"{slots * self.every:g} s"

    def _allowed(self) -> str:
        """Return what is tolerated in total."""
        return f"{float(self.part.allowed[self.n]) * self.every:.3g} s"
