r"""Runs on the metrics page: what is on in a bay, how far it is, and how it stands.

>>> view = RunView(run="r1", serial="SN-1", stage="full_soak", attempt=1, phase="dwell",
...                judging="qualified", verdict="PASS", qualified_s=60.0, required_s=86400.0)
>>> lines("bay-01", view)[names.RUN_QUALIFIED].decode()
'rackproof_run_qualified_seconds{bay="bay-01"} 60.0\n'
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agent.exposition import names
from agent.exposition.device import pairs
from agent.exposition.labels import escape
from agent.exposition.names import Family

VERDICTS: Final = ("PASS", "INCONCLUSIVE", "ABORTED", "FAIL")
JUDGING: Final = ("none", "always", "qualified")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The run of a bay as pages show it: the one that is on, or the last one that was."""

    run: str
    serial: str
    sku: str | None = None
    stage: str = ""  # as all below to `held`: of the present attempt; once over, nothing of it
    attempt: int = 0
    phase: str = ""
    judging: str = "none"
    qualified_s: float = 0.0
    required_s: float = 0.0
    coverage: float | None = None  # the least of all required channels
    coverage_min: float | None = None  # what the spec asks for
    held: bool = False  # it waits for a person
    verdict: str = "INCONCLUSIVE"  # so far, or at its end
    over: bool = False

    @property
    def labels(self) -> dict[str, str]:
        """Return what it adds to the labels of the rack that is in the bay."""
        if self.over:
            return {}
        return {"serial": self.serial, "sku": self.sku or "", "run": self.run, "stage": self.stage}


def lines(bay: str, view: RunView) -> dict[Family, bytes]:
    """Return its lines by family. Where one of a few words is true, the others are 0."""
    home = b'bay="%b"' % escape(bay)
    found = {names.RUN_VERDICT: _words(names.RUN_VERDICT, home, b"verdict", VERDICTS, view.verdict)}
    if view.over:
        return found
    found[names.RUN_JUDGING] = _words(names.RUN_JUDGING, home, b"judging", JUDGING, view.judging)
    about = pairs(stage=view.stage, attempt=str(view.attempt), phase=view.phase)
    found[names.RUN_STAGE_INFO] = _line(names.RUN_STAGE_INFO, b"%b,%b" % (home, about), 1)
    for family, value in (
        (names.RUN_QUALIFIED, view.qualified_s),
        (names.RUN_REQUIRED, view.required_s),
        (names.RUN_COVERAGE, view.coverage),
        (names.RUN_COVERAGE_MIN, view.coverage_min),
        (names.RUN_HELD, int(view.held)),
    ):
        if value is not None:
            found[family] = _line(family, home, value)
    return found


def _words(family: Family, home: bytes, label: bytes, words: Iterable[str], true: str) -> bytes:
    """Return a line a word: 1 for the true one."""
    return b"".join(
        _line(family, b'%b,%b="%b"' % (home, label, word.encode()), int(word == true))
        for word in words
    )


def _line(family: Family, labels: bytes, value: float) -> bytes:
    """Return one line."""
    return b"%b{%b} %b\n" % (family.name.encode(), labels, repr(float(value)).encode())
