"""What can be done to a twin over HTTP."""

import asyncio
import contextlib
import http.client
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.rehearsal.points import build, points
from agent.twin.control import Control
from agent.web.server import serving
from collectors.twin.racks import Racks


@pytest.fixture(scope="module")
def racks(shared: Path) -> Racks:
    """Return two racks of the example."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    design = expand(load_spec(file.read_bytes(), file.name))
    return Racks(points(design), build(design), [1, 2])


class Reply(NamedTuple):
    """What was answered."""

    status: int
    text: str

    def json(self) -> Any:  # noqa: ANN401 -- whatever it is
        """Return what it says."""
        return json.loads(self.text)


class Client:
    """Somebody who asks."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    async def ask(self, method: str, path: str, body: object = None, origin: str = "") -> Reply:
        """Ask for something."""
        return await asyncio.to_thread(self._ask, method, path, body, origin)

    def _ask(self, method: str, path: str, body: object, origin: str) -> Reply:
        """Ask on a connection of its own."""
        headers = {"Content-Type": "application/json"} | ({"Origin": origin} if origin else {})
        with contextlib.closing(http.client.HTTPConnection(*self._address, timeout=20)) as link:
            link.request(method, path, json.dumps(body), headers)
            answer = link.getresponse()
            return Reply(answer.status, answer.read().decode())

    async def shown(self, bay: str = "bay-01") -> dict[str, Any]:
        """Return what is told of one rack."""
        found: dict[str, Any] = (await self.ask("GET", "/racks")).json()["racks"][bay]
        return found


@pytest.fixture
async def client(racks: Racks) -> AsyncIterator[Client]:
    """Return somebody who asks of two racks."""
    async with serving(Control(racks, ["bay-01", "bay-02"]).app(), "127.0.0.1", 0) as address:
        yield Client(address)
    racks.mend(0)
    racks.mend(1)


async def test_the_first_page_says_what_can_be_done_with_commands_to_copy(client: Client) -> None:
    """Do what it says."""
    page = await client.ask("GET", "/")
    assert page.status == 200
    assert "/racks/bay-01/faults" in page.text
    assert "2 racks" in page.text


async def test_what_people_set_is_set_in_one_rack_alone(client: Client, racks: Racks) -> None:
    """Switch a feed off and load the rack."""
    asked = {"load": 0.5, "feeds": [True, False], "supply_set": 41}
    answer = await client.ask("POST", "/racks/bay-02/settings", asked)
    assert answer.status == 200
    assert answer.json()["settings"] | asked == (await client.shown("bay-02"))["settings"]
    assert (await client.shown())["settings"]["load"] == 0.0
    assert racks.plant.feeds.tolist() == [[False, False], [True, False]]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"lode": 1.0}, "not known"),
        ({"feeds": [True]}, "want 2 values"),
        ({"load": 7}, "less than or equal to"),
    ],
)
async def test_a_setting_that_cannot_be_is_refused_and_nothing_is_set(
    client: Client, asked: dict[str, Any], told: str
) -> None:
    """Ask for what there is not, together with what there is."""
    before = (await client.shown())["settings"]
    answer = await client.ask("POST", "/racks/bay-01/settings", {"gas": True, **asked})
    assert answer.status == 422
    assert told in answer.text
    assert (await client.shown())["settings"] == before


async def test_a_fault_is_there_until_it_is_mended(client: Client, racks: Racks) -> None:
    """Break something, see it, mend it."""
    asked = {"kind": "drop_out", "device": "feedA", "for": "1 h"}
    racks.advance(1000.0)
    answer = await client.ask("POST", "/racks/bay-01/faults", asked)
    assert answer.status == 201
    fault = answer.json()["faults"]["drop_out"]
    assert (fault["at"], fault["for"], fault["device"]) == (racks.seconds, 3600.0, "feedA")
    assert (await client.shown())["silent"] == ["feedA"]
    assert not (await client.shown("bay-02"))["silent"]
    assert (await client.ask("DELETE", "/racks/bay-01/faults/drop_out")).status == 200
    assert not (await client.shown())["silent"]
    assert (await client.ask("DELETE", "/racks/bay-01/faults/drop_out")).status == 404


@pytest.mark.parametrize(
    "asked", [{"kind": "leek"}, {"kind": "leak", "sise": 1}, {"kind": "drop_out", "device": "x"}]
)
async def test_a_fault_that_cannot_be_is_refused(client: Client, asked: dict[str, Any]) -> None:
    """Say which are possible."""
    answer = await client.ask("POST", "/racks/bay-01/faults", asked)
    assert answer.status == 422
    assert not (await client.shown())["faults"]


async def test_a_page_of_another_site_can_break_nothing(client: Client) -> None:
    """Ask as a browser does for a page from elsewhere."""
    for method, path in (("POST", "faults"), ("DELETE", "faults/leak"), ("POST", "settings")):
        told = await client.ask(
            method, f"/racks/bay-01/{path}", {"kind": "leak"}, "http://x.example"
        )
        assert told.status == 403


async def test_there_is_no_other_bay(client: Client) -> None:
    """Ask for one."""
    assert (await client.ask("POST", "/racks/bay-03/settings", {})).status == 404


async def test_the_true_state_is_told_by_rows_of_the_spec(client: Client, racks: Racks) -> None:
    """Compare with the plant."""
    state = (await client.shown())["state"]
    assert state["room.temp"] == pytest.approx(racks.plant.room[0], rel=1e-4)
    assert len(state["feed_meter.line_voltage"]) == 2
