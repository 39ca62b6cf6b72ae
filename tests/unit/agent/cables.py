"""Somebody who looks at cables, as tests of pages and commands need one."""

from collections.abc import Mapping
from typing import Any, Final

CABLES: Final[Mapping[str, Any]] = {
    "bay": "bay-01",
    "matches": False,
    "age_s": 4.5,
    "counts": {"as_designed": 1, "extra": 1},
    "findings": [
        {"found": "as_designed", "at": "mgmt_switch1:swp1", "to": "tray1:bmc", "text": "right"},
        {"found": "extra", "at": "mgmt_switch1:swp30", "to": None, "text": "swp30: too much"},
    ],
    "todo": ["take out the cable at mgmt_switch1:swp30"],
    "unread": {"mgmt_switch2": "no answer"},
}


class Cables:
    """Finds always the same, in one bay."""

    def __init__(self) -> None:
        self.looks = 0

    def cabling(self, bay: str) -> Mapping[str, Any] | None:
        """Tell what was found last."""
        return CABLES if bay == "bay-01" else None

    async def look(self, bay: str) -> Mapping[str, Any] | None:
        """Look again."""
        self.looks += 1
        return self.cabling(bay)
