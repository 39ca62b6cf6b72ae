"""The agent's pages: metrics for Prometheus, its targets, its health, and a page for people."""

from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.acts import Desk
from agent.web import api, cabling, negotiate, start
from agent.web.asking import refuse_other_sites
from agent.web.scrape import Key, PageResponse, Pages, Sources

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class State(Sources, Protocol):
    """What the pages need of the daemon, beside its metrics."""

    def ready(self) -> bool:
        """Say whether every device's first poll has ended, well or not."""
        raise NotImplementedError

    def unix_time(self) -> float:
        """Return the wall clock, for ages on the start page."""
        raise NotImplementedError

    async def reload(self) -> Sequence[str]:
        """Load the floor file again; return what is wrong with it, or nothing once it is in use."""
        raise NotImplementedError


def create_app(
    state: State, desk: Desk | None = None, inspector: cabling.Inspector | None = None
) -> ASGIApp:
    """Return the application; it is the same whatever the floor file says. No desk: no runs."""
    pages = _Pages(state)
    routes = [
        Route("/", pages.start),
        Route("/index.json", pages.start_json),
        Route("/style.css", pages.style),
        Route("/metrics", pages.metrics),
        Route("/metrics/agent", pages.agent_metrics),
        Route("/metrics/bays/{bay}", pages.bay_metrics),
        Route("/sd", pages.targets),
        Route("/-/healthy", pages.healthy),
        Route("/-/ready", pages.ready),
        Route("/-/reload", pages.reload, methods=["POST"]),
        *(api.routes(desk, inspector) if desk is not None else ()),
    ]
    return _with_headers(Starlette(routes=routes))


class _Pages:
    """One method a page."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._pages = Pages(state)

    async def metrics(self, request: Request) -> Response:
        """Answer with everything: all bays and the agent itself."""
        return await self._page(request, self._state.floor.bays, own=True)

    async def agent_metrics(self, request: Request) -> Response:
        """Answer with the agent itself, for a Prometheus that finds the bays through `/sd`."""
        return await self._page(request, (), own=True)

    async def bay_metrics(self, request: Request) -> Response:
        """Answer with one bay."""
        bay = request.path_params["bay"]
        if bay not in self._state.floor.bays:
            raise HTTPException(404, "no such bay")
        return await self._page(request, (bay,), own=False)

    async def _page(self, request: Request, bays: tuple[str, ...], *, own: bool) -> Response:
        """Answer with a metrics page in the form that was asked for."""
        openmetrics = negotiate.wants_openmetrics(request.headers.get("accept", ""))
        gzip = negotiate.wants_gzip(request.headers.get("accept-encoding", ""))
        pieces = await self._pages.get(Key(bays, own, openmetrics, gzip))
        headers = {"Vary": "Accept, Accept-Encoding"}
        if gzip:
            headers["Content-Encoding"] = "gzip"
        form = negotiate.OPENMETRICS if openmetrics else negotiate.TEXT
        return PageResponse(pieces, headers, form)

    async def targets(self, request: Request) -> Response:
        """List the bays as Prometheus HTTP service discovery asks: one target group a bay.

        `instance` tells the bays' `up` apart. The label `bay` is left to the series themselves, so
        that neither is renamed to `exported_bay`; for relabelling it is `__meta_rackproof_bay`.
        """
        address = request.url.netloc
        return JSONResponse(
            [
                {
                    "targets": [address],
                    "labels": {
                        "__metrics_path__": f"/metrics/bays/{quote(bay)}",
                        "__meta_rackproof_bay": bay,
                        "instance": f"{address}/{bay}",
                    },
                }
                for bay in self._state.floor.bays
            ]
        )

    async def healthy(self, _: Request) -> Response:
        """Say that the loop turns."""
        return PlainTextResponse("healthy\n")

    async def ready(self, _: Request) -> Response:
        """Say whether first polls have ended; before that, absence from a page says nothing."""
        if self._state.ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("waiting for the first polls\n", 503)

    async def reload(self, request: Request) -> Response:
        """Load the floor file again; what is wrong with it is the answer, and the old one stays."""
        refuse_other_sites(request)
        problems = await self._state.reload()
        return PlainTextResponse(
            "".join(f"{line}\n" for line in problems), 422 if problems else 200
        )

    async def start(self, _: Request) -> Response:
        """Show what a person wants to see first."""
        overview = self._state.floor.overview()
        text = start.html(overview, self._state.unix_time(), ready=self._state.ready())
        return Response(text, media_type="text/html; charset=utf-8")

    async def start_json(self, _: Request) -> Response:
        """Show the same to a program."""
        overview = self._state.floor.overview()
        return JSONResponse(start.document(overview, ready=self._state.ready()))

    async def style(self, _: Request) -> Response:
        """Answer with the one style sheet."""
        return Response(start.STYLE, media_type="text/css")


def _with_headers(app: ASGIApp) -> ASGIApp:
    """Add to every answer what keeps a browser from loading or guessing anything."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and its answer back."""

        async def send_with_headers(message: Message) -> None:
            """Add the headers where an answer begins."""
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await app(scope, receive, send_with_headers)

    return answer
