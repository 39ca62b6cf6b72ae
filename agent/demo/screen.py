"""Where the live table goes: in place on a terminal, as single lines into anything else."""

import shutil
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from agent.output import shown

EMPTY: Final = "\x1b[2J"  # the whole screen (ECMA-48 §8.3.39)
HOME: Final = "\x1b[H"  # to its first line (ECMA-48 §8.3.21)
REST: Final = "\x1b[K"  # clear to the end of the line (ECMA-48 §8.3.41): no flicker
CLEAR: Final = "\x1b[J"  # all below (ECMA-48 §8.3.39)


class Screen:
    """A terminal that is drawn again and again, or whatever takes lines."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self.in_place = self._out.isatty()
        self._begun = False

    @property
    def size(self) -> tuple[int, int]:
        """Return how many columns and lines there are."""
        return shutil.get_terminal_size()

    def draw(self, lines: Sequence[str]) -> None:
        """Put `lines` where the last ones were; cut, because what wraps or scrolls is lost."""
        columns, rows = self.size
        body = "".join(f"{shown(line)[: columns - 1]}{REST}\n" for line in lines[: rows - 1])
        self._out.write((HOME if self._begun else EMPTY + HOME) + body + CLEAR)
        self._out.flush()
        self._begun = True

    def note(self, line: str) -> None:
        """Print a line that stays."""
        self._out.write(f"{shown(line)}\n")
        self._out.flush()
