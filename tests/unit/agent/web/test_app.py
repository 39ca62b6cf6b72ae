"""Tests for the pages: what Prometheus, a probe, a browser and a stranger get."""

import gzip
import json
import re
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from agent.exposition.runs import RunView
from agent.web import negotiate

if TYPE_CHECKING:
    from tests.unit.agent.web.conftest import FakeState, Fetch

READING = b'rackproof_temperature_celsius{bay="bay-01",device="cdu",channel="supply"} 40.2\n'


async def test_metrics_are_all_bays_and_the_agent(fetch: "Fetch") -> None:
    """One address shows everything."""
    page = await fetch("/metrics")

    assert page.status == 200
    assert page.headers["content-type"] == negotiate.TEXT
    assert READING in page.body
    assert b'rackproof_device_up{bay="bay-02",device="feedA"} 0\n' in page.body
    assert b"rackproof_agent_build_info{" in page.body


async def test_a_bay_is_shown_without_the_others_and_without_the_agent(fetch: "Fetch") -> None:
    """Scraping every bay and the agent brings each series once."""
    page = await fetch("/metrics/bays/bay-01")
    agent = await fetch("/metrics/agent")

    assert READING in page.body
    assert b"bay-02" not in page.body
    assert b"rackproof_agent_build_info" not in page.body
    assert b"bay=" not in agent.body
    assert b"rackproof_agent_build_info" in agent.body


@pytest.mark.parametrize(
    "path",
    [
        "/metrics/bays/bay-03",
        "/metrics/bays/",
        "/metrics/bays/../bays/bay-01",
        "/metrics/bays/bay-01/x",
        "/metrics/bays/%00",
        "/probe?target=127.0.0.2",
        "/nothing",
    ],
)
async def test_what_does_not_exist_is_not_found(fetch: "Fetch", path: str) -> None:
    """No address, name or path from outside leads anywhere but to the floor file's bays."""
    assert (await fetch(path)).status == 404


@pytest.mark.parametrize("path", ["/metrics", "/metrics/bays/bay-01", "/metrics/agent"])
async def test_openmetrics_and_gzip_are_given_when_asked_for(fetch: "Fetch", path: str) -> None:
    """The header Prometheus sends gets the form Prometheus prefers."""
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    page = await fetch(path, Accept=accept, Accept_Encoding="gzip")

    assert page.headers["content-type"] == negotiate.OPENMETRICS
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["vary"] == "Accept, Accept-Encoding"
    text = gzip.decompress(page.body).decode()
    assert list(parse_openmetrics(text))  # type: ignore[no-untyped-call]
    assert text.count("# EOF\n") == 1


async def test_a_page_shows_the_last_poll(fetch: "Fetch", state: "FakeState") -> None:
    """Pages are shared among those who ask at once, not kept for those who ask later."""
    assert READING in (await fetch("/metrics/bays/bay-01")).body
    state.put(41.0)
    page = await fetch("/metrics/bays/bay-01?again")
    while READING in page.body:
        page = await fetch("/metrics/bays/bay-01?again")

    assert READING.replace(b"40.2", b"41.0") in page.body


async def test_head_has_the_headers_alone(fetch: "Fetch") -> None:
    """A probe need not read a page to know that it is there."""
    head, page = await fetch("/metrics", "HEAD"), await fetch("/metrics")

    assert head.status == 200
    assert not head.body
    assert abs(int(head.headers["content-length"]) - len(page.body)) < 200


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "BREW"])
async def test_other_methods_are_refused(fetch: "Fetch", method: str) -> None:
    """Nothing can be changed through a page that is there to be read."""
    answer = await fetch("/metrics", method)

    assert answer.status == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_discovery_lists_each_bay_as_a_target_of_its_own(fetch: "Fetch") -> None:
    """Each has its own `instance`, and none a `bay` that would rename the one of its series."""
    answer = await fetch("/sd", Host="agent.example:9108")
    groups = json.loads(answer.body)

    assert answer.headers["content-type"] == "application/json"
    assert [group["targets"] for group in groups] == [["agent.example:9108"]] * 2
    assert {group["labels"]["__metrics_path__"] for group in groups} == {
        "/metrics/bays/bay-01",
        "/metrics/bays/bay-02",
    }
    assert len({group["labels"]["instance"] for group in groups}) == 2
    assert all("bay" not in group["labels"] for group in groups)


async def test_ready_waits_for_the_first_polls(fetch: "Fetch", state: "FakeState") -> None:
    """Until then an absent reading says nothing; alive it is all the same."""
    state.settled = False
    assert (await fetch("/-/ready")).status == 503
    assert (await fetch("/-/healthy")).status == 200
    state.settled = True
    assert (await fetch("/-/ready")).status == 200


async def test_reload_says_what_is_wrong_with_the_file(fetch: "Fetch", state: "FakeState") -> None:
    """Who edited the floor file gets the same words as from `rackproof check`."""
    assert (await fetch("/-/reload", "POST")).status == 200
    state.problems = ["floor.yaml:3: bays.bay-01.spek: unknown key; correct its spelling"]
    refused = await fetch("/-/reload", "POST")

    assert refused.status == 422
    assert refused.body.decode() == state.problems[0] + "\n"
    assert state.reloads == 2


async def test_reload_is_not_for_links_and_other_sites(fetch: "Fetch", state: "FakeState") -> None:
    """Neither a click nor a page of another site in a browser on the floor can cause it."""
    assert (await fetch("/-/reload")).status == 405
    assert (await fetch("/-/reload", "POST", Origin="http://elsewhere.example")).status == 403
    assert (await fetch("/-/reload", "POST", Origin="null")).status == 403
    assert state.reloads == 0


async def test_the_start_page_needs_nothing_from_outside(fetch: "Fetch") -> None:
    """The floor is offline, and no script may run here."""
    page = await fetch("/")
    policy = page.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    text = page.body.decode()
    assert not re.search(r"<script|style=|https?://", text)
    for link in set(re.findall(r'(?:href|src)="([^"#]+)"', text)):
        assert (await fetch(link)).status == 200, link


async def test_the_start_page_shows_bays_devices_and_their_state(
    fetch: "Fetch", state: "FakeState"
) -> None:
    """Hostile text from a device is shown as text; the same facts are there as JSON."""
    state.floor.bind_status("bay-01", [("cdu", "supply")])
    state.floor.rack("bay-01", {"serial": "<script>alert(1)</script>"})
    state.floor.polled("bay-01/cdu", "ok", up=True, seconds=0.1, at=1_700_000_088.0)
    page = (await fetch("/")).body.decode()
    document = json.loads((await fetch("/index.json")).body)

    assert "2 bays, 1 of 2 devices answer" in page
    assert '<span class="unknown">unknown</span>' in page
    assert "12 s ago" in page
    assert "never" in page
    assert "<script" not in page
    assert {bay["name"]: bay["worst"] for bay in document["bays"]} == {
        "bay-01": "unknown",
        "bay-02": "",
    }


async def test_the_start_page_shows_runs_first(fetch: "Fetch", state: "FakeState") -> None:
    """Which rack, how far, how it stands, and whether it waits for the person who looks."""
    assert "<th>run</th>" not in (await fetch("/")).body.decode()
    run = RunView(
        run="r1",
        serial="<b>SN-1",
        stage="full_soak",
        attempt=2,
        phase="dwell",
        qualified_s=45000.0,
        required_s=86400.0,
        held=True,
    )
    state.floor.run("bay-01", run)
    state.floor.run("bay-02", RunView(run="r0", serial="SN-0", verdict="PASS", over=True))
    page = (await fetch("/")).body.decode()
    document = json.loads((await fetch("/index.json")).body)

    assert "<td>&lt;b&gt;SN-1</td>" in page
    assert "full_soak, dwell, attempt 2: waits for a person" in page
    assert "12.5 h of 24.0 h" in page
    assert '<span class="INCONCLUSIVE">INCONCLUSIVE</span> so far' in page
    assert '<span class="PASS">PASS</span></td>' in page
    assert [bay["run"]["run"] for bay in document["bays"]] == ["r1", "r0"]
