"""Plots of a certificate: the same in HTML and PDF, and legible in grey.

A chart shows buckets: the smallest and largest value of each stretch of time, so nothing that was
read is averaged away. A bucket without a reading is a gap, and looks like one.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from markupsafe import Markup

from agent.certificate.svg import (
    BAND,
    EDGE,
    HATCH,
    INK,
    LEFT,
    LIMIT,
    QUIET,
    TOP,
    Frame,
    Pen,
    area,
    box,
    grid,
    hours,
    line,
    nice_ticks,
    path,
    picture,
    text,
)
from agent.certificate.wording import figure, share, unit_word

CHART_HEIGHT: Final = 121.0  # six charts fill one page, of A4 and of Letter
SPAN_SHARE: Final = 0.1  # of the run: a limit that holds for less may lie outside the picture
LABEL_STEP: Final = 10.5  # between two labels, so that they never touch
NUMBER_STEP: Final = 11.0  # between two stage numbers
NAME_CHARS: Final = 21  # of a label beside a plot
MARGIN_SHOWN: Final = (-5.0, 10.0)  # in U; what is beyond means the same to the reader
RASTER_ROW: Final = 9.0
# Each differs from the next in lightness and in dashes: grey copies stay readable.
PENS: Final = (
    Pen("#0b4f8a", 1.0),
    Pen("#c2570c", 1.0, "6 2"),
    Pen("#12806a", 1.0, "2 1.6"),
    Pen("#7a1f5c", 1.0, "8 2 2 2"),
    Pen("#5b6470", 1.0, "4 3"),
    Pen("#8a6d00", 1.0, "1 2"),
)
PROOFS: Final = (
    ("#b9cfe0", "none", "one U or more inside"),
    ("#4d7ea8", "none", "less than one U inside"),
    (HATCH, LIMIT, "not proven inside"),
)

Json = Mapping[str, Any]
Run = tuple[int, list[tuple[float, float]]]  # first bucket, and lowest and highest of each


def chart(panel: Json, plots: Json, stages: Sequence[Json]) -> Markup:
    """Draw one panel of the summary's plots over the stages of the run."""
    values = [v for s in panel["series"] for v in (*s["low"], *s["high"]) if v is not None]
    values += [value for s in panel["steps"] for _, value in s["points"] if value is not None]
    long = SPAN_SHARE * (plots["end_s"] - plots["start_s"])
    spans = [span for limit in panel["limits"] for span in limit["spans"]]
    values += [value for start, end, value in spans if end - start >= long]
    ticks = nice_ticks(min(values, default=0.0), max(values, default=1.0))
    frame = Frame(plots["start_s"], plots["end_s"], ticks[0], ticks[-1], CHART_HEIGHT)
    parts = [_stage_bands(frame, stages), grid(frame, ticks), hours(frame)]
    parts += [_limit(frame, limit) for limit in panel["limits"]]
    names: list[tuple[float, Pen, str]] = []
    for number, series in enumerate(panel["series"]):
        pen = PENS[number % len(PENS)]
        if runs := _runs(series["low"], series["high"]):
            parts.append(_envelope(frame, plots["step_s"], runs, pen, panel["u"] or 0.0))
            names.append((frame.y(sum(runs[-1][1][-1]) / 2), pen, series["name"]))
    for series in panel["steps"]:
        pen = Pen(INK, 1.6)
        parts.append(path(_stairs(frame, series["points"]), pen))
        last = next((v for _, v in reversed(series["points"]) if v is not None), frame.low)
        names.append((frame.y(last), pen, series["name"]))
    parts.append(_names(frame, names))
    unit = unit_word(panel["unit"])
    title = f"{panel['title']}, {unit}" if unit else panel["title"]
    return picture(panel["id"], frame.height, title, _described(panel, unit), parts)


def margin_strip(channels: Sequence[Json]) -> Markup:
    """Draw the margin of every channel, worst first; three fills tell what each one proves."""
    margins = [channel["margin"] for channel in channels]
    least, most = MARGIN_SHOWN
    low = max(math.floor(min(margins, default=0.0)), least) if min(margins, default=0) < 0 else 0.0
    ticks = nice_ticks(low, most, 5)
    frame = Frame(0.0, 1.0, ticks[0], most, 170.0)
    pitch, zero = (EDGE - LEFT) / max(len(margins), 1), frame.y(0.0)
    bars: list[list[str]] = [[] for _ in PROOFS]
    for rank, margin in enumerate(margins):
        top = min(frame.y(margin), zero)
        tall = max(abs(frame.y(margin) - zero), 0.8)
        kind = 2 if margin < 0 else 1 if margin < 1 else 0
        bars[kind].append(box(LEFT + rank * pitch, top, max(0.8 * pitch, 0.4), tall))
    parts = [grid(frame, ticks)]
    for place, ((fill, stroke, words), shapes) in enumerate(zip(PROOFS, bars, strict=True)):
        y = TOP + 8 + place * 14
        parts.append(area("".join(shapes), fill, stroke=stroke))
        parts.append(area(box(EDGE + 6, y - 8, 9, 9), fill, stroke=QUIET))
        parts.append(text((EDGE + 19, y), words, fill=INK))
    parts.append(line(LEFT, zero, EDGE, zero, Pen(INK, 0.9)))
    words = f"{len(margins)} channels that have an uncertainty, worst first; more than {most:g} U"
    parts.append(text((LEFT, frame.height - 5), f"{words} is drawn as {most:g} U"))
    described = f"{len(bars[2])} of {len(margins)} channels are not proven inside their limits"
    title = "Margin of every channel to its fail limit, in U"
    return picture("margins", frame.height, title, described, parts)


def coverage_raster(coverage: Json, stages: Sequence[Json]) -> Markup:
    """Draw who answered when: a thin line where all readings are good, a block where none is."""
    devices, step, start = coverage["devices"], coverage["step_s"], coverage["start_s"]
    frame = Frame(start, coverage["end_s"], 0.0, 1.0, TOP + 20.0 + RASTER_ROW * len(devices))
    parts = [_stage_bands(frame, stages), hours(frame)]
    shapes: dict[str, list[str]] = {"all": [], "some": [], "none": []}
    for place, device in enumerate(devices):
        y, at = TOP + RASTER_ROW * place, 0
        seen = text((EDGE + 36, y + 7), share(device["share"]), anchor="end", size=6.4, fill=INK)
        parts += [seen, text((EDGE + 41, y + 7), _cut(device["device"], NAME_CHARS), size=6.4)]
        for cell, group in groupby(device["cells"]):
            x0, at = frame.x(start + at * step), at + len(list(group))
            wide = max(frame.x(start + at * step) - x0, 0.8)
            if cell == "9":
                shapes["all"].append(box(x0, y + 3.4, wide, 2.2))
            elif cell != "-":
                shapes["none" if cell == "0" else "some"].append(box(x0, y + 1, wide, 7))
    fills = {"all": "#9db8cc", "some": HATCH, "none": INK}
    parts += [area("".join(shapes[key]), fill) for key, fill in fills.items()]
    holes = len(shapes["some"]) + len(shapes["none"])
    described = f"{holes} stretches in which readings of a device are missing"
    title = "Good readings of each device over the run"
    return picture("coverage", frame.height, title, described, parts)


def _described(panel: Json, unit: str) -> str:
    """Say in words what a chart shows."""
    words = []
    for series in panel["series"]:
        low = [value for value in series["low"] if value is not None]
        high = [value for value in series["high"] if value is not None]
        known = low and high
        seen = f"{figure(min(low))} to {figure(max(high))} {unit}".rstrip() if known else "not read"
        words.append(f"{series['name']}: {seen}")
    return "; ".join(words)


def _runs(lows: Sequence[float | None], highs: Sequence[float | None]) -> list[Run]:
    """Return each stretch of buckets that have values."""
    runs: list[Run] = []
    before = -2
    for place, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if low is None or high is None:
            continue
        if place != before + 1:
            runs.append((place, []))
        runs[-1][1].append((low, high))
        before = place
    return runs


def _envelope(frame: Frame, step: float, runs: Sequence[Run], pen: Pen, u: float) -> Markup:
    """Draw lowest to highest, wider by u, as an area with a line through it; broken at gaps."""
    areas, lines = [], []
    for first, seen in runs:
        values = seen if len(seen) > 1 else [*seen, *seen]
        last = len(values) - 1
        shifts = [0.0, *(n + 0.5 for n in range(1, last)), float(len(seen))]
        places = [frame.x(frame.start + step * (first + shift)) for shift in shifts]
        pairs = list(zip(places, values, strict=True))
        lower = [f"{x:.1f} {frame.y(low - u):.1f}" for x, (low, _) in pairs]
        upper = [f"{x:.1f} {frame.y(high + u):.1f}" for x, (_, high) in reversed(pairs)]
        areas.append("M" + "L".join([*lower, *upper]) + "Z")
        lines.append("M" + "L".join(f"{x:.1f} {frame.y(sum(v) / 2):.1f}" for x, v in pairs))
    return area("".join(areas), pen.colour, opacity=0.22) + path("".join(lines), pen)


def _stairs(frame: Frame, points: Sequence[Sequence[float | None]]) -> str:
    """Return the way along what was asked for: level until the next change."""
    ends = [*(at for at, _ in points), frame.end][1:]
    return "".join(
        f"M{frame.x(at):.1f} {frame.y(value):.1f}H{frame.x(until):.1f}"
        for (at, value), until in zip(points, ends, strict=True)
        if at is not None and until is not None and value is not None
    )


def _limit(frame: Frame, limit: Json) -> Markup:
    """Draw a limit where it held, dashed, and name it at its longest stretch, outside of it."""
    spans = [span for span in limit["spans"] if frame.low <= span[2] <= frame.high]
    if not spans:
        return Markup("")
    pen = Pen(LIMIT, 0.8, "5 2.5")
    steps = (f"M{frame.x(a):.1f} {frame.y(v):.1f}H{frame.x(b):.1f}" for a, b, v in spans)
    start, _, value = max(spans, key=lambda span: span[1] - span[0])
    y = frame.y(value)
    above = y - TOP > 4 and (limit["name"].endswith("max") or frame.bottom - y < 10)
    place = (frame.x(start) + 3, y - 2.5 if above else y + 8)
    words = f"{limit['name']} {figure(value)}"
    return path("".join(steps), pen) + text(place, words, fill=LIMIT, size=7.2)


def _stage_bands(frame: Frame, stages: Sequence[Json]) -> Markup:
    """Shade every other stage, and number those whose number fits."""
    parts, shaded = [], []
    taken = LEFT - NUMBER_STEP
    for place, stage in enumerate(stages):
        x0, x1 = frame.x(stage["started_s"]), frame.x(stage["ended_s"])
        if place % 2 == 0:
            shaded.append(box(x0, TOP, max(x1 - x0, 0.3), frame.bottom - TOP))
        middle = (x0 + x1) / 2
        if middle >= taken + NUMBER_STEP:
            words = str(stage["number"])
            parts.append(text((middle, TOP - 4), words, anchor="middle", size=7.2))
            taken = middle
    return area("".join(shaded), BAND) + Markup("").join(parts)


def _names(frame: Frame, names: list[tuple[float, Pen, str]]) -> Markup:
    """Name each line at its end, moved apart where they would touch."""
    names.sort(key=lambda name: name[0])
    room = frame.bottom - 3
    places = [min(max(y, TOP + 4), room) for y, _, _ in names]
    for n in range(1, len(places)):
        places[n] = max(places[n], places[n - 1] + LABEL_STEP)
    for n in reversed(range(len(places))):
        places[n] = min(places[n], room)
        room = places[n] - LABEL_STEP
    parts = []
    for y, (_, pen, name) in zip(places, names, strict=True):
        parts.append(line(EDGE + 4, y, EDGE + 18, y, pen._replace(width=1.6)))
        parts.append(text((EDGE + 22, y + 3), _cut(name, NAME_CHARS), fill=INK))
    return Markup("").join(parts)


def _cut(words: str, chars_max: int) -> str:
    """Cut what is longer than its place."""
    return words if len(words) <= chars_max else words[: chars_max - 1] + "…"
