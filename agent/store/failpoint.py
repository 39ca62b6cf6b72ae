"""Moments at which a test may end the process: named where a crash would hurt most."""

import os
import signal
from collections.abc import Callable

At = Callable[[str], None]  # is called with the name of each moment as it is reached


def nothing(name: str) -> None:
    """Let every moment pass: what runs outside tests."""


def killing(order: str) -> At:
    """Return what ends this process as `kill -9` does; `order`: "journal.committed" or "NAME:3".

    The number says at which passing; without one, at the first.
    """
    wanted, _, count = order.partition(":")
    left = int(count or 1)

    def at(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


def from_environment() -> At:
    """Return what the environment asks for; outside tests that is nothing."""
    order = os.environ.get("RACKPROOF_FAILPOINT", "")
    return killing(order) if order else nothing
