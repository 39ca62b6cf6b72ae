"""A real snmpd, probed and recorded by our commands and read by its own tools."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import answer
from agent.exits import Exit
from collectors.recording import read

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
CONFIGURATION = """
rocommunity s3same 127.0.0.1
sysDescr Rackproof test
sysContact Jo Doe <jo@example.net>
"""
SYS_CONTACT = "1.3.6.1.2.1.1.4.0"


def tool(name: str) -> str:
    """Find a program of Net-SNMP; without it there is nothing to compare with."""
    found = shutil.which(name, path=PATH)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed, and CI must have it")
        pytest.skip(f"{name} is not installed")
    return found


def got(address: str, oid: str) -> str:
    """Let snmpget read one object, waiting for snmpd where it has just been started."""
    asked = ["-v2c", "-c", "s3same", "-m", "", "-Oqv", "-Oe", "-r", "50", "-t", "0.2", address, oid]
    return subprocess.run(
        [tool("snmpget"), *asked], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run Debian's snmpd on a free port of loopback."""
    folder = tmp_path_factory.mktemp("snmpd")
    (folder / "snmpd.conf").write_text(CONFIGURATION)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [tool("snmpd"), "-f", "-LE", "5", "-C", "-c", "snmpd.conf", "-I", "-smux"]
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""}
    process = subprocess.Popen(
        [*command, f"udp:{address}"], cwd=folder, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        got(address, SYS_CONTACT)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(autouse=True)
def _community(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand the community over as one that is secret should be."""
    monkeypatch.setenv("RACKPROOF_COMMUNITY", "s3same")


@pytest.mark.parametrize("version", ["1", "2c"])
def test_a_real_agent_is_probed_as_its_own_tools_read_it(
    snmpd: str, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    """No profile fits a plain machine, so it is read by the standard MIBs."""
    assert answer(["probe", snmpd, "--json", "--version", version]) == Exit.YES

    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["device"]["profile"] == "standard"
    assert document["device"]["sys_descr"] == "Rackproof test"
    links = [r for r in document["readings"] if r["channel"].endswith("/link")]
    assert links
    for reading in links:
        assert str(reading["raw"]) == got(snmpd, reading["oid"])
    assert "s3same" not in shown.out + shown.err


def test_a_recording_of_a_real_agent_can_be_redacted(snmpd: str, tmp_path: Path) -> None:
    """All that it says, in the types in which it says it; then without who looks after it."""
    plain, covered = tmp_path / "plain.snmprec", tmp_path / "covered.snmprec"

    assert answer(["record", snmpd, "-o", str(plain)]) == Exit.YES
    assert answer(["record", snmpd, "-o", str(covered), "--redact"]) == Exit.YES

    assert read(plain)[SYS_CONTACT] == b"Jo Doe <jo@example.net>"
    assert b"Jo Doe" not in covered.read_bytes()
    assert b"s3same" not in covered.read_bytes()
