"""The cables of a bay under /api/v1: as they were read last, or read now."""

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.acts import Refused
from agent.web.asking import refuse_other_sites


class Inspector(Protocol):
    """Who looks at cables."""

    def cabling(self, bay: str) -> Mapping[str, Any] | None:
        """Return what was found last; None without a spec."""
        raise NotImplementedError

    async def look(self, bay: str) -> Mapping[str, Any] | None:
        """Read them now; None without a spec."""
        raise NotImplementedError


def route(path: str, inspector: Inspector | None) -> Route:
    """Return it. Without somebody who looks there is no such bay."""

    async def answer(request: Request) -> Response:
        """Tell what is known, or look first. Raises: Refused for a bay without a spec."""
        bay, found = request.path_params["bay"], None
        if request.method == "POST":
            refuse_other_sites(request)
            found = await inspector.look(bay) if inspector is not None else None
        elif inspector is not None:
            found = inspector.cabling(bay)
        if found is None:
            raise Refused(404, f"there is no bay {bay!r:.100} with a spec; correct its name")
        return JSONResponse(dict(found))

    return Route(path, answer, methods=["GET", "POST"])
