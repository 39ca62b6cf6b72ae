"""How good a profile is that nobody has touched: drafts of recordings, beside a second opinion.

Each recording's device is drafted from the recording and the MIBs alone, as if nobody had ever
seen it; no shipped profile of it is used. What was found to be mistaken in the second opinion
(tests/recordings/disagreements.yaml) does not count. The rules of drafting were first
written by the differences of one half of the recordings, drawn by a seed; of the other only totals
were seen. Since then the wrong values of both were looked at, and rules were changed because of
them: neither half is a trial of devices that nobody has seen.

    python -m bench.drafts [--wrong] [NAME ...]
"""

import argparse
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collectors.draft.profile import draft
from collectors.mib.library import Library
from collectors.profile import parse_profile
from collectors.recording import Comparison, Difference, Reviewed, compare, read, read_reviewed

CHECKOUT: Final = Path(__file__).parents[1]
SHARED: Final = CHECKOUT.parent / "shared"
REVIEWED: Final = CHECKOUT / "tests" / "recordings" / "disagreements.yaml"
SEED: Final = 6
LOOKED_AT: Final = 23  # of 45 recordings: those that the rules were first written by
UNREAD: Final = ("not read", "comm_lost", "malformed", "absent", "sensor_fault", "out_of_range",
                 "overflow")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a draft made of one recording."""

    comparison: Comparison
    reviewed: Sequence[Reviewed]
    described: int  # values whose object some MIB of the folder describes

    @property
    def total(self) -> int:
        """Return how many values there are to be read, without those that are known to be wrong."""
        return self.comparison.values_total - self.comparison.mistaken("values", self.reviewed)

    @property
    def equal(self) -> int:
        """Return how many values are read as they should be."""
        return self.comparison.values_equal

    @property
    def wrong(self) -> list[Difference]:
        """Return what is read, and read wrongly: another unit, scale or quantity."""
        return [
            each
            for each in self.comparison.differences
            if each.what == "values"
            and not each.found.startswith(UNREAD)
            and not any(r.covers(each.oid) and not r.missing for r in self.reviewed)
        ]


def halves(names: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return the recordings that the rules were first written by, and those looked at later."""
    listed = sorted(names)
    seen = set(random.Random(SEED).sample(listed, min(LOOKED_AT, len(listed))))
    return seen, set(listed) - seen


def recordings(shared: Path) -> dict[str, Path]:
    """Return every recording that has a second opinion, by name."""
    paths = sorted((shared / "recordings").rglob("*.snmprec"))
    return {path.stem: path for path in paths if path.with_suffix(".expected.json").exists()}


def drafted(paths: Iterable[Path], mibs: Path) -> Iterator[Drafted]:
    """Draft a profile for each recording and hold it against the second opinion."""
    library = Library.open(mibs)
    reviewed = read_reviewed(REVIEWED)
    for path in paths:
        rows = read(path)
        made = parse_profile(draft(rows, library, path.stem).text.encode(), f"{path.stem}.yaml")
        done = compare(path, (), made)
        places = set(library.of(rows))
        oids = [d.oid for d in done.differences if d.what == "values"]
        unknown = sum(not any(oid.startswith(f"{place}.") for place in places) for oid in oids)
        yield Drafted(done, reviewed.get(path.stem, ()), done.values_total - unknown)


def line(name: str, some: Sequence[Drafted]) -> str:
    """Return one line of figures."""
    total, equal = sum(each.total for each in some), sum(each.equal for each in some)
    wrong = sum(len(each.wrong) for each in some)
    described = sum(each.described for each in some)
    states = sum(each.comparison.states_total for each in some)
    told = sum(each.comparison.states_equal for each in some)
    return (
        f"{name:32} {equal:5}/{total:<5} {equal / max(1, total):6.1%} of values,"
        f" {equal / max(1, described):6.1%} of what a MIB describes,"
        f" {wrong / max(1, total):5.1%} wrong, {told / max(1, states):6.1%} of states"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="only these recordings")
    parser.add_argument("--wrong", action="store_true", help="list what is read wrongly")
    args = parser.parse_args()
    found = recordings(SHARED)
    if not found:
        sys.exit("the recordings are not beside the checkout; there is nothing to draft from")
    chosen = [path for name, path in found.items() if not args.names or name in args.names]
    done = list(drafted(chosen, SHARED / "mibs"))
    for each in done:
        print(line(each.comparison.recording, [each]))
        for difference in each.wrong if args.wrong else ():
            print(f"    {difference}")
    seen, unseen = halves(found)
    for name, some in (("written by", seen), ("looked at later", unseen)):
        print(line(name, [each for each in done if each.comparison.recording in some]))
    print(line("all", done))


if __name__ == "__main__":
    main()
