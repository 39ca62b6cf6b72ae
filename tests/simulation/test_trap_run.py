"""A simulated rack tells a real agent what happened while a run is on, and what of it is a lie."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.exits import Exit
from agent.programs import LOOPBACK
from agent.twin.answerers import PASSWORD, USER
from collectors.snmp.usm import User
from collectors.twin.racks import Happening
from collectors.twin.trap import Sink
from tests.simulation.site import Record, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

SOAK_S: Final = 4
V3: Final = f"""\
traps: {{listen: "127.0.0.1:PORT", credentials: [twin]}}
credentials:
  lab: {{version: 2c, community: public}}
  twin:
    version: 3
    user: {USER.decode()}
    auth: {{protocol: SHA-256, password: {{file: word}}}}
    privacy: {{protocol: AES-128, password: {{file: word}}}}
"""


def listening(site: Site) -> tuple[str, int]:
    """Write into the floor file where traps go to; return that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    file, word = site.folder / "floor.yaml", site.folder / "word"
    word.touch(mode=0o600)
    word.write_bytes(PASSWORD)
    text = file.read_text()
    line = "credentials: {lab: {version: 2c, community: public}}\n"
    assert line in text
    file.write_text(text.replace(line, V3.replace("PORT", str(port))))
    return LOOPBACK, port


async def test_what_devices_say_is_told_and_judges_nothing(tmp_path: Path) -> None:
    """A breaker that opened, a link that went, a restart: all of it said, none of it so."""
    async with Site.open(tmp_path, 87, SOAK_S) as site:
        address = listening(site)
        user = User.of(USER, auth=("SHA-256", PASSWORD), privacy=("AES", PASSWORD))
        speech = site.devices.speak(
            Sink(address=address), Sink(address=address, version="3", user=user, inform=True)
        )
        await site.start()
        run = await site.start_run()
        await site.soaking(run, 1.0)

        speech.tell(
            [
                Happening(0.0, 0, "feedA", "breaker opened"),
                Happening(0.0, 0, "feedB", "reboot"),
                Happening(0.0, 0, "mgmt_switch", "link down", "eth0"),
            ]
        )
        found: list[Mapping[str, Any]] = []

        async def all_told() -> bool:
            found[:] = (await site.show(run))["notifications"]
            return {each["device"] for each in found if each["inform"]} >= {"feedA", "feedB"}

        await site.until(all_told, "what the devices said")
        shown = await site.cli("runs", "show", run)
        speech.close()
        record = Record(await site.sealed(run))
        verified = await site.cli("verify", str(record.folder))

    said = {(each["device"], each["name"]) for each in found}
    assert {device for device, _ in said} >= {"feedA", "feedB"}
    assert any(each["restart"] for each in found if each["device"] == "feedB")
    assert {each["inform"] for each in found} == {False, True}
    assert "devices said" in shown.out
    assert {(e["device"], e["name"]) for e in record.events("notified")} >= said
    assert not record.events("reboot"), "it was said, and the poll did not show it"
    assert record.verdict == "PASS"
    assert verified.code == Exit.YES, verified
