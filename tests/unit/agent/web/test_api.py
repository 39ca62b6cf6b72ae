"""Tests for the API: what a program that starts and follows runs gets, and a stranger does not."""

import asyncio
import contextlib
import json
import string
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from agent.news import Item, News
from agent.web import api, asking, stream
from agent.web.app import create_app
from agent.web.asking import BODY_BYTES_MAX
from agent.web.guard import Gate
from agent.web.server import serving
from tests.unit.agent.cables import CABLES, Cables

if TYPE_CHECKING:
    from tests.unit.agent.conftest import FakeDesk
    from tests.unit.agent.web.conftest import FakeState

START = {"serial": "SN-4711", "by": "J. Doe"}
FOLLOW = "GET /api/v1/events HTTP/1.1"
JSON = {"content-type": "application/json", "host": "agent"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever JSON there is
        """Return what it says."""
        return json.loads(self.body)


async def call(  # noqa: PLR0913 -- what a request is made of
    app: ASGIApp,
    method: str,
    path: str,
    body: object = None,
    *,
    query: str = "",
    raw: bytes | None = None,
    headers: Mapping[str, str] = JSON,
) -> Answer:
    """Ask the application, without a socket in between."""
    if raw is None:
        raw = b"" if body is None else json.dumps(body).encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "server": ("agent", 80),
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "surrogateescape"),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
    }
    asked = iter([{"type": "http.request", "body": raw, "more_body": False}])
    said: list[Any] = []

    async def receive() -> Any:  # noqa: ANN401 -- ASGI's messages
        """Hand over the request, then wait for ever, as a client that stays does."""
        if (message := next(asked, None)) is not None:
            return message
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:  # noqa: ANN401 -- likewise
        """Collect the answer."""
        said.append(message)

    await app(scope, receive, send)
    named = {k.decode().lower(): v.decode() for k, v in said[0]["headers"]}
    return Answer(said[0]["status"], named, b"".join(m.get("body", b"") for m in said[1:]))


@pytest.fixture
def app(state: "FakeState", desk: "FakeDesk") -> ASGIApp:
    """Return the application with a desk."""
    return create_app(state, desk)


async def started(app: ASGIApp) -> str:
    """Begin a run and return its name."""
    run: str = (await call(app, "POST", "/api/v1/bays/bay-01/runs", START)).json["run"]
    return run


async def test_a_run_goes_from_its_start_to_its_end(app: ASGIApp, desk: "FakeDesk") -> None:
    """Started by serial, answered, paused, resumed, ended: the run as it stands is the answer."""
    begun = await call(app, "POST", "/api/v1/bays/bay-01/runs", START)
    at = begun.headers["location"]

    assert begun.status == 201
    assert at == f"/api/v1/runs/{begun.json['run']}"
    assert begun.json["state"] == "waiting"
    answer = {"need": "bom_scanned", "answer": "yes", "by": "J. Doe"}
    assert (await call(app, "POST", f"{at}/answers", answer)).json["state"] == "running"
    why = {"by": "J. Doe", "reason": "fire drill"}
    assert (await call(app, "POST", f"{at}/pause", why)).json["state"] == "paused"
    assert (await call(app, "POST", f"{at}/resume", {"by": "J. Doe"})).json["state"] == "running"
    again = {"stage": "inventory", **why}
    assert (await call(app, "POST", f"{at}/repeat", again)).status == 200
    assert (await call(app, "POST", f"{at}/abort", why)).json["verdict"] == "ABORTED"
    decided = {"stage": "inventory", "attempt": 1, "decision": "ntf", "text": "no fault", "by": "Q"}
    assert (await call(app, "POST", f"{at}/dispositions", decided)).status == 200
    assert (await call(app, "GET", at)).json["state"] == "over"
    kinds = [entry["kind"] for entry in desk.journal[begun.json["run"]]]
    assert kinds == ["run_started", "answer", "pause", "resume", "repeat", "abort", "dispose"]


async def test_finish_closes_a_run_that_did_not_pass(app: ASGIApp) -> None:
    """Beside abort: the plan was done, and nobody will repeat a stage."""
    run = await started(app)

    assert (await call(app, "POST", f"/api/v1/runs/{run}/finish", {"by": "Q"})).json[
        "verdict"
    ] == "INCONCLUSIVE"


async def test_runs_are_listed_by_bay_serial_and_verdict(app: ASGIApp, desk: "FakeDesk") -> None:
    """The latest first, with how many there are."""
    for serial in ("SN-1", "SN-2", "SN-1"):
        run = (
            await call(app, "POST", "/api/v1/bays/bay-01/runs", {**START, "serial": serial})
        ).json
        desk.end(run["run"], "PASS" if serial == "SN-2" else "FAIL")

    async def listed(query: str) -> tuple[list[str], int]:
        """Ask for a list."""
        found = (await call(app, "GET", "/api/v1/runs", query=query)).json
        return [run["run"] for run in found["runs"]], found["total"]

    assert await listed("") == (["run-3", "run-2", "run-1"], 3)
    assert await listed("serial=SN-1") == (["run-3", "run-1"], 2)
    assert await listed("verdict=PASS") == (["run-2"], 1)
    assert await listed("bay=bay-02") == ([], 0)
    assert await listed("limit=1&verdict=FAIL") == (["run-3"], 2)


async def test_a_journal_is_shown_in_parts(app: ASGIApp) -> None:
    """`next` leads on until there is no more."""
    run = await started(app)
    for _ in range(3):
        await call(app, "POST", f"/api/v1/runs/{run}/resume", {"by": "J. Doe"})

    seen, after = [], 0
    while after is not None:
        query = f"after={after}&limit=2"
        part = (await call(app, "GET", f"/api/v1/runs/{run}/events", query=query)).json
        seen += [entry["seq"] for entry in part["entries"]]
        after = part["next"]
    assert seen == [1, 2, 3, 4]


async def test_the_same_key_with_the_same_request_is_done_once(
    app: ASGIApp, desk: "FakeDesk"
) -> None:
    """A client whose answer was lost asks again without fear, and at the same time as well."""
    key = {**JSON, "idempotency-key": "6f1f"}
    path = "/api/v1/bays/bay-01/runs"
    first, second = await asyncio.gather(
        call(app, "POST", path, START, headers=key),
        call(app, "POST", path, dict(reversed(START.items())), headers=key),
    )

    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert {"idempotency-replayed" in each.headers for each in (first, second)} == {True, False}
    assert len(desk.held) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/bays/bay-01/runs", {**START, "serial": "SN-4712"}),
        ("/api/v1/runs/run-1/abort", {"by": "J. Doe", "reason": "wrong rack"}),
    ],
)
async def test_the_same_key_with_another_request_is_refused(
    app: ASGIApp, path: str, body: object
) -> None:
    """Or else a client would take the answer to one question for that to another."""
    key = {**JSON, "idempotency-key": "6f1f"}
    await call(app, "POST", "/api/v1/bays/bay-01/runs", START, headers=key)
    refused = await call(app, "POST", path, body, headers=key)

    assert refused.status == 422
    assert "use a new one" in refused.json["detail"]


async def test_a_conflict_is_refused_with_what_to_do(app: ASGIApp) -> None:
    """Two runs in one bay, a bay without a spec, a run that is over, a stage that is none."""
    run = await started(app)
    why = {"by": "J. Doe", "reason": "wrong rack"}
    refused = [
        await call(app, "POST", "/api/v1/bays/bay-01/runs", START),
        await call(app, "POST", "/api/v1/bays/bay-02/runs", START),
        await call(app, "POST", f"/api/v1/runs/{run}/repeat", {**why, "stage": "nonsense"}),
        await call(app, "POST", f"/api/v1/runs/{run}/abort", why),
        await call(app, "POST", f"/api/v1/runs/{run}/abort", why),
    ]

    assert [each.status for each in refused] == [409, 409, 409, 200, 409]
    assert refused[0].json["detail"] == f"run {run} is on in bay-01; abort it, or wait for its end"


async def test_a_full_disk_is_said_and_nothing_was_done(app: ASGIApp, desk: "FakeDesk") -> None:
    """The one refusal that is not the caller's doing."""
    desk.broken = "the disk is full; make room, and ask again"
    refused = await call(app, "POST", "/api/v1/bays/bay-01/runs", START)

    assert (refused.status, refused.json["detail"]) == (503, desk.broken)
    assert not desk.held


@pytest.mark.parametrize(
    "path",
    ["/api/v1/runs/run-9", "/api/v1/runs/run-9/events", "/api/v1/runs/..", "/api/v1/runs/%00",
     "/api/v1/runs/run-9/record/record.json", "/api/v1/runs/", "/api/v1/nothing", "/api/v1/"],
)  # fmt: skip
async def test_what_does_not_exist_is_not_found(app: ASGIApp, path: str) -> None:
    """In the shape of all refusals, with where to look."""
    answer = await call(app, "GET", path)

    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_every_mistake_is_told_at_once(app: ASGIApp) -> None:
    """With its place, so that a form can show it there."""
    body = {"serial": "", "by": "a\u202eb", "sku": 7, "spek": "x"}
    refused = (await call(app, "POST", "/api/v1/bays/bay-01/runs", body)).json

    assert refused["status"] == 422
    assert {problem["at"] for problem in refused["problems"]} == {"serial", "by", "sku", "spek"}
    assert "U+202E" in str(refused["problems"])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": {**JSON, "content-type": "text/plain"}}, 415),
        ({"headers": {"host": "agent"}}, 415),
        ({"headers": {**JSON, "origin": "http://elsewhere.example"}}, 403),
        ({"headers": {**JSON, "origin": "null"}}, 403),
        ({"headers": {**JSON, "idempotency-key": "a b"}}, 422),
        ({"headers": {**JSON, "idempotency-key": ""}}, 422),
        ({"raw": b" " * (BODY_BYTES_MAX + 1)}, 413),
        ({"raw": b""}, 422),
        ({"raw": b"[" * 10_000}, 422),
        ({"raw": b'{"serial": "\\ud800", "by": "x"}'}, 422),
        ({"raw": b'{"serial": "\xff", "by": "x"}'}, 422),
        ({"raw": b"NaN"}, 422),
    ],
    ids=str,
)
async def test_a_body_that_is_none_is_refused(
    app: ASGIApp, desk: "FakeDesk", change: dict[str, Any], status: int
) -> None:
    """Another form, another site, too long, no JSON: nothing is begun."""
    answer = await call(app, "POST", "/api/v1/bays/bay-01/runs", START, **change)

    assert answer.status == status
    assert answer.json["status"] == status
    assert not desk.held


async def test_other_methods_are_refused(app: ASGIApp) -> None:
    """A link cannot abort a run."""
    run = await started(app)
    answer = await call(app, "GET", f"/api/v1/runs/{run}/abort")

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_files_of_a_record_are_handed_out_and_no_others(
    app: ASGIApp, desk: "FakeDesk", tmp_path: Path
) -> None:
    """Neither a path nor a link leads out of the record's folder."""
    run = await started(app)
    at = f"/api/v1/runs/{run}/record"
    folder = desk.folders[run] = tmp_path / "records" / run
    (folder / "segments").mkdir(parents=True)
    (folder / "segments" / "0001.npz").write_bytes(b"PK")
    (folder / "certificate.html").write_text("<p>PASS</p>")
    (tmp_path / "secret").write_text("key")
    (folder / "link").symlink_to(tmp_path / "secret")

    page = await call(app, "GET", f"{at}/certificate.html")
    assert page.body == b"<p>PASS</p>"
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await call(app, "GET", f"{at}/segments/0001.npz")).body == b"PK"
    outside = ["link", "../secret", "segments", "segments/../../../secret", "", "/etc/passwd", "x"]
    for path in [*outside, ".hidden", "a" * 500, "a\0b", "%2e%2e/secret"]:
        assert (await call(app, "GET", f"{at}/{path}")).status == 404, path


def _hold(answer: object, document: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Hold an answer to the schema that the document gives it."""
    (form,) = content.values()
    whole = {**form["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(answer)


async def test_the_description_describes_every_route_and_every_answer_fits_it(
    app: ASGIApp, desk: "FakeDesk"
) -> None:
    """Paths and methods are those of the routes; bodies, answers and refusals have their schema."""
    document = (await call(app, "GET", "/api/v1/openapi.json")).json
    assert document["openapi"] == "3.1.0"
    jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"]["Start"])
    routes = {
        (route.path.replace(":path", ""), method)
        for mount in api.routes(desk)
        if isinstance(mount, Mount)
        for route in mount.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {
        (path, method.upper())
        for path, item in document["paths"].items()
        for method in item.keys() - {"parameters"}
    }
    assert described == routes
    page = (Path(__file__).parents[4] / "docs" / "runs.md").read_text()
    assert [path for path in document["paths"] if f"/api/v1{path}" not in page] == []

    run = await started(app)
    spoilt = await call(app, "POST", "/api/v1/bays/bay-01/runs", {})
    desk.end(run, "FAIL")
    for path, place in [
        ("/bays", "/bays"),
        ("/runs", "/runs"),
        (f"/runs/{run}", "/runs/{run}"),
        (f"/runs/{run}/events", "/runs/{run}/events"),
    ]:
        content = document["paths"][place]["get"]["responses"]["200"]["content"]
        _hold((await call(app, "GET", f"/api/v1{path}")).json, document, content)
    refusal = document["paths"]["/bays/{bay}/runs"]["post"]["responses"]["422"]["content"]
    _hold(spoilt.json, document, refusal)


async def test_cables_are_told_as_they_were_read_or_read_now(
    state: "FakeState", desk: "FakeDesk"
) -> None:
    """GET reads nothing, POST does, and no page of another site may ask for it."""
    cables = Cables()
    app = create_app(state, desk, cables)
    place = "/api/v1/bays/bay-01/cabling"
    document = (await call(app, "GET", "/api/v1/openapi.json")).json
    content = document["paths"]["/bays/{bay}/cabling"]["get"]["responses"]["200"]["content"]
    _hold((await call(app, "GET", place)).json, document, content)
    assert cables.looks == 0
    assert (await call(app, "POST", place)).json == CABLES
    assert (await call(app, "POST", place, headers={**JSON, "origin": "http://evil"})).status == 403
    assert cables.looks == 1
    nowhere = await call(app, "GET", "/api/v1/bays/bay-77/cabling")
    assert (nowhere.status, nowhere.headers["content-type"]) == (404, "application/problem+json")
    assert (await call(create_app(state, desk), "GET", place)).status == 404


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["serial", "by", "sku", "spec_hash", "need", "answer", "note", "reason", "stage", "attempt",
     "decision", "text", "deviation"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["J. Doe", "bom_scanned", "yes", "no", "inventory", "waived", "repaired", "5e" * 32, "SN-1", 1]
)
BODIES = st.dictionaries(KEYS, WORDS | VALUES, max_size=6) | VALUES
PLACES = st.sampled_from(
    ["bays", "bays/bay-01/runs", "bays/bay-02/runs", "runs", "runs/run-1", "runs/run-1/answers",
     "runs/run-1/pause", "runs/run-1/resume", "runs/run-1/abort", "runs/run-1/finish",
     "runs/run-1/repeat", "runs/run-1/dispositions", "runs/run-1/events", "openapi.json",
     "bays/bay-01/cabling", "runs/run-1/record/record.json"]
) | st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30)  # fmt: skip
QUERIES = st.text("=&%+" + string.printable, max_size=40) | st.sampled_from(
    ["limit=9", "limit=1e3", "limit=-1", "after=99999999999999999999", "after=1&after=2", "bay=%ff"]
)
KEYED = st.none() | st.sampled_from(["k1", "k2"]) | st.text(st.characters(max_codepoint=255))


@settings(max_examples=400)
@given(
    asked=st.lists(
        st.tuples(st.sampled_from(["GET", "POST", "PUT", "HEAD"]), PLACES, BODIES, QUERIES, KEYED),
        max_size=5,
    )
)
def test_no_request_makes_the_agent_stumble(
    asked: list[tuple[str, str, object, str, str | None]], desk_of: "Callable[[], FakeDesk]"
) -> None:
    """Whatever is sent, in whatever order: an answer below 500, and a refusal has its shape."""

    async def ask() -> None:
        """Send it all to one agent."""
        app = create_app(None, desk_of())  # type: ignore[arg-type]
        await started(app)
        for method, place, body, query, key in asked:
            headers = {**JSON, **({} if key is None else {"idempotency-key": key})}
            at = f"/api/v1/{place}"
            answer = await call(app, method, at, body, query=query, headers=headers)
            assert answer.status < 500
            if answer.status >= 400 and method != "HEAD":
                assert answer.json["status"] == answer.status
                assert answer.json["detail"]

    asyncio.run(ask())


@pytest.fixture(scope="module")
def desk_of() -> "Callable[[], FakeDesk]":
    """Return what makes a desk for each example."""
    from tests.unit.agent.conftest import FakeDesk  # noqa: PLC0415 -- by its name as pytest has it

    return FakeDesk


@pytest.fixture
async def served(state: "FakeState", desk: "FakeDesk") -> AsyncIterator[tuple[str, int]]:
    """Serve it all on a free port."""
    async with serving(create_app(state, desk), "127.0.0.1", 0, Gate(request_s=0.2)) as address:
        yield address
        desk.news.close()


@asynccontextmanager
async def connected(served: tuple[str, int], *lines: str) -> AsyncIterator[asyncio.StreamReader]:
    """Send a request's first lines; yields what comes back."""
    reader, writer = await asyncio.open_connection(*served)
    writer.write("".join(f"{line}\r\n" for line in (*lines, "Host: agent", "")).encode())
    await writer.drain()
    try:
        yield reader
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_body_that_never_comes_is_given_up(
    served: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends headers and half a body holds its place for a while only."""
    monkeypatch.setattr(asking, "BODY_S", 0.1)
    post = "POST /api/v1/bays/bay-01/runs HTTP/1.1"
    headers = ("Content-Type: application/json", "Content-Length: 100")
    async with connected(served, post, *headers) as reader:
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_news_are_streamed_as_they_come(served: tuple[str, int], desk: "FakeDesk") -> None:
    """Each with an id, from which a client that lost its connection goes on."""
    async with connected(served, FOLLOW) as reader:
        assert b"200" in await reader.readline()
        await reader.readuntil(b"retry: 3000\n\n")
        for n in range(3):
            desk.news.tell(Item("stage", {"n": n}))
        lines = await reader.readuntil(b'"n": 2}\n\n')
    async with connected(served, FOLLOW, "Last-Event-ID: test-2") as reader:
        later = await reader.readuntil(b'"n": 2}\n\n')

    assert b'id: test-1\nevent: stage\ndata: {"n": 0}\n\n' in lines
    assert b"id: test-3" in later
    assert b"id: test-2" not in later


async def test_a_stream_ends_when_the_agent_stops(
    served: tuple[str, int], desk: "FakeDesk"
) -> None:
    """It does not hold up the end; and one that nobody reads has none to hold up."""
    async with connected(served, FOLLOW.replace("GET", "HEAD")) as reader:
        assert b" 200 " in await reader.readline()
    async with connected(served, FOLLOW) as reader:
        await reader.readuntil(b"retry: 3000\n\n")
        desk.news.close()
        assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"\r\n0")


async def test_streams_have_their_number(
    served: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who follow must not take all places; a place that was left is free again."""
    monkeypatch.setattr(stream, "FOLLOWERS_MAX", 1)
    async with connected(served, FOLLOW) as reader:
        await reader.readuntil(b"retry: 3000\n\n")
        async with connected(served, FOLLOW) as other:
            assert b" 503 " in await other.readline()
    status = b" 503 "
    while b" 503 " in status:
        async with connected(served, FOLLOW) as reader:
            status = await reader.readline()
    assert b" 200 " in status


async def test_who_was_away_too_long_is_told_so() -> None:
    """An id of another start, or one that is no longer held: look the runs up."""
    news = News("b", held_max=2)
    for n in range(4):
        news.tell(Item("stage", {"n": n}))
    news.close()

    async def seen(after: str | None) -> list[str]:
        """Follow to the end."""
        return [found[0] + found[1].kind async for found in news.follow(after, 9) if found]

    assert await seen("b-1") == ["b-4missed"]
    assert await seen("b-2") == ["b-3stage", "b-4stage"]
    assert await seen("a-3") == ["b-4missed"]
    assert await seen("b-9") == await seen("nonsense") == await seen("b-1\u0661") == ["b-4missed"]
    assert await seen("b-4") == await seen(None) == []


async def test_nothing_new_is_said_now_and_then() -> None:
    """A heartbeat finds out who is gone, and keeps proxies from closing."""
    follower = News("x").follow(None, 0.001)

    assert await anext(follower) is None
    await follower.aclose()  # type: ignore[attr-defined]
