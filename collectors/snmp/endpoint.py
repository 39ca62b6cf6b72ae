"""One UDP socket for all devices, driven by asyncio: batches, one timer, no task a poll."""

import asyncio
import contextlib
import errno
import random
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Self, TypeVar

from collectors.snmp.exchange import Address, Exchange, Learnt, Target
from collectors.snmp.poll import Answer, Fetch, Fetched, Poll, Watch
from collectors.snmp.usm import Security, User
from collectors.snmp.walk import Walk, WalkBudget, Walked

BATCH: Final = 64  # datagrams read before the loop may do something else
GATHER_S: Final = 0.02  # how long answers gather: a wake-up costs more than reading one
GATHER_MIN: Final = 8  # fewer than this many awaited answers are read as they come
DATAGRAM_OCTETS_MAX: Final = 65_535
RECEIVE_BUFFER_OCTETS: Final = 4 << 20  # asked for; the kernel may give less
KERNEL_OCTETS_A_DATAGRAM: Final = 2_500  # measured: 1,472 octets occupy 2,300 of the buffer
SALT_BITS: Final = 64
LEARNT_MAX: Final = 10_000  # devices whose limits are remembered
SENDS_MAX: Final = 3  # tries of one datagram while errors of others are pending on the socket
RECVERR: Final = {socket.AF_INET: (0, 11), socket.AF_INET6: (41, 25)}  # linux/in.h, in6.h
EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")  # linux/errqueue.h: sock_extended_err
UNREACHABLE: Final = frozenset(
    {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM}
)


DEFAULT_BUDGET: Final = WalkBudget()

Ended = TypeVar("Ended", Fetched, Walked)


@dataclass(slots=True)
class Stats:
    """What went through the sockets."""

    drops: dict[str, int] = field(default_factory=dict)  # by reason
    datagrams_sent: int = 0
    datagrams_received: int = 0
    octets_sent: int = 0
    octets_received: int = 0


class Endpoint:
    """Asks all devices from one socket for each IP version."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(DATAGRAM_OCTETS_MAX)
        self._view = memoryview(self._buffer)
        self._sockets: dict[bool, socket.socket] = {}  # keyed by: is it IPv6
        self._blocked = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._exchange = Exchange(rng, window=RECEIVE_BUFFER_OCTETS // KERNEL_OCTETS_A_DATAGRAM)
        self._watches: dict[str, Watch] = {}
        self._polls: dict[str, Poll] = {}
        self._learnt: dict[Address, Learnt] = {}
        self._futures: set[asyncio.Future[Any]] = set()
        self._rng = rng
        self._chores: set[asyncio.Future[Security]] = set()
        self.stats = Stats(self._exchange.drops)
        self.on_notice: Callable[[Address, str, str], None] = _unheard

    @classmethod
    async def open(cls, *, clock: Callable[[], float], rng: random.Random) -> Self:
        """Open the sockets. Raises: OSError when there is no IPv4."""
        endpoint = cls(clock, rng)
        endpoint._open(socket.AF_INET)
        with contextlib.suppress(OSError):  # a machine without IPv6
            endpoint._open(socket.AF_INET6)
        return endpoint

    def close(self) -> None:
        """Close the sockets; whoever still awaits something is cancelled."""
        for sock in self._sockets.values():
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            sock.close()
        self._sockets.clear()
        if self._timer is not None:
            self._timer.cancel()
        for future in (*self._futures, *self._chores):
            future.cancel()

    @property
    def engines_shared(self) -> int:
        """Return how many SNMP engine IDs belong to several devices at once."""
        return self._exchange.engines.shared

    async def get(self, target: Target, objects: Sequence[str]) -> Fetched:
        """Read objects once. Raises: BerError if one of them is no OID."""
        future: asyncio.Future[Fetched] = self._loop.create_future()
        watch = Watch(target, objects, self._learnt_of(target))
        return await self._talk(Fetch(watch, partial(_resolve, future)), future)

    async def walk(
        self, target: Target, roots: Sequence[str], *, budget: WalkBudget = DEFAULT_BUDGET
    ) -> Walked:
        """Read all there is below each root. Raises: BerError if one of them is no OID."""
        future: asyncio.Future[Walked] = self._loop.create_future()
        learnt = self._learnt_of(target)
        return await self._talk(
            Walk(target, roots, budget, learnt, partial(_resolve, future)), future
        )

    def watch(self, device: str, target: Target, objects: Sequence[str]) -> None:
        """Plan what a poll of `device` asks for. Raises: BerError if one of them is no OID."""
        self._unwatch(device)
        learnt = self._learnt_of(target)
        learnt.varbinds_answered = 0  # it may be another device by now
        self._watches[device] = Watch(target, objects, learnt)

    def forget(self, device: str) -> None:
        """Plan no more polls of `device`, and forget all about it; one under way has no answer."""
        watch = self._watches.get(device)
        self._unwatch(device)
        if watch is not None:
            self._learnt.pop(watch.target.address, None)
            self._exchange.engines.leave(watch.target.address)

    def _unwatch(self, device: str) -> None:
        """End the polls of a device."""
        self._watches.pop(device, None)
        if poll := self._polls.pop(device, None):
            self._exchange.cancel(poll, self._clock())
            self._go_on()

    def poll(self, device: str, on_answer: Callable[[str, Answer], None]) -> bool:
        """Start a poll, whose answer is handed over once; False while the last is under way."""
        if device in self._polls:
            return False
        poll = Poll(self._watches[device], partial(self._hand_over, device, on_answer))
        self._polls[device] = poll
        self._exchange.start(poll, self._clock())
        self._go_on()
        return True

    async def _talk(self, talk: Fetch | Walk, future: "asyncio.Future[Ended]") -> "Ended":
        """Let a talk run to its end, or cancel it with its caller."""
        self._futures.add(future)
        try:
            self._exchange.start(talk, self._clock())
            self._go_on()
            return await future
        finally:
            self._futures.discard(future)
            if future.cancelled():
                self._exchange.cancel(talk, self._clock())

    def _hand_over(
        self, device: str, on_answer: Callable[[str, Answer], None], answer: Answer
    ) -> None:
        """Free the device for its next poll, then pass the answer on."""
        del self._polls[device]
        on_answer(device, answer)

    def _learnt_of(self, target: Target) -> Learnt:
        """Return what is known about asking this device."""
        learnt = self._learnt.pop(target.address, None)
        if learnt is None:
            learnt = Learnt(salt=self._rng.getrandbits(SALT_BITS), keys=self._exchange.engines.keys)
        self._learnt[target.address] = learnt
        if len(self._learnt) > LEARNT_MAX:
            del self._learnt[next(iter(self._learnt))]
        return learnt

    def _open(self, family: socket.AddressFamily) -> None:
        """Open a socket that reports unreachable devices (ip(7), IP_RECVERR). Raises: OSError."""
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.settimeout(0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
        sock.setsockopt(*RECVERR[family], 1)
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))  # noqa: S104 -- answers come from anywhere
        room = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // KERNEL_OCTETS_A_DATAGRAM
        self._exchange.window = min(self._exchange.window, room)
        self._sockets[family == socket.AF_INET6] = sock
        self._loop.add_reader(sock, self._gather, sock)

    def _gather(self, sock: socket.socket) -> None:
        """Read an answer at once where few are awaited; else let them gather, and look by timer."""
        if self._exchange.awaited < GATHER_MIN:
            self._receive(sock)
            return
        self._loop.remove_reader(sock)
        self._loop.call_later(GATHER_S, self._sweep, sock)

    def _sweep(self, sock: socket.socket) -> None:
        """Read what has gathered, and come back as long as many answers are awaited."""
        if sock.fileno() < 0:
            return  # closed meanwhile
        more = False
        try:
            more = self._receive(sock)
        finally:  # whoever breaks on an answer must not deafen the others
            if more:
                self._loop.call_soon(self._sweep, sock)
            elif self._exchange.awaited < GATHER_MIN:
                self._loop.add_reader(sock, self._gather, sock)
            else:
                self._loop.call_later(GATHER_S, self._sweep, sock)

    def _receive(self, sock: socket.socket) -> bool:
        """Read a batch and say whether there is more; none at all means that errors are queued."""
        hear, now, stats = self._exchange.hear, self._clock(), self.stats
        for count in range(BATCH):
            try:
                size, address = sock.recvfrom_into(self._buffer)
            except BlockingIOError:
                if not count:
                    self._take_errors(sock)
                more = False
                break
            except OSError:
                self._take_errors(sock)
                more = True
                break
            stats.datagrams_received += 1
            stats.octets_received += size
            hear(bytes(self._view[:size]), address[:2], now)
        else:
            more = True
        self._go_on()
        return more

    def _take_errors(self, sock: socket.socket) -> None:
        """Empty the queue of errors, else the socket would stay readable for ever."""
        for _ in range(BATCH):
            try:
                _, control, _, address = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            codes = [EXTENDED_ERROR.unpack_from(data)[0] for _, _, data in control]
            if address and not UNREACHABLE.isdisjoint(codes):
                self._exchange.refuse(address[:2], self._clock())

    def _go_on(self) -> None:
        """Hand over what ended, send what is to be sent, and set the timer."""
        exchange = self._exchange
        while exchange.ended or (exchange.outbox and not self._blocked):
            while exchange.ended:
                talk, seconds = exchange.ended.popleft()
                talk.end(seconds)
            if exchange.outbox and not self._blocked:
                self._send(*exchange.outbox.popleft())
        engines = exchange.engines
        while engines.chores:
            self._make_keys(*engines.chores.popleft())
        while engines.notices:
            self.on_notice(*engines.notices.popleft())
        due = exchange.due()
        if due is None or (self._timer is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_later(due - self._clock(), self._expire)

    def _make_keys(self, user: User, engine: bytes) -> None:
        """Have keys made by another thread; those that wait for them are asked then."""
        made = self._loop.run_in_executor(None, user.made, engine)
        self._chores.add(made)
        made.add_done_callback(partial(self._keyed, user))

    def _keyed(self, user: User, made: "asyncio.Future[Security]") -> None:
        """Take the keys that were made."""
        self._chores.discard(made)
        if not made.cancelled():
            self._exchange.keyed(made.result(), user, self._clock())
            self._go_on()

    def _send(self, datagram: bytes, address: Address) -> None:
        """Send one datagram; when the socket is full, go on when it is writable."""
        sock = self._sockets.get(":" in address[0])
        if sock is None:
            self._exchange.refuse(address, self._clock())
            return
        for _ in range(SENDS_MAX):
            try:
                sock.sendto(datagram, address)
            except BlockingIOError:
                self._exchange.outbox.appendleft((datagram, address))
                self._blocked = True
                self._loop.add_writer(sock, self._unblock, sock)
                return
            except OSError as error:
                self._take_errors(sock)  # most likely of another datagram, sent before
                if error.errno != errno.ECONNREFUSED:
                    self._exchange.refuse(address, self._clock())
                    return
            else:
                self.stats.datagrams_sent += 1
                self.stats.octets_sent += len(datagram)
                return

    def _unblock(self, sock: socket.socket) -> None:
        """Go on sending."""
        self._loop.remove_writer(sock)
        self._blocked = False
        self._go_on()

    def _expire(self) -> None:
        """Let time pass for whatever waits."""
        self._timer = None
        self._exchange.expire(self._clock())
        self._go_on()


def _unheard(address: Address, event: str, detail: str) -> None:
    """Let a notice pass that nobody listens for."""


def _resolve(future: "asyncio.Future[Ended]", result: "Ended") -> None:
    """Give the result to whoever still awaits it."""
    if not future.done():
        future.set_result(result)
