"""Findings: what is wrong with a record, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `line`: of a text file, from 1 on; in a journal, the entry too."""

    file: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        """Return `file:line: what is wrong`."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.text}"
