"""The API: whatever is asked for, and however, the answer is a result or one shape of refusal.

An input is a request: path and query, NUL, Content-Type, NUL, Idempotency-Key, NUL, body.
"""

import asyncio
import atexit
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.types import Message

from agent.acts import Act, Refused, Start, Ticket, Told
from agent.news import News
from agent.web import api, negotiate
from agent.web.asking import BODY_BYTES_MAX
from agent.web.shapes import Problem
from fuzz.target import Target

RUN: Final = {"run": "r1", "bay": "b1", "serial": "x", "verdict": "PASS"}
STATUSES: Final = {200, 201, 304, 400, 403, 404, 405, 413, 415, 422}
ACTS: Final = {
    "bays/b1/runs": b'{"serial":"RK-1","by":"m","sku":null}',
    "runs/r1/answers": b'{"need":"valves open","answer":"yes","by":"m","note":"n"}',
    "runs/r1/pause": b'{"by":"m","reason":"a reason"}',
    "runs/r1/resume": b'{"by":"m"}',
    "runs/r1/abort": b'{"by":"m","reason":"a reason"}',
    "runs/r1/finish": b'{"by":"m"}',
    "runs/r1/repeat": b'{"stage":"soak","by":"m","reason":"a reason"}',
    "runs/r1/dispositions": b'{"stage":"soak","attempt":1,"decision":"ntf","text":"why","by":"m"}',
}
SHOWN: Final = (
    *("openapi.json", "bays", "runs", "runs?bay=b1&limit=5&verdict=FAIL", "runs/r1"),
    *("runs/r1/events?after=3&limit=1", "runs/r1/record/record.json", "runs/../x", "runs/%00"),
    *("runs/r1/record/..%2f..%2fetc%2fpasswd", "bays/%ff/runs", "runs?limit=1&limit=2", "?"),
)
JSON: Final = b"application/json"


class FakeDesk:
    """A desk with one bay and one run, on which anything may be done."""

    def __init__(self) -> None:
        self.news = News("0" * 8)

    def bays(self) -> Sequence[Mapping[str, Any]]:
        """Return the one bay."""
        return [{"bay": "b1", "spec": None, "run": None}]

    async def start(self, _bay: str, _start: Start, _ticket: Ticket | None) -> Mapping[str, Any]:
        """Begin."""
        return RUN

    async def act(self, run: str, _act: Act, _ticket: Ticket | None) -> Mapping[str, Any]:
        """Do it."""
        return await self.show(run)

    async def told(self, _key: str) -> Told | None:
        """Return that nothing was asked before."""
        return None

    async def runs(self) -> Sequence[Mapping[str, Any]]:
        """Return the one run."""
        return [RUN]

    async def show(self, run: str) -> Mapping[str, Any]:
        """Return it, if it is that."""
        if run != RUN["run"]:
            raise Refused(404, "there is no such run")
        return RUN

    async def entries(self, _run: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return as many as are wanted."""
        return [{"seq": after + n} for n in range(1, limit + 1)]

    async def record(self, _run: str) -> Path | None:
        """Return where this file lies, of which some names are files."""
        return Path(__file__).parent


@cache
def _site() -> tuple[Starlette, asyncio.AbstractEventLoop]:
    """Return the API, and a loop for it."""
    loop = asyncio.new_event_loop()
    atexit.register(_close, loop)
    return Starlette(routes=api.routes(FakeDesk())), loop


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Leave nothing half done."""
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def asked(data: bytes) -> None:
    """A request has an answer: of those that there are, and a refusal says what is wrong."""
    where, form, key, body, *_ = [*data.split(b"\0", 3), b"", b"", b""]
    path, _, query = where.partition(b"?")
    if path.startswith(b"events"):
        return  # a stream, which does not end
    headers = [(b"host", b"x"), (b"content-type", form), (b"content-length", b"%d" % len(body))]
    if key:
        headers.append((b"idempotency-key", key))
    scope = {
        "type": "http",
        "method": "POST" if body else "GET",
        "path": "/api/v1/" + unquote(path.decode("ascii", "replace")),
        "raw_path": b"/api/v1/" + path,
        "query_string": query,
        "headers": headers,
        "scheme": "http",
        "server": ("x", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
    }
    site, loop = _site()
    sent = loop.run_until_complete(_answered(site, scope, body))
    status = next(m["status"] for m in sent if m["type"] == "http.response.start")
    said = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    assert status in STATUSES, status
    if status >= 400 and said[:1] == b"{":
        assert Problem.model_validate_json(said).status == status
    if status < 300 and said[:1] == b"{":
        json.loads(said)


async def _answered(site: Starlette, scope: dict[str, Any], body: bytes) -> list[Message]:
    """Ask, and return all that comes back."""
    sent: list[Message] = []
    pieces = [
        {"type": "http.request", "body": body[:7], "more_body": True},
        {"type": "http.request", "body": body[7:], "more_body": False},
    ]

    async def receive() -> Message:
        """Give the next piece."""
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        """Keep what comes."""
        sent.append(message)

    await site(scope, receive, send)
    return sent


def requests() -> Iterator[bytes]:
    """Yield every act, everything that is shown, and mistakes."""
    for path, body in ACTS.items():
        yield b"\0".join((path.encode(), JSON, b"", body))
        yield b"\0".join((path.encode(), JSON, b"key-1", b"{}"))
    for path in SHOWN:
        yield b"\0".join((path.encode(), b"", b"", b""))
    yield b"\0".join((b"bays/b1/runs", b"text/plain", b"\xff", b"x"))
    yield b"\0".join((b"bays/b1/runs", JSON, b"", b'{"serial":"\\u202e","by":"m"}'))


def giant_requests() -> Iterator[bytes]:
    """Yield bodies as dear as they may be."""
    for body in (
        b"[" * BODY_BYTES_MAX,
        b'{"serial":"' + b"x" * (BODY_BYTES_MAX - 30) + b'","by":"m"}',
        b"{" + b",".join(b'"%d":1' % n for n in range(1500)) + b"}",
        b"1" * BODY_BYTES_MAX,
        bytes(BODY_BYTES_MAX + 1),
    ):
        yield b"\0".join((b"bays/b1/runs", JSON, b"", body))


def accepted(data: bytes) -> None:
    """Which form of a page is wanted is said by any header, if only by default."""
    header = data.decode("latin-1")
    assert negotiate.wants_openmetrics(header) in (True, False)
    assert negotiate.wants_gzip(header) in (True, False)


HEADERS: Final = (
    b"application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
    b"gzip;q=0, *;q=1",
    b"*/*;q=0.001",
    b"text/*; q=1.000",
)

TARGETS: Final = (
    Target(
        name="api",
        run=asked,
        seeds=requests,
        giants=giant_requests,
        words=(JSON, b"\0", *(path.encode() for path in ACTS), b"\\ud800", b"%00", b"%2e%2e%2f"),
        size_max=512,
        growth_max=8 << 20,
    ),
    Target(
        name="negotiate",
        run=accepted,
        seeds=lambda: HEADERS,
        giants=lambda: (b"," * 8192, b"a;q=0," * 1300, b";" * 8192),
        words=(b"q=", b"version=", b"*/*"),
        size_max=256,
    ),
)
