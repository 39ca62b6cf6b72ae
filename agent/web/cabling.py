"""The cables of a bay under /api/v1: as they were read last, or read now."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agent.acts import Refused
from agent.web.asking import refuse_other_sites, refused

NOWHERE: Final = "there is no bay {bay!r:.100} with a spec; GET {prefix}/bays lists them"


class Inspector(Protocol):
    """Who looks at cables."""

    def cabling(self, bay: str) -> Mapping[str, Any] | None:
        """Return what was found last; None without a spec."""
        raise NotImplementedError

    async def look(self, bay: str) -> Mapping[str, Any] | None:
        """Read them now; None without a spec."""
        raise NotImplementedError


def routes(prefix: str, inspector: Inspector) -> list[BaseRoute]:
    """Return it, for an application that has other pages beside."""

    async def answer(request: Request) -> Response:
        """Tell what is known, or look first."""
        bay = request.path_params["bay"]
        if request.method == "POST":
            refuse_other_sites(request)
            found = await inspector.look(bay)
        else:
            found = inspector.cabling(bay)
        if found is None:
            return await refused(request, Refused(404, NOWHERE.format(bay=bay, prefix=prefix)))
        return JSONResponse(dict(found))

    return [Route(f"{prefix}/bays/{{bay}}/cabling", answer, methods=["GET", "POST"])]
