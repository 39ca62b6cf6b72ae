"""Webhooks: news delivered to other programs, signed, at least once, and never twice under two ids.

A message is written to the outbox together with the event that it tells of, one for each receiver,
and stays there until the receiver has answered 2xx. One that does not answer rests for longer and
longer, and costs the others nothing. Order is not promised: messages carry time and run second.
"""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import random
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import h11
import structlog

from agent import canonical
from agent.config import WebhookConfig
from agent.news import Item
from agent.store.trouble import StoreError

ANSWER_S: Final = 10.0  # from the name's look-up to the answer's headers
ANSWER_BYTES_MAX: Final = 16 << 10  # of headers; the body is not read
REST_S: Final = (5.0, 3600.0)  # after the first failure, and at most
KEPT_S: Final = 3 * 86400.0  # a receiver that is down over a weekend still gets its messages
TRIES_MIN: Final = 10  # before one is given up, lest a clock that was set throws all away
TURN_S: Final = 5.0  # how often to look for what is due, beside being told
REFUSED_ONE: Final = range(400, 500)  # it is there, and does not want this message
REFUSED_ALL: Final = (408, 425, 429)  # it is there, and wants no message now

log = structlog.get_logger()


class Message(Protocol):
    """What is to be delivered; a `Message` of the journal."""

    @property
    def id(self) -> int:
        """Return its number, never used twice in one journal."""
        raise NotImplementedError

    @property
    def run(self) -> str:
        """Return whose news it is."""
        raise NotImplementedError

    @property
    def body(self) -> Mapping[str, Any]:
        """Return what `outgoing` made."""
        raise NotImplementedError

    @property
    def tries(self) -> int:
        """Return how often it was put off."""
        raise NotImplementedError


class Outbox(Protocol):
    """Where messages wait; the `Journal`. Each method may raise StoreError."""

    def due(self, now: float) -> Sequence[Message]:
        """Return some of the messages whose turn it is at Unix time `now`, oldest first."""
        raise NotImplementedError

    def sent(self, message: int) -> None:
        """Forget a message."""
        raise NotImplementedError

    def failed(self, message: int, again_at: float) -> None:
        """Put a message off until Unix time `again_at`."""
        raise NotImplementedError


def outgoing(
    hooks: Mapping[str, WebhookConfig], news: Iterable[Item], wall: float
) -> list[dict[str, Any]]:
    """Return what goes into the outbox: each item once for each receiver that wants its kind."""
    return [
        {"hook": name, "since": wall, "message": item.data}
        for item, (name, hook) in itertools.product(news, hooks.items())
        if item.kind in hook.events
    ]


def signature(secret: bytes, at: int, body: bytes) -> str:
    """Return the header that proves who sent `body`, and when (Unix time).

    >>> signature(b"secret", 1, b"{}")[:20]
    't=1,v1=1122767b19311'
    """
    digest = hmac.new(secret, b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def rest(failures: int, rng: random.Random) -> float:
    """Return how long to wait after so many failures in a row: twice as long each time, to an hour.

    Half of it is left to chance, so that receivers do not hear from a whole floor at once.
    """
    least, most = REST_S
    whole = min(most, least * 2.0 ** min(failures, 20))
    return whole * (0.5 + 0.5 * rng.random())


@dataclass
class _Receiver:
    """What is remembered of a receiver, until the agent stops."""

    failures: int = 0  # in a row
    rests_until: float = 0.0  # Unix time


class Deliveries:
    """Delivers what is in the outbox, for as long as it runs. `hooks` may be replaced meanwhile."""

    def __init__(
        self,
        hooks: Mapping[str, WebhookConfig],
        outbox: Outbox,
        *,
        agent: str,
        wall: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.hooks = hooks
        self.counts: Counter[tuple[str, str]] = Counter()  # by webhook and outcome
        self._outbox = outbox
        self._agent = agent  # who sends, with its version
        self._wall = wall
        self._rng = rng
        self._more = asyncio.Event()
        self._receivers: dict[str, _Receiver] = {}
        self._delivered: set[int] = set()  # what the outbox could not yet be told of
        self._context = ssl.create_default_context()

    def wake(self) -> None:
        """Look at once: something was put into the outbox."""
        self._more.set()

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            self._more.clear()
            try:
                while await self.turn():
                    pass
            except* StoreError as errors:
                log.warning("outbox_unusable", why=str(errors.exceptions[0]))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TURN_S):
                    await self._more.wait()

    async def turn(self) -> int:
        """Try what is due now; return how much that was."""
        due = sorted(self._outbox.due(self._wall()), key=lambda message: str(message.body["hook"]))
        async with asyncio.TaskGroup() as group:
            for hook, messages in itertools.groupby(due, lambda message: message.body["hook"]):
                group.create_task(self._tell(hook, list(messages)))
        return len(due)

    async def _tell(self, hook: str, messages: Sequence[Message]) -> None:
        """Try one receiver's messages in turn, and put all off once it fails."""
        receiver = self._receivers.setdefault(hook, _Receiver())
        for message in messages:
            now = self._wall()
            if message.id in self._delivered:
                self._done(hook, "delivered", message)
            elif self._expired(message, now):
                self._done(hook, "given_up", message)
                log.warning("webhook_given_up", webhook=hook, delivery=_name(message))
            elif hook not in self.hooks:  # a floor file may get it back
                self._outbox.failed(message.id, now + REST_S[1])
            elif now < receiver.rests_until:
                self._outbox.failed(message.id, receiver.rests_until)
            else:
                await self._try(hook, receiver, message)
            await asyncio.sleep(0)  # each of these waits for the disk; polls go on in between

    async def _try(self, hook: str, receiver: _Receiver, message: Message) -> None:
        """Deliver one message, or put it off."""
        status, why = 0, ""
        try:
            async with asyncio.timeout(ANSWER_S):
                status = await self._post(self.hooks[hook], message)
        except TimeoutError:
            why = f"no answer within {ANSWER_S:g} s"
        except (OSError, h11.ProtocolError) as error:
            why = str(error) or type(error).__name__
        if 200 <= status < 300:
            receiver.failures = 0
            self._delivered.add(message.id)
            self._done(hook, "delivered", message)
            return
        now = self._wall()
        later = rest(message.tries, self._rng)
        if status not in REFUSED_ONE or status in REFUSED_ALL:
            pause = rest(receiver.failures, self._rng)
            receiver.failures += 1
            receiver.rests_until = now + pause
            later = max(later, 2 * pause)  # behind the others: it may be what the receiver dies of
        self.counts[hook, "failed"] += 1
        self._outbox.failed(message.id, now + later)
        why = why or f"HTTP {status}"
        log.warning("webhook_failed", webhook=hook, delivery=_name(message), why=why, again_s=later)

    async def _post(self, hook: WebhookConfig, message: Message) -> int:
        """Send one message and return the status of its answer."""
        body = canonical.encode(message.body["message"])
        headers = {
            "Host": hook.url.host,
            "User-Agent": self._agent,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Rackproof-Delivery": _name(message),
            "Rackproof-Signature": signature(hook.secret.reveal(), int(self._wall()), body),
            "Connection": "close",
        }
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_BYTES_MAX)
        request = h11.Request(method="POST", target=hook.url.target, headers=[*headers.items()])
        asked = [request, h11.Data(body), h11.EndOfMessage()]
        context = self._context if hook.url.encrypted else None
        reader, writer = await asyncio.open_connection(*hook.url.address, ssl=context)
        try:
            writer.write(b"".join(connection.send(each) or b"" for each in asked))
            while not isinstance(event := connection.next_event(), h11.Response):
                if event is h11.NEED_DATA:
                    connection.receive_data(await reader.read(ANSWER_BYTES_MAX))
            return event.status_code
        finally:
            writer.transport.abort()  # what else it says is not wanted

    def _expired(self, message: Message, now: float) -> bool:
        """Say whether a message was tried for long enough."""
        return now - message.body["since"] > KEPT_S and message.tries >= TRIES_MIN

    def _done(self, hook: str, outcome: str, message: Message) -> None:
        """Forget a message."""
        self._outbox.sent(message.id)
        self._delivered.discard(message.id)
        self.counts[hook, outcome] += 1


def _name(message: Message) -> str:
    """Return what a receiver knows a repetition by: unlike any other, of any agent."""
    return f"{message.run}.{message.id}"
