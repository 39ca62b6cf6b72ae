"""Ten million inputs for every decoder, found by what they reach: none breaks it, none is dear."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz.__main__ import fuzz
from fuzz.targets import NAMES

RUNS = int(os.environ.get("RACKPROOF_FUZZ_RUNS", "10000000"))  # of each target
SECONDS = int(os.environ.get("RACKPROOF_FUZZ_SECONDS", "3600"))  # then a slow one has had enough


@pytest.mark.nightly  # minutes to an hour each
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_fuzzer_finds_nothing(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """No exception but the documented one, no input above 10 ms of work, no growth of memory."""
    pytest.importorskip("atheris", reason="atheris runs on x86-64 Linux alone")
    flags = [f"-runs={RUNS}", f"-max_total_time={SECONDS}", "--strict"]
    came = fuzz(name, tmp_path, flags)

    record_property("executions", came.executions)
    record_property("executions_per_cpu_second", came.executions / max(1.0, came.seconds))
    assert came.found == [], came
