"""Who is at an address, and what can be asked there: identify, walk, bind; once, not every poll."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from collectors.binding import bind
from collectors.fingerprint import candidates, identify, questions
from collectors.layout import Layout
from collectors.neighbours import (
    ABOUT,
    ADDRESSES,
    Switch,
    sockets,
)
from collectors.profile import SYS_DESCR, SYS_OBJECT_ID, SYS_UP_TIME, Profile
from collectors.rows import Value, text
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Outcome, Target
from collectors.snmp.poll import Fetched
from collectors.snmp.walk import COMPLETE, WalkBudget

AT_ONCE: Final = nullcontext()
ABOUT_BUDGET: Final = WalkBudget(rows=20_000, octets=4 << 20, seconds=30.0)  # 1,000 ports have 15
ADDRESSES_BUDGET: Final = WalkBudget(rows=20_000, octets=2 << 20, seconds=30.0)  # of a bay's switch
DENIED: Final = {  # what a device reports of us, and what is most likely behind it
    Outcome.UNKNOWN_USER: "it knows no such user",
    Outcome.WRONG_DIGEST: "its authentication password or protocol is another",
    Outcome.DECRYPTION: "its privacy password or protocol is another",
    Outcome.UNSUPPORTED_LEVEL: "this user may not ask so: with or without privacy, as set up there",
    Outcome.NOT_IN_TIME_WINDOW: "its clock is set back, or jumps; see the notices of the device",
    Outcome.UNKNOWN_ENGINE: "it changes its engine ID with every answer",
}


class SilentError(Exception):
    """A device that did not say who it is, or stopped answering while it was walked."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Discovery:
    """A device as found."""

    profile: Profile
    layout: Layout
    requests: int
    notes: tuple[str, ...]  # why a walk ended early: what lies beyond is not known


async def discover(
    endpoint: Endpoint,
    target: Target,
    profiles: Sequence[Profile],
    named: str | None = None,
    turn: AbstractAsyncContextManager[object] = AT_ONCE,
) -> Discovery:
    """Find out what is at `target`; `named` is the profile to use whatever the device says.

    Walks begin when `turn` lets them. A silent device never takes one: it would hold up the others.
    Raises: SilentError; AmbiguousError when two profiles fit equally well.
    """
    system = await endpoint.get(target, [SYS_DESCR, SYS_OBJECT_ID, SYS_UP_TIME])
    if not system.values:
        why = DENIED.get(system.outcome, "")
        said = (
            f"it reports {system.outcome.value}: {why}" if why else f"no answer: {system.outcome}"
        )
        raise SilentError(system.outcome, said)
    async with turn:
        return await _walked(endpoint, target, profiles, named, system)


async def _walked(
    endpoint: Endpoint,
    target: Target,
    profiles: Sequence[Profile],
    named: str | None,
    system: Fetched,
) -> Discovery:
    """Identify and walk a device that has answered. Raises: SilentError, AmbiguousError."""
    requests = system.requests
    rows: dict[str, Value] = dict(system.values)
    if named is not None:
        profile = next(p for p in profiles if p.name == named)
    else:
        said = text(rows.get(SYS_OBJECT_ID)), text(rows.get(SYS_DESCR))
        fitting = candidates(profiles, *said)
        present = set()
        for oid in questions(fitting):
            peek = await endpoint.walk(target, [oid], budget=WalkBudget(rows=1))
            requests += peek.requests
            if peek.rows:
                present.add(oid)
        profile = identify(profiles, *said, present.__contains__)
    walked = await endpoint.walk(target, profile.roots)
    if walked.outcome not in (Outcome.OK, Outcome.PARTIAL):
        raise SilentError(walked.outcome, f"stopped answering in a walk: {walked.outcome.value}")
    layout = bind(profile, rows | walked.rows)
    notes = tuple(f"{root}: {why}" for root, why in walked.ended.items() if why != COMPLETE)
    return Discovery(profile, layout, requests + walked.requests, notes)


async def neighbours(
    endpoint: Endpoint,
    target: Target,
    turn: AbstractAsyncContextManager[object] = AT_ONCE,
) -> Switch:
    """Read who is at the far end of a switch's cables. Raises: SilentError.

    What its bridge has learnt is walked apart: it may be long, and must not cost what LLDP heard.
    """
    async with turn:
        about = await endpoint.walk(target, ABOUT, budget=ABOUT_BUDGET)
        if about.outcome not in (Outcome.OK, Outcome.PARTIAL):
            raise SilentError(about.outcome, f"told nothing of cables: {about.outcome.value}")
        learnt = await endpoint.walk(target, ADDRESSES, budget=ADDRESSES_BUDGET)
    ended = about.ended | dict.fromkeys(ADDRESSES, learnt.outcome.value) | learnt.ended
    short = {root: why for root, why in ended.items() if why != COMPLETE}
    # 15 µs a row: a device that makes up rows must not hold up the loop
    return await asyncio.to_thread(sockets, about.rows | learnt.rows, short)
