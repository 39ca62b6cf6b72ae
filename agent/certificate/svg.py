"""What plots are drawn with: a frame from values to places, and SVG whose text is escaped."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from markupsafe import Markup

from agent.certificate.wording import figure

WIDTH: Final = 720.0  # of every plot; a CSS pixel at the text width of A4
LEFT, RIGHT, TOP, BOTTOM = 50.0, 118.0, 15.0, 20.0
EDGE: Final = WIDTH - RIGHT  # where the area of a plot ends and its names begin
FONT: Final = 8.5
INK, QUIET, RULE, BAND, LIMIT = "#1c2228", "#59636e", "#d4d9de", "#eef1f4", "#8c1d18"
HATCH: Final = "url(#hatch)"
FLAT: Final = 1e-9  # of the size of its values: what varies by less, stands still
_HOURS: Final = (1 / 60, 1 / 12, 1 / 6, 1 / 4, 1 / 2, 1, 2, 3, 6, 12, 24, 48)


class Frame(NamedTuple):
    """Where values go: run seconds across, values up."""

    start: float
    end: float
    low: float
    high: float
    height: float

    def x(self, at: float) -> float:
        """Return how far right a moment is, kept inside."""
        share = (at - self.start) / max(self.end - self.start, 1e-9)
        return LEFT + min(max(share, 0.0), 1.0) * (EDGE - LEFT)

    def y(self, value: float) -> float:
        """Return how far down a value is, kept inside."""
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - TOP)

    @property
    def bottom(self) -> float:
        """Return how far down the area of the plot ends."""
        return self.height - BOTTOM


class Pen(NamedTuple):
    """What a line looks like."""

    colour: str
    width: float = 0.6
    dashes: str = "none"


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Return about so many round numbers, the first not above `low`, the last not below `high`.

    >>> nice_ticks(36.2, 56.0), nice_ticks(0.0, 1.0, 2)
    ([35.0, 40.0, 45.0, 50.0, 55.0, 60.0], [0.0, 0.5, 1.0])
    """
    size = max(abs(low), abs(high))
    if high - low <= FLAT * size or size < FLAT:
        low, high = low - (0.01 * size or 0.01), high + (0.01 * size or 0.01)
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((1, 2, 2.5, 5, 10), key=lambda m: abs(m - rough / power))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{n * step:.12g}") for n in range(first, last + 1)]


def picture(name: str, height: float, title: str, described: str, parts: Iterable[str]) -> Markup:
    """Return a whole SVG, with words for those who cannot see it; ids are unique in the page."""
    body = Markup("").join(parts).replace(HATCH, f"url(#{name}-hatch)")
    return Markup(
        '<svg class="plot" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-labelledby="{n}-t {n}-d" '
        'font-family="sans-serif"><title id="{n}-t">{}</title><desc id="{n}-d">{}</desc>'
        '<defs><pattern id="{n}-hatch" width="3" height="3" patternUnits="userSpaceOnUse">'
        '<rect width="3" height="3" fill="#fff"/>'
        '<path d="M-1 1 1 -1M0 3 3 0M2 4 4 2" stroke="#8c1d18" stroke-width=".9"/>'
        "</pattern></defs>{}</svg>"
    ).format(WIDTH, height, title, described, body, n=name)


def text(
    place: tuple[float, float],
    words: str,
    *,
    anchor: str = "start",
    fill: str = QUIET,
    size: float = FONT,
) -> Markup:
    """Write words."""
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" font-size="{}" fill="{}" text-anchor="{}">{}</text>'
    ).format(*place, size, fill, anchor, words)


def path(steps: str, pen: Pen) -> Markup:
    """Draw lines."""
    return Markup(
        '<path d="{}" fill="none" stroke="{}" stroke-width="{}" stroke-dasharray="{}"/>'
    ).format(steps, *pen)


def line(x0: float, y0: float, x1: float, y1: float, pen: Pen) -> Markup:
    """Draw one straight line."""
    return path(f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}", pen)


def area(steps: str, fill: str, *, opacity: float = 1.0, stroke: str = "none") -> Markup:
    """Fill what lines enclose."""
    return Markup(
        '<path d="{}" fill="{}" fill-opacity="{}" stroke="{}" stroke-width=".6"/>'
    ).format(steps, fill, opacity, stroke)


def box(x: float, y: float, width: float, height: float) -> str:
    """Return the way around a rectangle."""
    return f"M{x:.2f} {y:.2f}h{width:.2f}v{height:.2f}h{-width:.2f}z"


def grid(frame: Frame, ticks: Iterable[float]) -> Markup:
    """Draw the value axis and its lines."""
    parts = []
    for tick in ticks:
        y = frame.y(tick)
        parts.append(line(LEFT, y, EDGE, y, Pen(RULE)))
        parts.append(text((LEFT - 5, y + 3), figure(tick), anchor="end"))
    return Markup("").join(parts)


def hours(frame: Frame) -> Markup:
    """Draw the time axis: hours, or minutes of a short run."""
    length = (frame.end - frame.start) / 3600
    step = next((step for step in _HOURS if length / step <= 9), _HOURS[-1])
    parts = [line(LEFT, frame.bottom, EDGE, frame.bottom, Pen(QUIET))]
    unit, size = ("h", 1.0) if step >= 0.5 else ("min", 60.0)
    for number in range(int(length / step) + 1):
        x = frame.x(frame.start + number * step * 3600)
        parts.append(line(x, frame.bottom, x, frame.bottom + 3, Pen(QUIET)))
        place = (x, frame.bottom + 12)
        parts.append(text(place, f"{number * step * size:g}", anchor="middle"))
    parts.append(text((EDGE + 6, frame.bottom + 12), f"{unit} of the run"))
    return Markup("").join(parts)
