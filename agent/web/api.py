"""The API under /api/v1: runs started, acted upon and looked at, by programs and by the CLI."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from agent import acts, canonical
from agent.acts import Act, Desk, Name, Refused, Start, Ticket
from agent.web import cabling, openapi
from agent.web.asking import Unfit, key_of, query, read, refused
from agent.web.shapes import VerdictName
from agent.web.stream import Stream

PREFIX: Final = "/api/v1"
ACTS: Final[Mapping[str, type[Act]]] = {
    "answers": acts.Answer,
    "pause": acts.Pause,
    "resume": acts.Resume,
    "abort": acts.Abort,
    "finish": acts.Finish,
    "repeat": acts.Repeat,
    "dispositions": acts.Dispose,
}
RUN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # a name that is also a folder's
FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,3}")
REPLAYED: Final = "Idempotency-Replayed"
FORMS: Final = {  # what a browser may show; all else is for saving
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".html": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
    ".yaml": "application/yaml",
}
SEALED_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class Asked(BaseModel):
    """What may stand after the question mark; all else is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WhichRuns(Asked):
    """Which runs a list shows."""

    bay: Name | None = None
    serial: Name | None = None
    verdict: VerdictName | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class WhichEntries(Asked):
    """Which part of a journal is shown."""

    after: Annotated[int, Field(ge=0, lt=1 << 53)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


def routes(desk: Desk, inspector: cabling.Inspector | None = None) -> list[BaseRoute]:
    """Return all of it, for an application that has other pages beside."""
    api = _Api(desk)
    stream = Stream(desk.news)
    below = [
        Route("/openapi.json", api.description),
        Route("/bays", api.bays),
        Route("/bays/{bay}/runs", api.start, methods=["POST"]),
        cabling.route("/bays/{bay}/cabling", inspector),
        Route("/runs", api.runs),
        Route("/runs/{run}", api.show),
        Route("/runs/{run}/events", api.entries),
        Route("/runs/{run}/record/{path:path}", api.record),
        Route("/events", stream.answer),
        *(Route(f"/runs/{{run}}/{word}", api.acting(word), methods=["POST"]) for word in ACTS),
    ]
    expected = dict.fromkeys((Refused, Unfit, HTTPException, ClientDisconnect), refused)
    app = Starlette(routes=below, exception_handlers=expected)
    app.router.redirect_slashes = False  # a place has one name
    return [Mount(PREFIX, app)]


class _Api:
    """One method a route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._one = (
            asyncio.Lock()
        )  # acts are rare; one at a time, none overtakes its own repetition

    async def description(self, _: Request) -> Response:
        """Describe all of this to a program."""
        return JSONResponse(openapi.document(PREFIX, ACTS, WhichRuns, WhichEntries))

    async def bays(self, _: Request) -> Response:
        """List the bays."""
        return JSONResponse({"bays": list(self._desk.bays())})

    async def start(self, request: Request) -> Response:
        """Begin a run."""
        bay = request.path_params["bay"]
        start = await read(request, Start)
        if bay not in {known["bay"] for known in self._desk.bays()}:
            raise Refused(404, f"there is no bay {bay!r:.100}; GET {PREFIX}/bays lists them")

        def go(ticket: Ticket | None) -> Awaitable[Mapping[str, Any]]:
            """Let the desk do it."""
            return self._desk.start(bay, start, ticket)

        shown, again = await self._once(request, start, go)
        headers = {**again, "Location": f"{PREFIX}/runs/{shown['run']}"}
        return JSONResponse(dict(shown), 201, headers)

    def acting(self, word: str) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers one kind of act."""

        async def answer(request: Request) -> Response:
            """Do what is asked for."""
            run = _run(request)
            act: Act = await read(request, ACTS[word])

            def go(ticket: Ticket | None) -> Awaitable[Mapping[str, Any]]:
                """Let the desk do it."""
                return self._desk.act(run, act, ticket)

            shown, again = await self._once(request, act, go)
            return JSONResponse(dict(shown), 200, again)

        return answer

    async def _once(
        self,
        request: Request,
        act: BaseModel,
        go: Callable[[Ticket | None], Awaitable[Mapping[str, Any]]],
    ) -> tuple[Mapping[str, Any], dict[str, str]]:
        """Do something, or return what was answered when it was asked for under the same key."""
        key = key_of(request)
        if key is None:
            async with self._one:
                return await go(None), {}
        said = canonical.encode([request.url.path, act.model_dump(mode="json")])
        ticket = Ticket(key, hashlib.sha256(said).hexdigest())
        async with self._one:
            if (told := await self._desk.told(key)) is None:
                return await go(ticket), {}
        if told.asked != ticket.asked:
            text = "this Idempotency-Key was used for another request; use a new one"
            raise Refused(422, text)
        return told.answer, {REPLAYED: "true"}

    async def runs(self, request: Request) -> Response:
        """List runs, the latest first."""
        which = query(request, WhichRuns)
        wanted = which.model_dump(include={"bay", "serial", "verdict"}, exclude_none=True)
        fitting = [
            run
            for run in await self._desk.runs()
            if wanted.items() <= {**run}.items() or not wanted
        ]
        return JSONResponse({"runs": fitting[: which.limit], "total": len(fitting)})

    async def show(self, request: Request) -> Response:
        """Show one run."""
        return JSONResponse(dict(await self._desk.show(_run(request))))

    async def entries(self, request: Request) -> Response:
        """Show a part of a run's journal."""
        which = query(request, WhichEntries)
        found = list(await self._desk.entries(_run(request), which.after, which.limit))
        more = found[-1]["seq"] if len(found) == which.limit else None
        return JSONResponse({"entries": found, "next": more})

    async def record(self, request: Request) -> Response:
        """Hand out a file of a sealed record."""
        run, path = _run(request), request.path_params["path"]
        folder = await self._desk.record(run)
        if folder is None:
            raise Refused(404, f"run {run} has no record yet; it is sealed when the run is over")
        file = await asyncio.to_thread(_inside, folder, path)
        if file is None:
            raise Refused(404, f"the record has no file {path!r:.100}; record.json lists them")
        form = FORMS.get(file.suffix, "application/octet-stream")
        return FileResponse(file, 200, {"Content-Security-Policy": SEALED_POLICY}, form)


def _run(request: Request) -> str:
    """Return which run a request is about. Raises: Refused for what can be none."""
    run: str = request.path_params["run"]
    if not RUN.fullmatch(run):
        raise Refused(404, f"{run!r:.100} is no run; GET {PREFIX}/runs lists them")
    return run


def _inside(folder: Path, path: str) -> Path | None:
    """Return a regular file below `folder`, or None: no way leads out of it."""
    if not FILE.fullmatch(path):
        return None
    file = (folder / path).resolve()
    return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
