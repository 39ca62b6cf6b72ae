"""uvicorn's HTTP/1.1 protocol with the deadlines and the cap that it lacks.

A client that sends half a request, drips a body, or does not read its answer is closed in time.
When all places are taken, the client that has waited longest without asking anything makes room:
so a thousand idle connections cannot keep Prometheus out.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX: Final = 256  # a quarter of the usual limit of 1,024 open files
REQUEST_S: Final = (
    10.0  # from the first byte to the end of the headers; a scrape takes milliseconds
)
KEEP_ALIVE_S: Final = 65  # longer than the usual scrape interval of a minute
TRANSFER_S: Final = 15.0  # Prometheus gives up after 10 s
HEADER_BYTES_MAX: Final = 16 << 10  # Prometheus sends about 400


@dataclass
class Gate:
    """What all connections of one server share: places, deadlines, and what was turned away."""

    connections_max: int = CONNECTIONS_MAX
    request_s: float = REQUEST_S
    transfer_s: float = TRANSFER_S
    drops: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("late_request", "slow_reader", "no_place"), 0)
    )
    open: int = 0
    waiting: "dict[Guard, None]" = field(default_factory=dict)  # the longest first

    def admit(self) -> bool:
        """Take a place, if need be from the connection that has waited longest."""
        if self.open >= self.connections_max:
            self.drops["no_place"] += 1
            if not self.waiting:
                return False
            next(iter(self.waiting)).leave()
        self.open += 1
        return True


class Guard(H11Protocol):
    """One connection. Source: RFC 9112 §9; the hooks are those of uvicorn's `H11Protocol`."""

    def __init__(self, gate: Gate, **given: Any) -> None:  # noqa: ANN401 -- uvicorn's own arguments
        super().__init__(**given)
        self._gate = gate
        self._request: asyncio.TimerHandle | None = None
        self._transfer: asyncio.TimerHandle | None = None

    @property
    def _answering(self) -> bool:
        """Say whether a whole request has come and its answer has not yet gone."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Find a place for the client, or close."""
        if not self._gate.admit():
            transport.abort()
            return
        super().connection_made(transport)
        self._wait()
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take in bytes; the first of a request start its deadline."""
        if self._request is None and not self._answering:
            self._expect()
        super().data_received(data)

    def handle_events(self) -> None:
        """Look for a whole request; with it the client stops waiting."""
        super().handle_events()
        if self._answering:
            self._gate.waiting.pop(self, None)
            self._request = _stop(self._request)

    def on_response_complete(self) -> None:
        """Wait for the next request; what is left of the last one has to come in time too."""
        self._transfer = _stop(self._transfer)
        super().on_response_complete()
        if not self._answering and not self.transport.is_closing():
            self._wait()
            if self.conn.their_state is not h11.IDLE or self.conn.trailing_data[0]:
                self._expect()

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request, or close where an answer was already given."""
        if self._answering:
            self.cycle.disconnected = True  # a malformed body: what the page says is not sent
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than we write."""
        super().pause_writing()
        if self._transfer is None:
            self._transfer = self.loop.call_later(self._gate.transfer_s, self._slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        if self.transport is None:
            return  # it never had one
        self.leave()
        self._gate.open -= 1
        super().connection_lost(exc)

    def leave(self) -> None:
        """Close at once and wait for nothing more."""
        self._gate.waiting.pop(self, None)
        self._request, self._transfer = _stop(self._request), _stop(self._transfer)
        self.transport.abort()

    def _wait(self) -> None:
        """Join the end of those who may have to make room."""
        self._gate.waiting.pop(self, None)
        self._gate.waiting[self] = None

    def _expect(self) -> None:
        """Give the client until the deadline to finish its request."""
        _stop(self._request)
        self._request = self.loop.call_later(self._gate.request_s, self._late)

    def _late(self) -> None:
        """Close: the request did not come."""
        self._gate.drops["late_request"] += 1
        self.leave()

    def _slow(self) -> None:
        """Close if the client still does not read."""
        self._transfer = None
        if self.flow.write_paused:
            self._gate.drops["slow_reader"] += 1
            self.leave()


def _stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Cancel a timer that may not be set; returns what stands for one that is not."""
    if timer:
        timer.cancel()
    return None
