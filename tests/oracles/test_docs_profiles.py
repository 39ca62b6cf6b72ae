"""docs/profiles.md: its way from an unknown device to a profile, walked command by command."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
ACME = Path(__file__).parent / "acme"


@pytest.fixture
def address(shared: Path) -> Iterator[str]:
    """Serve the unit that nobody knows."""
    with socket.socket(type=socket.SOCK_DGRAM) as trial:
        trial.bind(("127.89.0.1", 0))
        port = trial.getsockname()[1]
    command: list[str | Path] = [
        sys.executable,
        shared / "tools" / "replay_agent.py",
        "--port",
        str(port),
    ]
    command += ["--net", "127.89", ACME / "acme.snmprec"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        try:
            served = agent.stdout.readline().split()[0]
            assert agent.stdout.readline() == "ready\n"
            yield served
        finally:
            agent.terminate()


def commands() -> list[str]:
    """Return the commands of the page, each with what is typed after it."""
    page = (CHECKOUT / "docs" / "profiles.md").read_text()
    blocks = re.findall(r"   ```console\n(.*?)   ```\n", page, re.DOTALL)
    text = "".join(re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in blocks)
    return [each.removeprefix("$ ") for each in re.split(r"^(?=\$ )", text, flags=re.MULTILINE)[1:]]


def typed(command: str, folder: Path, address: str) -> str:
    """Run a command as a person would, with the unit where the page has it; return its output."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-e", "-c", command.replace("10.1.1.10", address)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}{done.stdout}{done.stderr}"
    return done.stdout


def test_the_page_leads_from_an_unknown_unit_to_a_reviewed_profile(
    tmp_path: Path, address: str
) -> None:
    """Every command answers yes, and what is said on the way is what the page says."""
    (tmp_path / "mibs").mkdir()
    (tmp_path / "mibs" / "ACME-PDU-MIB").write_bytes((ACME / "ACME-PDU-MIB").read_bytes())

    said = [typed(command, tmp_path, address) for command in commands()]

    assert "no profile fits; read by the standard MIBs" in said[0]
    assert "no profile fits; drafted from MIBs, and reviewed by nobody" in said[1]
    assert any("acme_pdu (draft)" in each for each in said)
    reviewed = (tmp_path / "profiles" / "acme_pdu.yaml").read_text()
    assert "drafted" not in reviewed.partition("\nprofile:")[2]
    assert "\ndraft: true" not in reviewed
    seen = json.loads(typed("rackproof probe 10.1.1.10 --mibs mibs --json", tmp_path, address))
    assert seen["device"]["profile"] == "drafted"
    readings = {each["channel"]: (each["value"], each["quality"]) for each in seen["readings"]}
    assert readings["outlet/rack-1/voltage"] == (230.1, "good")
    assert readings["outlet/spare-2/current"] == (None, "sentinel")
    assert readings["sensor/front/temperature"] == (23.5, "good")
    assert not any("max" in name for name in readings)
