"""Where the live table goes: in place on a terminal, as single lines into anything else."""

import shutil
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from agent.output import shown

LINES_AROUND: Final = 11  # of what stands above and below the channels
ROWS_MIN: Final = 5  # on the smallest window there is something to see
ROWS_WITHOUT_TERMINAL: Final = 16
UP: Final = "\x1b[{}F"  # to the start of the line so many lines up (ECMA-48 §8.3.13)
CLEAR: Final = "\x1b[J"  # all below (ECMA-48 §8.3.39)


class Screen:
    """The part of a terminal that is drawn again and again."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self.in_place = self._out.isatty()
        self._drawn = 0

    @property
    def rows(self) -> int:
        """Return how many channels fit."""
        if not self.in_place:
            return ROWS_WITHOUT_TERMINAL
        return max(ROWS_MIN, shutil.get_terminal_size().lines - LINES_AROUND)

    def draw(self, lines: Sequence[str]) -> None:
        """Put `lines` where the last ones were; cut, because a line that wraps cannot be undone."""
        columns = shutil.get_terminal_size().columns
        above = UP.format(self._drawn) + CLEAR if self._drawn else ""
        body = "".join(f"{shown(line)[: columns - 1]}\n" for line in lines)
        self._out.write(above + body)
        self._out.flush()
        self._drawn = len(lines)

    def note(self, line: str) -> None:
        """Print a line that stays; the table, if there is one, begins again below it."""
        self._drawn = 0
        self._out.write(f"{shown(line)}\n")
        self._out.flush()
