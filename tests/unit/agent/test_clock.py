"""False time, for racks that live faster than real ones."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from agent import clock
from agent.clock import Pace

FLOOR: Final = """\
floor: rackproof.floor/1
listen: 127.0.0.1:0
credentials: {lab: {version: 2c, community: public}}
defaults: {credentials: lab}
bays: {bay-01: {devices: {feedA: {address: 192.0.2.1}}}}
"""


@pytest.fixture
def _true_again() -> Iterator[None]:
    """Leave the true clock to the next test."""
    yield
    clock._paces.clear()  # noqa: SLF001 -- nobody else ever goes back


@pytest.mark.usefixtures("_true_again")
def test_a_day_passes_in_no_time_and_all_timers_agree() -> None:
    """What sleeps, what is timed out and what reads the clock see the same fast time."""

    async def day() -> tuple[float, float]:
        mono, wall = clock.monotonic(), clock.wall()
        await asyncio.sleep(100.0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100.0):
                await asyncio.Event().wait()
        return clock.monotonic() - mono, clock.wall() - wall

    clock.keep(Pace.at(1000.0))
    passed = clock.run(day())
    assert passed[0] >= 200.0
    assert passed[1] == pytest.approx(passed[0], abs=5.0)


@pytest.mark.usefixtures("_true_again")
def test_two_processes_that_keep_one_false_clock_agree() -> None:
    """The other one is told in words."""
    pace = Pace.at(50.0)
    clock.keep(pace)
    code = (
        "from agent import clock; import sys;"
        "clock.keep(clock.Pace.parse(sys.argv[1])); print(clock.wall(), clock.monotonic())"
    )
    before = clock.wall(), clock.monotonic()
    told = subprocess.run([sys.executable, "-c", code, str(pace)], capture_output=True, check=True)
    after = clock.wall(), clock.monotonic()
    for early, there, late in zip(before, map(float, told.stdout.split()), after, strict=True):
        assert early - 0.001 <= there <= late + 0.001


@pytest.mark.usefixtures("_true_again")
def test_a_false_clock_says_that_it_is_one() -> None:
    """A record must never look as if it had taken a day."""
    clock.keep(Pace.at(20.0))
    assert clock.synchrony().rate == 20.0
    assert clock.rate() == 20.0


@pytest.mark.parametrize(
    "text", ["fast", "20", "0@1,2", "1001@1,2", "-1@1,2", "20@1,2,3", "nan@1,2"]
)
def test_what_is_no_false_clock_is_refused(text: str) -> None:
    """Each by its own words."""
    with pytest.raises(ValueError, match=r"fast|write RATE"):
        Pace.parse(text)


def test_devices_that_are_real_are_never_asked_on_a_false_clock(tmp_path: Path) -> None:
    """They would be asked too often, and their record would lie."""
    floor = tmp_path / "floor.yaml"
    floor.write_text(FLOOR)
    command = [sys.executable, "-m", "agent", "run", str(floor), "--clock", "20@1,2"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "bay-01/feedA" in ended.stderr + ended.stdout
