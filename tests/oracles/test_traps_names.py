"""Net-SNMP reads the vendors' MIBs, and calls every notification as our profiles do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from collectors.profile import load_profiles

MIBS = (
    "SNMPv2-MIB:IF-MIB:PDU2-MIB:Sentry4-MIB:PowerNet-MIB:RITTAL-CMC-III-MIB:CISCO-ENTITY-SENSOR-MIB"
)
MIBS += ":CISCO-ENTITY-SENSOR-MIB:CISCO-ENTITY-FRU-CONTROL-MIB"
OLD = {"egpNeighborLoss"}  # of v1, in no MIB of v2 (RFC 3584 §3.1)


def test_notifications_are_called_as_in_their_mibs(shared: Path) -> None:
    """Whatever a profile names has that name, and that OID, in the vendor's own file."""
    program = shutil.which("snmptranslate")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("snmptranslate is not installed, and CI must have it")
        pytest.skip("snmptranslate is not installed: apt-get install snmp")
    named = {
        oid: each.name
        for profile in load_profiles()
        for oid, each in profile.notifications.items()
        if each.name not in OLD
    }
    assert len(named) > 100

    done = subprocess.run(
        [program, "-M", str(shared / "mibs"), "-m", MIBS, "-Os", *named],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = [line for line in done.stdout.splitlines() if line]
    assert dict(zip(named, said, strict=True)) == named
