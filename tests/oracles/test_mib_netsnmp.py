"""The places of MIB objects, and walks as text, as net-snmp has them."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.mib.library import Library
from collectors.recording import read
from collectors.walk_text import read_walk

RECORDINGS = ("pdu/sentry4", "pdu/panduit", "cooling/apc-inrow", "switch/dell-os10")
MODULES = ("UPS-MIB", "IF-MIB", "ENTITY-SENSOR-MIB", "Sentry4-MIB", "PDU2-MIB", "PowerNet-MIB")

pytestmark = pytest.mark.skipif(shutil.which("snmptranslate") is None, reason="no net-snmp")


@pytest.fixture(scope="module")
def library(shared: Path) -> Library:
    """Cut the folder once."""
    return Library.open(shared / "mibs")


@pytest.mark.parametrize("module", MODULES)
def test_every_object_lies_where_net_snmp_has_it(
    shared: Path, library: Library, module: str
) -> None:
    """All that a module defines, by snmptranslate's dump of its tree."""
    command = ["snmptranslate", "-M", str(shared / "mibs"), "-m", module, "-Tz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    theirs = dict(re.findall(r'^"([^"]+)"\s+"([\d.]+)"$', done.stdout, re.MULTILINE))
    objects = [d.name for d in library.modules[module].definitions.values() if d.place]

    ours = {name: library.place(module, name) for name in objects if name in theirs}

    assert len(ours) > 10
    assert ours == {name: theirs[name] for name in ours}


@pytest.fixture(scope="module")
def devices(shared: Path) -> Iterator[dict[str, str]]:
    """Serve recordings; returns name -> address."""
    with socket.socket(type=socket.SOCK_DGRAM) as trial:
        trial.bind(("127.90.0.1", 0))
        port = trial.getsockname()[1]
    files = [shared / "recordings" / f"{name}.snmprec" for name in RECORDINGS]
    command: list[str | Path] = [sys.executable, shared / "tools" / "replay_agent.py"]
    command += ["--port", str(port), "--net", "127.90", *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        try:
            served = [agent.stdout.readline().split() for _ in files]
            assert agent.stdout.readline() == "ready\n"
            yield {name: address for address, name in served}
        finally:
            agent.terminate()


@pytest.mark.parametrize("options", ["-On", "-One", "-OnU"])
@pytest.mark.parametrize("name", RECORDINGS)
def test_what_snmpwalk_prints_is_the_recording(
    shared: Path, tmp_path: Path, devices: dict[str, str], name: str, options: str
) -> None:
    """Every number and text, whichever way it was printed; what no text can hold may differ."""
    recording = read(shared / "recordings" / f"{name}.snmprec")
    address = devices[name.partition("/")[2]]
    command = ["snmpbulkwalk", "-v2c", "-c", "public", "-m", "", options, address, "1.3.6.1"]
    printed = tmp_path / "walk.txt"
    printed.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)

    walked = read_walk(printed)

    below = {oid: value for oid, value in recording.items() if oid.startswith("1.3.6.1.")}
    assert walked.keys() == below.keys()
    differing = [oid for oid, value in below.items() if walked[oid] != value]
    assert all(isinstance(below[oid], bytes) for oid in differing)
    assert len(differing) <= len(below) // 50
