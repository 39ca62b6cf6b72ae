r"""What commands print: tables for people, JSON for programs, no device's control characters.

>>> shown("PX3\x1b[2J\n")
'PX3\\x1b[2J\\n'
"""

import json
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TextIO

import click

if TYPE_CHECKING:
    from collectors.document import Problem  # at run time it would cost every command 0.1 s

GAP: Final = 2  # spaces between columns
HIDDEN: Final = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")  # what moves a cursor, turns or hides text


def shown(text: str) -> str:
    """Return text fit for a terminal: what could act on it is escaped."""
    if text.isprintable():
        return text
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in HIDDEN else c for c in text)


def emit(document: object) -> None:
    """Print JSON for a program. A number that JSON does not have is a mistake of ours."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def say(text: str = "") -> None:
    """Print one line for a person, on a terminal wrapped at words."""
    click.echo(_wrapped(shown(text), sys.stdout))


def complain(text: str) -> None:
    """Print one line where errors go, likewise."""
    click.echo(_wrapped(shown(text), sys.stderr), err=True)


def _wrapped(text: str, stream: TextIO) -> str:
    """Break a line that is wider than the terminal; a program gets it in one piece."""
    if not stream.isatty():
        return text
    words = text.lstrip(" ")
    indent = " " * (len(text) - len(words))
    return textwrap.fill(
        words,
        shutil.get_terminal_size().columns,
        initial_indent=indent,
        subsequent_indent=indent + " " * GAP,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(rows: Iterable[Sequence[str]], *, right: Sequence[int] = (), indent: int = 0) -> None:
    """Print aligned columns; those in `right` end, all others begin, at one edge.

    On a terminal the last column is cut to its width; a program gets all of it.
    """
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in cells:
        parts = [
            cell.rjust(width) if n in right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = (" " * indent + (" " * GAP).join(parts)).rstrip()
        click.echo(line if room is None or len(line) <= room else line[: room - 1] + "…")


def count(number: int, word: str, plural: str = "") -> str:
    """Return a number and its noun.

    >>> count(1, "bay"), count(2, "bay"), count(0, "battery", "batteries")
    ('1 bay', '2 bays', '0 batteries')
    """
    return f"{number} {word if number == 1 else plural or word + 's'}"


def figure(value: float) -> str:
    """Return a number as a person compares it; `--json` has every digit.

    >>> figure(74601100.0), figure(229.0), figure(12345.67), figure(1 / 3)
    ('74601100', '229', '12345.7', '0.33333')
    """
    if value.is_integer():
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1e4 else f"{value:.5g}"


def problem_dict(problem: "Problem") -> dict[str, str | int]:
    """Return a problem of a file for a program."""
    return {"file": problem.file, "line": problem.line, "key": problem.key, "text": problem.text}
