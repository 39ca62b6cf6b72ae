"""What each exit code of the command line means, to the scripts that ask."""

import enum
from collections.abc import Mapping
from typing import Final


class Exit(enum.IntEnum):
    """The answer of a command; above 128 it is a signal, in the way of every shell."""

    YES = 0  # valid, PASS, verified, same
    NO = 1  # FAIL, not verified, differs
    INVALID = 2  # usage, or a file that cannot be used
    UNDECIDED = 3  # INCONCLUSIVE, a device that does not answer
    ABORTED = 4
    BUG = 70  # ours (EX_SOFTWARE of sysexits.h)
    INTERRUPTED = 130  # Ctrl-C
    PIPE_CLOSED = 141  # whoever read our output has had enough


BY_VERDICT: Final[Mapping[str, Exit]] = {
    "PASS": Exit.YES,
    "FAIL": Exit.NO,
    "INCONCLUSIVE": Exit.UNDECIDED,
    "ABORTED": Exit.ABORTED,
}
