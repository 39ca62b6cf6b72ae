"""One target under atheris, in a process of its own: `python -m fuzz.engine NAME FOLDER [FLAG...]`.

FOLDER takes what is found: `corpus/`, `crash-...`, and in `slowest.json` the dearest input. Flags
are libFuzzer's, and two are ours: with `--strict`, an input above the bound of work counts as a
crash; `--merge=DIR` only copies to DIR what the corpus needs to reach as much as it does.
"""

import gc
import json
import sys
import tempfile
from math import inf
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import Final

import atheris

from fuzz.target import Target
from fuzz.targets import load

LOOK_NS: Final = 1_000_000  # below this nobody looks twice
TRIES: Final = 3  # the least of them is the input's own
MEMORY_MIB_MAX: Final = 1024  # of the whole process
HANG_S: Final = 60


class SlowError(Exception):
    """An input that costs more than it may."""


class Measured:
    """A target whose dearest input is remembered."""

    def __init__(self, target: Target, folder: Path, *, strict: bool) -> None:
        self.decode = target.run
        self.file = folder / "slowest.json"
        self.bound_ms = target.bound_ms if strict else inf
        self.dearest_ns = LOOK_NS

    def __call__(self, data: bytes) -> None:
        """Run the target; look closer at whatever took long."""
        began = perf_counter_ns()
        self.decode(data)
        if perf_counter_ns() - began > self.dearest_ns:
            self.weigh(data)

    def weigh(self, data: bytes) -> None:
        """Measure the work of one input, without what else the machine does."""
        least = min(self.work(data) for _ in range(TRIES))
        if least > self.dearest_ns:
            self.dearest_ns = least
            self.file.write_text(json.dumps({"ms": least / 1e6, "input": data.hex()}))
            if least / 1e6 > self.bound_ms:
                raise SlowError(f"{least / 1e6:.1f} ms for {len(data)} octets")

    def work(self, data: bytes) -> int:
        """Return the processor's time for one input."""
        began = thread_time_ns()
        self.decode(data)
        return thread_time_ns() - began


def main(name: str, folder: Path, flags: list[str]) -> None:
    """Fuzz until libFuzzer has enough; it ends the process."""
    tempfile.tempdir = str(folder)
    with atheris.instrument_imports(include=["agent", "collectors"]):
        target = load(name)
    inputs = folder / "corpus"
    inputs.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.known()):
        (inputs / f"known-{number:04}").write_bytes(data)
    words = folder / "words"
    escaped = ("".join(f"\\x{octet:02x}" for octet in word) for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    merged = [flag.partition("=")[2] for flag in flags if flag.startswith("--merge=")]
    options = [
        *([f"-dict={words}"] if target.words else []),
        f"-max_len={target.size_max}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        f"-rss_limit_mb={MEMORY_MIB_MAX}",
        f"-timeout={HANG_S}",
        *(["-merge=1"] if merged else []),
        *(flag for flag in flags if not flag.startswith("--")),
    ]
    for data in target.known():  # what is loaded once is not the first input's cost
        target.run(data)
    run = Measured(target, folder, strict="--strict" in flags)
    gc.freeze()
    atheris.Setup([name, *options, *merged, str(inputs)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
