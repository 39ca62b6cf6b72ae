"""What a request to the API says, read strictly; and what it is told where that will not do.

Every refusal has one shape, RFC 9457's: what is wrong and what to do in `detail`, and under
`problems` each single mistake with its place.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from agent.acts import Refused

BODY_BYTES_MAX: Final = 16 << 10  # the longest act is two texts of 2,000 characters
BODY_S: Final = (
    10.0  # from the end of the headers to the end of the body; a client takes one packet
)
KEY: Final = re.compile(r"[\x21-\x7e]{1,100}")  # visible ASCII: a UUID, or anything else unique
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
HOW: Final = "send JSON as docs/runs.md and /api/v1/openapi.json show it"
_REMEDIES: Final = {
    "extra_forbidden": "is not known here; correct its spelling or leave it out",
    "missing": "is missing; add it",
    "json_invalid": f"this is not JSON; {HOW}",
    "model_attributes_type": f"want an object; {HOW}",
    "model_type": f"want an object; {HOW}",
}
_ROUTING: Final = {
    404: "there is nothing of that name; /api/v1/openapi.json lists what there is",
    405: "this cannot be done there; Allow lists what can",
}

Model = TypeVar("Model", bound=BaseModel)


class Unfit(Exception):  # noqa: N818 -- it is no error of ours
    """A request that cannot be read as what it should be: status, what to do, every mistake."""

    def __init__(
        self, status: int, detail: str, problems: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.problems = problems


def refuse_other_sites(request: Request) -> None:
    """Refuse what a browser sends for a page of another site. Raises: HTTPException."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise HTTPException(403, "a page of another site may not ask for this")


async def read(request: Request, model: type[Model]) -> Model:
    """Return what the body of a request says. Raises: Unfit, HTTPException."""
    refuse_other_sites(request)
    form = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if form != JSON:
        raise Unfit(415, f"want Content-Type: {JSON}, not {form or 'none'!r:.100}")
    try:
        return model.model_validate_json(await _body(request))
    except ValidationError as error:
        raise _unfit(error, "the body") from None


async def _body(request: Request) -> bytes:
    """Return the body, as far as it may be long and as long as it may take. Raises: Unfit."""
    body = b""
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > BODY_BYTES_MAX:
                    raise Unfit(
                        413, f"the body is longer than {BODY_BYTES_MAX} bytes; say it shorter"
                    )
    except TimeoutError:
        raise Unfit(408, f"the body did not come within {BODY_S:g} s; send it at once") from None
    return body


def query(request: Request, model: type[Model]) -> Model:
    """Return what comes after the question mark. Raises: Unfit."""
    pairs = request.query_params.multi_items()
    if twice := sorted({key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1}):
        problems = [{"at": key, "text": "stands there twice; keep one of them"} for key in twice]
        raise Unfit(422, "the query cannot be used", problems)
    try:
        return model.model_validate(dict(pairs))
    except ValidationError as error:
        raise _unfit(error, "the query") from None


def key_of(request: Request) -> str | None:
    """Return the caller's name for its request, if it has one. Raises: Unfit."""
    key = request.headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise Unfit(422, "Idempotency-Key: want 1 to 100 visible ASCII characters, such as a UUID")
    return key


def _unfit(error: ValidationError, what: str) -> Unfit:
    """Tell every mistake that pydantic found."""
    problems = [_problem(detail) for detail in error.errors(include_url=False, include_input=False)]
    return Unfit(422, f"{what} cannot be used: {len(problems)} mistakes, see problems", problems)


def _problem(detail: ErrorDetails) -> dict[str, str]:
    """Tell one mistake, with its place."""
    said = detail["msg"].removeprefix("Value error, ")
    text = _REMEDIES.get(detail["type"], said.replace("String should", "should", 1))
    return {"at": ".".join(map(str, detail["loc"])), "text": text[:300]}


def problem(
    status: int,
    detail: str,
    problems: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a refusal in its one shape."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if problems:
        content["problems"] = problems
    return JSONResponse(content, status, headers, PROBLEM)


async def refused(_: Request, error: Exception) -> Response:
    """Answer for whatever kept a request from being done."""
    match error:
        case Refused():
            return problem(error.status, error.text)
        case Unfit():
            closing = {"Connection": "close"} if error.status in (408, 413) else {}
            return problem(error.status, error.detail, error.problems, closing)
        case HTTPException():
            detail = _ROUTING.get(error.status_code, error.detail)
            return problem(error.status_code, detail, headers=error.headers)
        case _:  # nobody is there to read it
            assert isinstance(error, ClientDisconnect)
            return Response(status_code=400)
