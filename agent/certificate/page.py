"""The certificate as one HTML page, from a summary alone: no script, no asset, no device's markup.

Page one is what a quality engineer signs; what follows is why. Its style sheet serves screens and
paper, and leaves the size of the paper to whoever prints.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from agent.burnin.design import DERIVED
from agent.burnin.verdict import Verdict
from agent.certificate.plots import chart, coverage_raster, margin_strip
from agent.certificate.wording import (
    cleaned,
    iso,
    limits,
    number,
    share,
    spell,
    unit_word,
    utc,
)

REASONS_MAX: Final = 5  # on page one; the tree has them all
MARGINS_MAX: Final = 10
CHECKS_MAX: Final = 12
COLOURS: Final = {
    "PASS": "#14532d",
    "FAIL": "#8c1d18",
    "INCONCLUSIVE": "#6b4a00",
    "ABORTED": "#30363d",
}
ALONE: Final = "devices with one channel here"
STILL: Final = "states and counters that never changed"
PARTS_MAX: Final = 200  # of one node of the tree; a rack that is off has 700 reasons, all alike

Json = Mapping[str, Any]


class Line(NamedTuple):
    """One line of a stage's table: a channel, or channels of which the same is to be said."""

    name: str
    channel: Json
    times: int = 1


@functools.cache
def _environment() -> Environment:
    """Return what renders the page; all that is not our own markup is escaped."""
    environment = Environment(
        loader=PackageLoader("agent.certificate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["colours"] = COLOURS
    environment.filters |= {
        "spell": spell,
        "utc": utc,
        "share": share,
        "limits": limits,
        "unit": unit_word,
        "value": lambda channel, key: number(channel[key], channel["u"], channel["unit"]),
        "remark": _remark,
        "name": _name,
        "leaves": lambda reason: list(_leaves(reason)),
        "margin": lambda margin: number(margin, 0.1, ""),
    }
    return environment


def html(summary: Json) -> str:
    """Return the page."""
    facts = cleaned(summary)
    stages = facts["stages"]
    margins = _margins(stages)
    plots = facts["plots"]
    reasons = _reasons(facts)
    return (
        _environment()
        .get_template("certificate.html")
        .render(
            s=facts,
            certifies=facts["spec"]["status"] == "released",
            reasons=reasons[:REASONS_MAX],
            reasons_in_all=len(reasons),
            margins=margins[:MARGINS_MAX],
            checks=_checks(stages)[:CHECKS_MAX],
            worst=_worst_of_stages(margins),
            charts=[chart(panel, plots, stages) for panel in plots["panels"]],
            strip=margin_strip(_worst_of_channels(margins)),
            raster=coverage_raster(facts["coverage"], stages),
            holes=_holes(stages),
            sections=[(stage, _lines(stage["channels"])) for stage in stages],
            parts_max=PARTS_MAX,
            severity={verdict.name: verdict.value for verdict in Verdict},
        )
    )


def _reasons(facts: Json) -> list[Json]:
    """Return why a run did not pass, worst first: of each channel one reason, with its time."""
    started = datetime.fromisoformat(facts["started"]).timestamp()
    first: dict[tuple[str, str], Json] = {}
    for reason in _leaves(facts["reason"]):
        known = first.setdefault((reason["of"], reason["within"]), reason)
        if "at" in reason and "utc" not in known:
            first[reason["of"], reason["within"]] = {**known, "utc": iso(started + reason["at"])}
    return list(first.values())


def _leaves(reason: Json, above: str = "") -> Iterator[Json]:
    """Yield what a verdict rests on in the end, worst first; nothing where it is PASS."""
    if reason["verdict"] == "PASS":
        return
    parts = [part for part in reason.get("parts", ()) if part["verdict"] != "PASS"]
    if not parts:
        yield {**reason, "within": above}
    for part in sorted(parts, key=lambda part: -Verdict[part["verdict"]]):
        yield from _leaves(part, reason["of"] if above or reason["of"] != "run" else "")


def _margins(stages: Sequence[Json]) -> list[Json]:
    """Return every margin of every latest attempt, smallest first."""
    found = [
        {**channel, "stage": stage["stage"], "number": stage["number"]}
        for stage in stages
        if not stage["superseded"]
        for channel in stage["channels"]
        if channel["margin"] is not None
    ]
    return sorted(found, key=lambda channel: channel["margin"])


def _worst_of_channels(margins: Sequence[Json]) -> list[Json]:
    """Return each channel's smallest margin over the stages."""
    first: dict[tuple[str, str], Json] = {}
    for channel in margins:
        first.setdefault((channel["device"], channel["channel"]), channel)
    return list(first.values())


def _worst_of_stages(margins: Sequence[Json]) -> dict[int, Json]:
    """Return each stage's smallest margin, by the number of the stage."""
    first: dict[int, Json] = {}
    for channel in margins:
        first.setdefault(channel["number"], channel)
    return first


def _checks(stages: Sequence[Json]) -> list[Json]:
    """Return the derived channels that have limits, each where it was nearest to failing."""
    checks: dict[str, Json] = {}
    for stage in stages:
        for channel in stage["channels"]:
            if channel["device"] != DERIVED or stage["superseded"]:
                continue
            before = checks.get(channel["channel"])
            if before is None or _urgency(channel) > _urgency(before):
                checks[channel["channel"]] = {**channel, "number": stage["number"]}
    return sorted(checks.values(), key=_urgency, reverse=True)


def _urgency(channel: Json) -> tuple[int, float]:
    """Return what says which of two channels a reader must see first."""
    margin = channel["margin"]
    return Verdict[channel["verdict"]], -1e9 if margin is None else -margin


def _holes(stages: Sequence[Json]) -> list[Json]:
    """Return the channels that were not seen all the time, the worst of each device and stage."""
    found: dict[tuple[int, str], list[Json]] = {}
    for stage in stages:
        for channel in stage["channels"]:
            if channel["coverage"] is not None and channel["coverage"] < 1:
                key = stage["number"], channel["device"]
                found.setdefault(key, []).append({**channel, "stage": stage["stage"]})
    ordered = [sorted(group, key=_blindness) for group in found.values()]
    return sorted(({**g[-1], "many": len(g)} for g in ordered), key=_blindness, reverse=True)


def _blindness(channel: Json) -> tuple[int, float]:
    """Return what says which of two channels was missed more."""
    return Verdict[channel["verdict"]], -channel["coverage"]


def _lines(channels: Sequence[Json]) -> dict[str, list[Line]]:
    """Return a stage's table by device; channels that were as they should all along, together."""
    still = [c for c in channels if _is_still(c)]
    rest = [c for c in channels if not _is_still(c)]
    groups = [list(group) for _, group in groupby(rest, key=lambda channel: channel["device"])]
    alone = [group[0] for group in groups if len(group) == 1 and group[0]["device"] != DERIVED]
    lines: dict[str, list[Line]] = {}
    for group in groups:
        if len(alone) > 1 and group[0] in alone:
            lines.setdefault(ALONE, []).append(Line(_name(group[0]), group[0]))
        else:
            lines[group[0]["device"]] = [Line(channel["channel"], channel) for channel in group]
    if together := list(_together(still)):
        lines[STILL] = together
    return lines


def _name(channel: Json) -> str:
    """Return a channel's name in the rack; a derived one belongs to no device."""
    alone = channel["device"] == DERIVED
    return channel["channel"] if alone else f"{channel['device']}.{channel['channel']}"


def _remark(channel: Json) -> str:
    """Return what is not as it should be; nothing of a channel seen and inside all the time."""
    parts = []
    if channel["coverage"] is not None and channel["coverage"] < 1:
        parts.append(f"{share(channel['coverage'])} seen, gap {spell(channel['longest_gap_s'])}")
    if channel["excursions"]:
        times = "once" if channel["excursions"] == 1 else f"{channel['excursions']} times"
        parts.append(f"outside {times}, {spell(channel['total_s'])}")
    return "; ".join(parts)


def _is_still(channel: Json) -> bool:
    """Say whether of a state or counter there is nothing to tell but that it stayed as it was."""
    constant = channel["min"] == channel["max"]
    calm = channel["verdict"] == "PASS" and not channel["excursions"] and constant
    return bool(calm and channel["kind"] != "gauge")


def _together(channels: Sequence[Json]) -> Iterator[Line]:
    """Yield one line for all channels of a row that kept the same limit with the same value."""

    def key(channel: Json) -> tuple[str, str, str, bool]:
        """Return what must be the same."""
        value = str((channel["min"], channel["verdict"]))
        return channel["row"], limits(channel), value, channel["required"]

    for (row, *_), grouped in groupby(sorted(channels, key=key), key=key):
        group = list(grouped)
        known = [c["coverage"] for c in group if c["coverage"] is not None]
        yield Line(
            row,
            {
                **group[0],
                "coverage": min(known, default=None),
                "longest_gap_s": max(c["longest_gap_s"] or 0.0 for c in group),
            },
            len(group),
        )
