"""A daemon that is running, asked over HTTP; acts go under a key, so that they can be repeated."""

import http.client
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import click

from agent.address import AddressError, WebAddress, parse_web
from agent.exits import Exit
from agent.output import shown

URL: Final = "http://127.0.0.1:9108"
URL_VARIABLE: Final = "RACKPROOF_URL"
TRIES: Final = 3  # of a request whose answer was lost
PAUSE_S: Final = 0.5  # before the second, twice that before the third
ANSWER_S: Final = 30.0  # a full disk can take seconds to say so
ANSWER_BYTES_MAX: Final = 64 << 20  # the reasons of a thousand channels are 1 MB
STORE_FULL: Final = 503

Document = dict[str, Any]


class UnreachableError(click.ClickException):
    """Nobody answers, or not as the agent does."""

    exit_code = Exit.UNDECIDED


class RefusedError(click.ClickException):
    """The agent does not do what was asked; the message says why, and what to do."""

    exit_code = Exit.INVALID


class NotNowError(click.ClickException):
    """The agent cannot do it at present; it may later."""

    exit_code = Exit.UNDECIDED


class Agent:
    """The daemon at a URL."""

    def __init__(self, url: str) -> None:
        try:
            self._place: WebAddress = parse_web(url)
        except AddressError as error:
            raise click.BadParameter(str(error), param_hint="--url") from None
        self._url = url

    def get(self, *path: str, **query: object) -> Document:
        """Ask for something. Raises: UnreachableError, RefusedError, NotNowError."""
        given = {key: value for key, value in query.items() if value is not None}
        return self._asked("GET", path, f"?{urlencode(given)}" if given else "", None, {})

    def post(self, *path: str, **act: object) -> Document:
        """Do something once, however often it has to be said. Raises: like `get`."""
        body = json.dumps({key: value for key, value in act.items() if value is not None})
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        return self._asked("POST", path, "", body.encode(), headers)

    def _asked(
        self,
        method: str,
        path: tuple[str, ...],
        query: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Document:
        """Send a request and read its answer."""
        below = "/".join(quote(part, safe="") for part in path)
        target = f"{self._place.target.rstrip('/')}/api/v1/{below}{query}"
        status, form, content = self._answer(method, target, body, headers)
        try:
            document = json.loads(content) if "json" in form else None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise self._unreachable(f"what answers there (HTTP {status}) is no rackproof daemon")
        if status >= http.HTTPStatus.BAD_REQUEST:
            refusal = RefusedError if status < STORE_FULL else NotNowError
            raise refusal(_refusal(document))
        return document

    def _answer(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, str, bytes]:
        """Send a request until an answer comes back. Raises: UnreachableError."""
        tries = 0
        while True:
            try:
                return self._sent(method, target, body, headers)
            except ConnectionRefusedError as error:
                raise self._unreachable(error.strerror or "refused") from None
            except (OSError, http.client.HTTPException) as error:
                tries += 1
                if tries == TRIES:
                    raise self._unreachable(str(error) or type(error).__name__) from None
            time.sleep(PAUSE_S * tries)

    def _sent(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, str, bytes]:
        """Send a request once. Raises: OSError, HTTPException."""
        kind = http.client.HTTPSConnection if self._place.encrypted else http.client.HTTPConnection
        connection = kind(*self._place.address, timeout=ANSWER_S)
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            form = answer.headers.get("Content-Type", "")
            return answer.status, form, answer.read(ANSWER_BYTES_MAX)
        finally:
            connection.close()

    def _unreachable(self, why: str) -> UnreachableError:
        """Say that there is no answer, and what to look at."""
        return UnreachableError(
            f"no answer from {self._url}: {shown(why)}. Is `rackproof run FLOOR` running there? "
            f"Name another place with --url or {URL_VARIABLE}."
        )


def _refusal(document: Mapping[str, Any]) -> str:
    """Return what a refusal says, every mistake on a line of its own."""
    mistakes = (": ".join(filter(None, each.values())) for each in document.get("problems", ()))
    lines = [str(document.get("detail", "refused")), *(f"  {each}" for each in mistakes)]
    return "\n".join(map(shown, lines))
