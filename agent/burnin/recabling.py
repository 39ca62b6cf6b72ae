"""What to do about cables that are not as designed, in an order in which each step can be done.

First the plugs that have only to be moved to a free port, then pairs, then longer circles; then
what is missing, slow or too much, and last what a person has to look at.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from agent.burnin.farends import End
from agent.burnin.wiring import Finding, Move, What, Wiring


class Step(NamedTuple):
    """One thing to do."""

    do: Literal["move", "swap", "unplug", "plug", "replace", "look"]
    at: End
    to: End | None
    text: str


def steps(wiring: Wiring) -> list[Step]:
    """Return what to do, in order; nothing where all is as designed."""
    moves = {f.move.here: f.move for f in wiring.findings if f.move is not None}
    extras = {f.at: f for f in wiring.of(What.EXTRA)}
    in_the_way = {move.there for move in moves.values() if move.there not in moves} & {*extras}
    found: list[Step] = []
    for chain in sorted(_chains(moves), key=lambda each: (len(each), each)):
        if chain[-1].there in in_the_way:
            found.append(_unplug(extras.pop(chain[-1].there)))
        found += _way(chain)
    found += [_plug(f) for f in wiring.of(What.MISSING)]
    found += [_replace(f) for f in wiring.of(What.WRONG_SPEED)]
    first = [_unplug(f) for f in extras.values() if f.at in {m.at for m in wiring.of(What.MISSING)}]
    rest = [_unplug(f) for f in extras.values() if f.at not in {each.at for each in first}]
    plugs = next((n for n, step in enumerate(found) if step.do == "plug"), len(found))
    found[plugs:plugs] = first
    return [*found, *rest, *(_look(f) for f in wiring.of(What.UNKNOWN))]


def _chains(moves: Mapping[End, Move]) -> Iterator[list[Move]]:
    """Yield moves that depend on each other: each goes to where the next one starts."""
    left = dict(moves)
    targets = {move.there for move in moves.values()}
    heads = [here for here in moves if here not in targets]
    for start in (*heads, *sorted(moves)):
        chain: list[Move] = []
        here = start
        while here in left:
            chain.append(left.pop(here))
            here = chain[-1].there
        if chain:
            yield chain


def _way(chain: Sequence[Move]) -> Iterator[Step]:
    """Yield how to do a chain of moves: from its free end, or once round a circle."""
    circle = chain[-1].there == chain[0].here
    if circle and len(chain) == 2:
        here, there = chain[0]
        text = f"swap the cables in {here} and {_short(here, there)}"
        yield Step("swap", here, there, text)
        return
    first = chain[-1].there
    if circle:
        yield Step("unplug", first, None, f"pull the cable out of {first} and keep it at hand")
    for move in reversed(chain[1:] if circle else chain):
        text = f"move the cable at {move.here} to {_short(move.here, move.there)}"
        yield Step("move", move.here, move.there, text)
    if circle:
        there = chain[0].there
        text = f"put the cable that you kept, of {first}, into {there}"
        yield Step("move", first, there, text)


def _short(here: End, there: End) -> str:
    """Name a port, without its device where that is the same."""
    return there.port if here.device == there.device else str(there)


def _unplug(finding: Finding) -> Step:
    """Say to take out what the spec does not have."""
    return Step("unplug", finding.at, finding.to, f"take out the cable at {finding.at}")


def _plug(finding: Finding) -> Step:
    """Say to connect what is missing."""
    text = f"connect {finding.at} with {finding.to}: {finding.text}"
    return Step("plug", finding.at, finding.to, text)


def _replace(finding: Finding) -> Step:
    """Say to look at a cable that does not carry its speed."""
    text = f"replace the cable between {finding.at} and {finding.to}: {finding.text}"
    return Step("replace", finding.at, finding.to, text)


def _look(finding: Finding) -> Step:
    """Say what only a person can see."""
    text = f"look whether {finding.at} leads to {finding.to}: {finding.text}"
    return Step("look", finding.at, finding.to, text)
