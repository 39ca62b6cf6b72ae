"""`rackproof profile test`: what profiles make of recordings, beside what another product read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click

from agent.exits import Exit
from agent.output import complain, count, emit, say, table
from collectors.profile import load_profile, load_profiles
from collectors.recording import Comparison, Difference, Reviewed, compare, read_reviewed

VALUES_MIN: Final = 0.95  # the share of values that must be as another product read them
STATES_MIN: Final = 0.90  # likewise of states, where that product leaves more to interpretation
UNEXPLAINED: Final = "no reason yet"


@dataclass(frozen=True, slots=True)
class Result:
    """All comparisons, and the reasons that are known for differences."""

    comparisons: Sequence[Comparison]
    reviewed: Mapping[str, Sequence[Reviewed]] | None  # None: reasons were not asked for

    def share(self, what: str) -> float | None:
        """Return which part of the values or states agrees; None where there are none.

        What the other product was found to have wrong does not count.
        """
        total = sum(getattr(each, f"{what}_total") for each in self.comparisons)
        equal = sum(getattr(each, f"{what}_equal") for each in self.comparisons)
        known = self.reviewed or {}
        wrong = sum(c.mistaken(what, known.get(c.recording, ())) for c in self.comparisons)
        return equal / (total - wrong) if total > wrong else None

    def agrees(self) -> bool:
        """Say whether enough agrees; nothing to compare is no agreement."""
        marks = ((self.share("values"), VALUES_MIN), (self.share("states"), STATES_MIN))
        reached = [share >= least for share, least in marks if share is not None]
        return bool(reached) and all(reached)

    def unexplained(self) -> int:
        """Return how many differences have no reason, if reasons were asked for."""
        if self.reviewed is None:
            return 0
        known = self.reviewed
        return sum(len(c.unexplained(known.get(c.recording, ()))) for c in self.comparisons)

    def reason(self, recording: str, difference: Difference) -> str:
        """Return why a difference is right."""
        entries = (self.reviewed or {}).get(recording, ())
        reasons = (each.reason for each in entries if each.covers(difference.oid))
        return next(reasons, UNEXPLAINED)


@click.command(short_help="Compare recordings with what is expected of them.")
@click.argument("recordings", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-d", "--differences", is_flag=True, help="List every difference.")
@click.option(
    "--reviewed",
    type=click.Path(path_type=Path),
    help="A file of differences that were looked into: list all with their reasons, and answer "
    "no while one has none.",
)
@click.option(
    "--profile",
    "given",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read all with the profile in this file, a draft perhaps.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def test(
    recordings: tuple[Path, ...],
    reviewed: Path | None,
    given: Path | None,
    *,
    differences: bool,
    as_json: bool,
) -> int:
    """Read RECORDINGS with the profile that fits each, and compare with what is expected.

    A recording is a file NAME.snmprec with NAME.expected.json beside it; a folder stands for all
    below it. Exit code 1 means that less than 95 % of the values or 90 % of the states agree, where
    the other product was not found to be wrong (--reviewed).
    """
    paths = list(_recordings(recordings))
    if not paths:
        raise click.UsageError("no NAME.snmprec with NAME.expected.json beside it is there")
    profiles = load_profiles() if given is None else ()
    own = None if given is None else load_profile(given)
    try:
        done = [compare(path, profiles, own) for path in paths]
    except ValueError as error:  # a broken line, or two profiles that fit equally well
        raise click.UsageError(str(error)) from None
    result = Result(done, None if reviewed is None else read_reviewed(reviewed))
    if as_json:
        emit(_document(result))
    else:
        _show(result, differences=differences or reviewed is not None)
    return Exit.YES if result.agrees() and not result.unexplained() else Exit.NO


def _recordings(given: Sequence[Path]) -> Iterator[Path]:
    """Yield every recording that has something to be compared with."""
    for path in given:
        for each in sorted(path.rglob("*.snmprec")) if path.is_dir() else [path]:
            if each.with_suffix(".expected.json").exists():
                yield each


def _document(result: Result) -> dict[str, Any]:
    """Return the result for a program."""
    return {
        "agree": result.agrees(),
        "values": result.share("values"),
        "states": result.share("states"),
        "recordings": [asdict(each) for each in result.comparisons],
    }


def _show(result: Result, *, differences: bool) -> None:
    """Print a line a recording, the differences where they are asked for, and the sum."""
    rows = [("RECORDING", "PROFILE", "VALUES", "STATES")]
    for each in result.comparisons:
        values = f"{each.values_equal}/{each.values_total}"
        states = f"{each.states_equal}/{each.states_total}"
        rows.append((each.recording, each.profile, values, states))
    table(rows, right=(2, 3))
    for each in result.comparisons if differences else ():
        _show_differences(result, each)
    say()
    shares = [(what, result.share(what)) for what in ("values", "states")]
    agree = [f"{share:.1%} of {what}" for what, share in shares if share is not None]
    number = count(len(result.comparisons), "recording")
    say(f"{number}: {' and '.join(agree) or 'nothing that could'} agree")
    if not result.agrees():
        complain(f"below the mark: {VALUES_MIN:.0%} of values, {STATES_MIN:.0%} of states")
    if unexplained := result.unexplained():
        complain(f"{count(unexplained, 'difference')} without a reason")


def _show_differences(result: Result, each: Comparison) -> None:
    """Print how a recording differs from what is expected, and why where reasons are asked for."""
    if not each.differences:
        return
    say()
    say(f"{each.recording}: {count(len(each.differences), 'difference')}")
    reason = ""
    for difference in each.differences:
        said = result.reason(each.recording, difference)
        if result.reviewed is not None and said != reason:
            say(f"  {said}:")
            reason = said
        say(f"    {difference}")
