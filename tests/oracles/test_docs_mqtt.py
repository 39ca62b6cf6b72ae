"""The steps of docs/mqtt.md, run as they stand, only on other ports."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Final

import pytest

from agent.programs import free_port
from tests.oracles.brokers import MOSQUITTO, PATIENCE_S

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "mqtt.md"
BLOCK: Final = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDED: Final = ("openssl", "mosquitto_pub", "curl")


async def test_every_step_of_the_manual_runs(tmp_path: Path) -> None:
    """From an authority to a value that appears, and is gone with the device's last will."""
    if MOSQUITTO is None or not all(map(shutil.which, NEEDED)):
        pytest.skip("openssl, mosquitto, mosquitto-clients and curl are needed")
    steps = BLOCK.findall(DOCUMENT.read_text())
    assert len(steps) == 7
    script = "\n".join(["set -eu", *steps, "echo done"])
    for port in ("8883", "9108"):
        script = script.replace(port, str(free_port(0)))
    script = script.replace("listener", "user root\nlistener")  # else root becomes somebody else
    path = f"{Path(sys.executable).parent}:{Path(MOSQUITTO).parent}:{os.environ['PATH']}"
    with (tmp_path / "said").open("wb") as said:
        shell = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            script,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = await asyncio.wait_for(shell.wait(), 2 * PATIENCE_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    told = (tmp_path / "said").read_text()
    assert code == 0, told
    assert "broker hall" in told
    assert "nothing came of bay-01/feedA" in told
    assert re.search(r"^rackproof_power_watts.* 1522", told, re.MULTILINE)
    assert told.rstrip().endswith("done")
