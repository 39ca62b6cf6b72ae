"""The pictures of the detection study: SVG that reads in a light and in a dark page."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

WIDTH: Final = 760
FONT: Final = 11
STYLE: Final = """\
<style>
text { font: 11px sans-serif; fill: #59636e }
.name { fill: #1c2228 }
.rule { stroke: #d4d9de; fill: none }
.line { stroke: #1f5fa8; fill: none; stroke-width: 1.5 }
.dot { fill: #1f5fa8 }
.stated { fill: #fff; stroke: #1f5fa8; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #9aa4af }
  .name { fill: #e6e9ec }
  .rule { stroke: #3a424b }
  .line { stroke: #7fb2ea }
  .dot { fill: #7fb2ea }
  .stated { fill: #0d1117; stroke: #7fb2ea }
}
</style>
"""


class Curve(NamedTuple):
    """How often a fault was found, by its size."""

    name: str
    unit: str
    sizes: Sequence[float]  # ascending
    rates: Sequence[float]  # 0..1
    stated: float  # the size that the domain names


class Span(NamedTuple):
    """How long it took to find a fault."""

    name: str
    least: float  # seconds
    median: float
    most: float


def rates(curves: Sequence[Curve], columns: int = 4) -> str:
    """Draw detection rate against size, a small picture for each fault."""
    wide, high, left, top = WIDTH / columns, 132, 38, 34
    rows = math.ceil(len(curves) / columns)
    parts: list[str] = []
    for n, curve in enumerate(curves):
        x0, y0 = (n % columns) * wide + left, (n // columns) * high + top
        parts += _curve(curve, x0, y0, wide - left - 22, high - top - 32)
    title = "Detection rate against fault size"
    told = "; ".join(
        f"{curve.name}: "
        + ", ".join(
            f"{size:g} {curve.unit} {rate:.0%}"
            for size, rate in zip(curve.sizes, curve.rates, strict=True)
        )
        for curve in curves
    )
    return _picture(rows * high, title, told, parts)


def _curve(curve: Curve, x0: float, y0: float, wide: float, high: float) -> list[str]:
    """Draw one small picture; sizes are spread evenly, as each is about twice the one before."""
    step = wide / max(len(curve.sizes) - 1, 1)
    xs = [x0 + n * step for n in range(len(curve.sizes))]
    ys = [y0 + high * (1 - rate) for rate in curve.rates]
    parts = [_text(x0 - 32, y0 - 14, curve.name, "name")]
    for rate in (0.0, 0.5, 1.0):
        y = y0 + high * (1 - rate)
        parts.append(_line(x0, y, x0 + wide, y, "rule"))
        if rate != 0.5:
            parts.append(_text(x0 - 5, y + 4, f"{rate:.0%}", anchor="end"))
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    parts.append(f'<polyline class="line" points="{points}"/>')
    for x, y, size in zip(xs, ys, curve.sizes, strict=True):
        stated = math.isclose(size, curve.stated)
        kind, radius = ("stated", 4) if stated else ("dot", 3)
        parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>')
        last = size == curve.sizes[-1]
        parts.append(_text(x, y0 + high + 15, f"{size:g}", anchor="middle"))
        if last:
            parts.append(_text(x0 + wide + 4, y0 + high + 28, curve.unit, anchor="end"))
    return parts


def times(spans: Sequence[Span], low: float = 1.0, high: float = 36000.0) -> str:
    """Draw how long it takes to find each fault, on a logarithmic axis."""
    left, right, row, top = 236, 70, 20, 24
    wide = WIDTH - left - right

    def place(seconds: float) -> float:
        """Return how far right a time stands."""
        share = math.log(max(seconds, low) / low) / math.log(high / low)
        return left + wide * min(share, 1.0)

    bottom = top + row * len(spans)
    parts = [_text(WIDTH - right + 8, top - 11, "median")]
    for seconds, text in (
        (1, "1 s"),
        (10, "10 s"),
        (60, "1 min"),
        (600, "10 min"),
        (3600, "1 h"),
        (36000, "10 h"),
    ):
        x = place(seconds)
        parts.append(_line(x, top - 6, x, bottom, "rule"))
        parts.append(_text(x, top - 11, text, anchor="middle"))
    for n, span in enumerate(spans):
        y = top + row * n + row / 2
        parts.append(_text(left - 10, y + 4, span.name, "name", anchor="end"))
        parts.append(_line(place(span.least), y, place(span.most), y, "line"))
        parts.append(f'<circle class="dot" cx="{place(span.median):.1f}" cy="{y:.1f}" r="3.5"/>')
        parts.append(_text(WIDTH - right + 8, y + 4, lasting(span.median)))
    told = "; ".join(f"{span.name}: {lasting(span.median)}" for span in spans)
    return _picture(bottom + 8, "Time from the onset of a fault until it shows", told, parts)


def lasting(seconds: float) -> str:
    """Write a time for people.

    >>> lasting(3.5), lasting(95), lasting(2400), lasting(9000)
    ('4 s', '95 s', '40 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _picture(height: float, title: str, told: str, parts: Iterable[str]) -> str:
    """Return a whole SVG, with words for those who cannot see it."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img">\n<title>{escape(title)}</title>\n'
        f"<desc>{escape(told)}</desc>\n{STYLE}{body}\n</svg>\n"
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Write words."""
    of = f' class="{kind}"' if kind else ""
    return f'<text{of} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> str:
    """Draw a straight line."""
    return f'<path class="{kind}" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>'
