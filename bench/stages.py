"""The stages of the poll path, timed one by one while the real feed polls real sockets.

Each stage is timed without those it calls. The timers themselves cost about 0.3 us a call, which
is a few nanoseconds a reading.
"""

import asyncio
import logging
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

import structlog

from agent.burnin.expand import expand
from agent.burnin.live import LiveBay
from agent.burnin.spec import load_spec
from agent.exposition.floor import Floor
from agent.intake import Intake
from collectors.feed import Device, Feed
from collectors.layout import Layout
from collectors.profile import load_profiles
from collectors.readings import Channel
from collectors.snmp.endpoint import Endpoint
from collectors.snmp.exchange import Exchange
from collectors.snmp.peer import Peer
from collectors.snmp.usm import User

WATCHED: Mapping[str, tuple[tuple[type, str], ...]] = {
    "ask": ((Endpoint, "poll"), (Endpoint, "_go_on")),
    "send": ((Endpoint, "_send"),),
    "receive": ((Endpoint, "_receive"),),
    "decode": ((Exchange, "hear"),),
    "secure": ((Peer, "seal"), (Peer, "open"), (Peer, "number")),
    "feed": ((Feed, "_heard"), (Intake, "polled")),
    "convert": ((Layout, "convert"), (Layout, "changed")),
    "judge": ((LiveBay, "take"), (LiveBay, "judge")),
    "put": ((Floor, "put"), (Floor, "put_status")),
    "render": ((Floor, "render"),),
}


class Stopwatch:
    """Adds up the CPU time spent in each stage, without the stages that it calls."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._stack: list[str] = ["idle"]
        self._since = time.thread_time()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time every watched method until the block ends."""
        patches = [
            patch.object(owner, name, self._timed(stage, getattr(owner, name)))
            for stage, methods in WATCHED.items()
            for owner, name in methods
        ]
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()

    def _timed(self, stage: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method that also tells how long it took."""

        @wraps(method)
        def timed(*args: Any, **named: Any) -> Any:  # noqa: ANN401 -- whatever the method takes
            self._switch(stage)
            try:
                return method(*args, **named)
            finally:
                self._switch(None)

        return timed

    def _switch(self, stage: str | None) -> None:
        """Go into a stage, or back out of the present one."""
        now = time.thread_time()
        self.seconds[self._stack[-1]] += now - self._since
        self._since = now
        if stage is None:
            self._stack.pop()
        else:
            self._stack.append(stage)


class _Polls(Intake):
    """An intake that counts the readings it is given and judges every one of them."""

    readings = 0

    def polled(self, readings: Any, outcome: str, seconds: float) -> None:  # noqa: ANN401 -- as inherited
        """Take in one poll."""
        self.readings += len(readings.values)
        super().polled(readings, outcome, seconds)


async def stages(
    addresses: Sequence[str], port: int, seconds: float = 10.0, user: User | None = None
) -> dict[str, float]:
    """Return microseconds a reading by stage: one poll of every device, one page, each second.

    `user`: who asks in SNMPv3; else it is v2c.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    endpoint = await Endpoint.open(clock=time.monotonic, rng=random.Random(1))
    page = Floor()
    intake = _Polls(page, clock=time.monotonic, wall=time.time)
    feed = Feed(endpoint, load_profiles(), intake, clock=time.monotonic, rng=random.Random(2))
    names = [f"pdu{n}" for n in range(len(addresses))]
    intake.open("bay", None, {name: {} for name in names})
    for name, address in zip(names, addresses, strict=True):
        feed.add(_device(name, address, port, user))
    running = asyncio.create_task(feed.run())
    while not intake.settled():  # noqa: ASYNC110 -- nothing tells
        await asyncio.sleep(0.1)
    channels = page_channels(feed)
    live, named = judge_of(names, channels)
    for name in names:
        live.bind(name, channels, {}, named)
    intake.open("bay", live, dict.fromkeys(names, named))
    await asyncio.sleep(3)  # layouts are learnt
    watch, before = Stopwatch(), intake.readings
    with watch.watching():
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(1)
            intake.judge()
            page.render()
    running.cancel()
    endpoint.close()
    count = intake.readings - before
    return {stage: watch.seconds[stage] / count * 1e6 for stage in WATCHED}


def page_channels(feed: Feed) -> Sequence[Channel]:
    """Return the channels of the first device; all are alike here."""
    layout = next(iter(feed._known.values())).layout  # noqa: SLF001 -- a benchmark looks inside
    assert layout is not None
    return layout.channels


def judge_of(names: Sequence[str], channels: Sequence[Channel]) -> tuple[LiveBay, dict[str, str]]:
    """Return a judge with a two-sided limit on every reading, and how its channels are bound."""
    measured = [c for c in channels if not c.quantity.is_state and c.quantity.symbol]
    often = Counter((c.quantity.label, c.quantity.symbol) for c in measured)
    rows = "".join(
        f"      {label}: {{q: {label}, per: n {count}, fail: -1000000..1000000 {symbol}}}\n"
        for (label, symbol), count in often.items()
    )
    spec = (
        "spec: rackproof.spec/1\nid: bench\nrevision: A\nstatus: draft\ntitle: every reading\n"
        "decision: {rule: simple}\n"
        "defaults: {every: 2 s, hold: 10 s, budget: 1 %, required: true, applies: always}\n"
        f"roles:\n  pdu:\n    count: {len(names)}\n    names: [{', '.join(names)}]\n"
        f"    bom: {{class: product, models: [pdu]}}\n    channels:\n{rows}"
    )
    seen: Counter[str] = Counter()
    named = {}
    for channel in measured:
        label = channel.quantity.label
        seen[label] += 1
        named[f"{label}[n{seen[label]}]"] = channel.name
    return LiveBay(expand(load_spec(spec.encode(), "bench"))), named


def _device(name: str, address: str, port: int, user: User | None) -> Device:
    """Return a device that is polled once a second."""
    return Device(
        name=f"bay/{name}",
        host=address,
        port=port,
        version="3" if user else "2c",
        community=b"public",
        user=user,
        timeout_s=2.0,
        retries=1,
        interval_s=1.0,
    )
