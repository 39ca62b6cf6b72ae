"""The cables of a rack as its switches show them, against those of its spec.

Every cable of the spec gets one finding, and so does every cable that the spec does not have. What
contradicts the spec is found; what nobody shows is unknown, and never found wrong.
"""

import enum
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from agent.burnin.cabling import Link, mbits
from agent.burnin.farends import OUT_OF_BAND, End, FarEnds, Names, Place, Seen
from collectors.neighbours import Switch

SPEED_SHARE: Final = 0.01  # by which a speed may differ: no two speeds of Ethernet are that close


class What(enum.StrEnum):
    """What became of a cable."""

    AS_DESIGNED = "as_designed"
    SWAPPED = "swapped"  # with one other cable
    MISPLACED = "misplaced"  # in a wrong port
    MISSING = "missing"
    EXTRA = "extra"  # the spec has no such cable
    WRONG_SPEED = "wrong_speed"
    UNKNOWN = "unknown"


class Move(NamedTuple):
    """A plug that is in a wrong port."""

    here: End
    there: End


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one cable, in words for whoever stands before it."""

    what: What
    at: End  # where the cable begins, by the spec; of an extra one, where it was seen
    to: End | None  # where it leads, likewise
    text: str
    move: Move | None = None
    swapped_with: Move | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """All findings, those of the spec's cables in its order."""

    findings: tuple[Finding, ...] = ()

    @property
    def counts(self) -> Mapping[What, int]:
        """Return how many cables were found so, of every kind."""
        found = Counter(finding.what for finding in self.findings)
        return {what: found[what] for what in What}

    def of(self, *kinds: What) -> list[Finding]:
        """Return the findings of some kinds."""
        return [finding for finding in self.findings if finding.what in kinds]

    @property
    def wrong(self) -> list[Finding]:
        """Return what contradicts the spec."""
        return [f for f in self.findings if f.what not in (What.AS_DESIGNED, What.UNKNOWN)]

    @property
    def matches(self) -> bool | None:
        """Say whether the cables are those of the spec; None: not all of them can be seen."""
        if self.wrong:
            return False
        return None if self.of(What.UNKNOWN) or not self.findings else True


def compare(
    cables: Sequence[Link],
    seen: Mapping[str, Switch],
    names: Names,
    addresses: Mapping[str, str],
    unread: Mapping[str, str] | None = None,
) -> Wiring:
    """Compare. `seen`: switches that were read; `unread`: why others were not.

    `names` and `addresses` say by what else devices are known: lower-case name, or address, to
    device.
    """
    return _Comparison(cables, FarEnds(cables, seen, names, addresses), seen, unread or {}).made()


class _Comparison:
    """Explains what is seen by the cables of a spec, each cable and each sight once."""

    def __init__(
        self,
        cables: Sequence[Link],
        ends: FarEnds,
        seen: Mapping[str, Switch],
        unread: Mapping[str, str],
    ) -> None:
        self.cables = {(End(c.device, c.port), End(c.far_device, c.far_port)): c for c in cables}
        self.ends = ends
        self.switches = seen
        self.unread = unread
        self.roots = {cable.device for cable in cables}
        self.used: dict[frozenset[End], Seen] = {}  # cables as seen from either end, once
        for one in self._sights():
            if one.far is not None:
                self.used.setdefault(frozenset((one.near, one.far)), one)
        self.explained: set[frozenset[End]] = set()

    def _sights(self) -> Iterator[Seen]:
        """Yield what is seen at every port where it is not doubtful."""
        for place in self.ends.places.values():
            if len(place.seen) == 1:
                yield place.seen[0]

    def made(self) -> Wiring:
        """Return every finding."""
        found: dict[tuple[End, End], Finding] = {}
        for cable in self.cables:
            if (sight := frozenset(cable)) in self.used:
                self.explained.add(sight)
                found[cable] = self._connected(cable)
        moves = self._moves([cable for cable in self.cables if cable not in found])
        there = {(move.here, move.there): move for move in moves.values()}
        for cable, move in moves.items():
            found[cable] = _moved(cable, move, there.get((move.there, move.here)))
        for cable in self.cables:
            if cable not in found:
                found[cable] = self._absent(cable)
        return Wiring((*(found[cable] for cable in self.cables), *self._extras()))

    def _connected(self, cable: tuple[End, End]) -> Finding:
        """Return what is to be said of a cable that is where it should be."""
        near, far = cable
        place = self.ends.places[self.used[frozenset(cable)].near]
        wanted, speed = mbits(self.cables[cable].cable.speed), place.socket.mbits
        slow = speed is not None and abs(speed - wanted) > SPEED_SHARE * wanted
        if slow:
            text = f"{near} leads to {far}, at {speed:g} Mbit/s; it is cabled for {wanted:g}"
            return Finding(what=What.WRONG_SPEED, at=near, to=far, text=text)
        return Finding(what=What.AS_DESIGNED, at=near, to=far, text=f"{near} leads to {far}")

    def _moves(self, cables: Sequence[tuple[End, End]]) -> dict[tuple[End, End], Move]:
        """Find plugs that are in a wrong port; those are likeliest that stay on their device."""
        likely: list[tuple[int, tuple[End, End], frozenset[End], Move]] = []
        for cable in cables:
            for which, kept in enumerate(reversed(cable)):
                wrong = cable[which]
                for sight in self.used.keys() - self.explained:
                    if kept not in sight or len(sight) != len(cable):
                        continue
                    (here,) = sight - {kept}
                    if here.port and here != wrong:
                        rank = 2 * (here.device != wrong.device) + which
                        likely.append((rank, cable, sight, Move(here, wrong)))
        found: dict[tuple[End, End], Move] = {}
        for _, cable, sight, move in sorted(likely, key=lambda each: (each[0], each[1], each[3])):
            if cable not in found and sight not in self.explained:
                found[cable] = move
                self.explained.add(sight)
        return found

    def _absent(self, cable: tuple[End, End]) -> Finding:
        """Return what is to be said of a cable that is seen nowhere."""
        near, far = cable
        place = self.ends.places.get(near) or self.ends.places.get(far)
        other = far if place is None or place.end == near else near
        what, text = What.UNKNOWN, ""
        if place is None:
            text = self._unseen(near)
        elif len(place.seen) > 1:
            who = " and ".join(one.said for one in place.seen)
            text = f"{place.end} hears {who}; ask again when the older of them is forgotten"
        elif place.seen and (there := place.seen[0]).far == End(other.device, ""):
            text = f"{place.end} hears {there.said}, and which port that is it does not say"
        elif place.seen:
            what, text = What.MISSING, f"{place.end} leads to {place.seen[0].said}, not to {other}"
        elif place.socket.up is False:
            what, text = What.MISSING, f"{place.end} has no link; it should lead to {other}"
        else:
            what, text = self._silent(cable, place)
        return Finding(what=what, at=near, to=far, text=text)

    def _unseen(self, near: End) -> str:
        """Say why nothing is known of a port."""
        if near.device not in self.switches:
            return f"{near.device} was not read: {self.unread.get(near.device, 'nobody asks it')}"
        known = sorted(p.port for p in self.ends.places if p.device == near.device)
        return f"{near.device} has no port {near.port}; it has {', '.join(known[:4]) or 'none'}"

    def _silent(self, cable: tuple[End, End], place: Place) -> tuple[What, str]:
        """Say why nobody is known to be at a port that may have a link."""
        far, switch = cable[1], self.switches[place.end.device]
        if self.cables[cable].cable.lldp != "mac":
            why = "nobody speaks LLDP there" if switch.speaks else "its LLDP could not be read"
            return What.UNKNOWN, f"{place.end}: {why}"
        if not self.ends.addressed(far.device):
            text = f"{place.end}: nobody has said which address {far.device} has; `mac` does"
            return What.UNKNOWN, text
        if not switch.learns:
            return What.UNKNOWN, f"{place.end}: which addresses are there could not be read"
        if place.socket.addresses:
            found = ", ".join(sorted(place.socket.addresses)[:2])
            return What.MISSING, f"{place.end} leads to {found}, not to the address of {far}"
        return What.UNKNOWN, f"{place.end}: nobody has sent anything there of late"

    def _extras(self) -> Iterator[Finding]:
        """Yield what is seen and explained by no cable."""
        designed = {end for cable in self.cables for end in cable}
        told: set[frozenset[End]] = set()
        for one in self._sights():
            near, far = one.near, one.far
            if far is None:
                odd = near in designed or near.port.casefold() not in OUT_OF_BAND
                if odd and near.device in self.roots:
                    yield _extra(one)
                continue
            sight = frozenset((near, far))
            if far.port and sight not in self.explained | told:
                told.add(sight)
                yield _extra(one)
            elif not far.port and not self._expected(near, far.device):
                yield _extra(one)

    def _expected(self, near: End, device: str) -> bool:
        """Say whether some cable should lead from a port to a device."""
        pairs = ((a, b) for cable in self.cables for a, b in (cable, cable[::-1]))
        return any(a == near and b.device == device for a, b in pairs)


def _moved(cable: tuple[End, End], move: Move, other: Move | None) -> Finding:
    """Return what is to be said of a cable that is in a wrong port."""
    what = What.MISPLACED if other is None else What.SWAPPED
    near, far = cable
    kept = far if move.there == near else near
    text = f"the cable of {kept} is in {move.here}; it belongs in {move.there}"
    if other is not None:
        text = f"the cable of {kept} is in {move.here}, and the one of there in {move.there}"
    return Finding(what=what, at=near, to=far, text=text, move=move, swapped_with=other)


def _extra(one: Seen) -> Finding:
    """Return what is to be said of a cable that the spec does not have."""
    who = f"{one.far} ({one.said})" if one.far is not None else one.said
    text = f"{one.near} leads to {who}; the spec has no such cable"
    return Finding(what=What.EXTRA, at=one.near, to=one.far, text=text)
