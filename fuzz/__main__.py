"""Run fuzz targets, one after the other: `python -m fuzz [TARGET ...] [--seconds N] [--runs N]`.

What is found lies in .fuzz/TARGET. `--keep` puts the inputs that reach something of their own into
fuzz/corpus, where every test run tries them again.
"""

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from fuzz.target import Target
from fuzz.targets import NAMES, load

FOUND: Final = Path(".fuzz")
KEPT_MAX: Final = 60  # inputs of one target
KEPT_OCTETS_MAX: Final = 200  # of one input; a crash is kept whatever its size
STATS: Final = re.compile(r"^stat::number_of_executed_units: +(\d+)$", re.MULTILINE)


class Outcome(NamedTuple):
    """What one target came to."""

    executions: int
    seconds: float  # of the processor
    dearest_ms: float
    found: list[Path]

    def __str__(self) -> str:
        """Return a line for a person."""
        pace = self.executions / max(1.0, self.seconds)
        told = f"{self.executions:>11,} executions, {pace:>7,.0f} a second of the processor"
        found = "".join(f", FOUND {path}" for path in self.found)
        return f"{told}, dearest {self.dearest_ms:.1f} ms{found}"


def fuzz(name: str, folder: Path, flags: list[str]) -> Outcome:
    """Run one target to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "slowest.json").unlink(missing_ok=True)
    before = {*folder.glob("*-*")}
    log = folder / "log"
    with log.open("w") as file:
        command = [sys.executable, "-m", "fuzz.engine", name, str(folder), *flags]
        began = _child_seconds()
        subprocess.run(command, stdout=file, stderr=file, check=False)
        seconds = _child_seconds() - began
    runs = STATS.search(log.read_text(errors="replace"))
    slowest = folder / "slowest.json"
    dearest = json.loads(slowest.read_text())["ms"] if slowest.exists() else 1.0
    found = [each for each in folder.glob("*-*") if each not in before and each.is_file()]
    if runs is None and not found:
        raise SystemExit(f"{name}: the fuzzer did not run; see {log}")
    return Outcome(int(runs[1]) if runs else 0, seconds, dearest, sorted(found))


def _child_seconds() -> float:
    """Return how long the processor has worked for children that are done."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def keep(target: Target, folder: Path) -> int:
    """Write the corpus of a target: all that is known, and of what was found, what adds to it."""
    merged = folder / "merged"
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir()
    command = [sys.executable, "-m", "fuzz.engine", target.name, str(folder), f"--merge={merged}"]
    subprocess.run(command, capture_output=True, check=False)
    found = sorted((p.read_bytes() for p in merged.iterdir()), key=lambda data: (len(data), data))
    seeds = {*target.seeds(), b""}
    new = [data for data in found if data not in seeds and len(data) <= KEPT_OCTETS_MAX]
    step = max(1, -(-len(new) // KEPT_MAX))
    kept = list(dict.fromkeys([*target.corpus(), *new[::step]]))
    shutil.rmtree(merged)
    head = "# Inputs in hexadecimal, one a line; `python -m fuzz --keep` adds to them.\n"
    target.file.write_text(head + "".join(f"{data.hex()}\n" for data in kept))
    return len(kept)


def main(arguments: list[str]) -> int:
    """Run; return how many targets found something."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--runs", type=int, default=-1, help="of each target; default: no end")
    parser.add_argument("--strict", action="store_true", help="more than 10 ms is a finding")
    parser.add_argument("--keep", action="store_true", help="put new inputs into fuzz/corpus")
    told = parser.parse_args(arguments)
    broken = 0
    for name in told.targets or NAMES:
        target = load(name)
        flags = [f"-max_total_time={told.seconds}", f"-runs={told.runs}"]
        folder = FOUND / name
        came = fuzz(name, folder, [*flags, *(["--strict"] if told.strict else [])])
        print(f"{name:12} {came}", flush=True)
        broken += bool(came.found)
        if told.keep:
            print(f"{name:12} {keep(target, folder)} inputs kept in {target.file}")
    return broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
