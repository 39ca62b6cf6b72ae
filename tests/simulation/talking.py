"""Devices of a simulated rack that tell an agent by traps and informs what is not so."""

import socket
from typing import Any, Final, NamedTuple

from agent.programs import LOOPBACK
from agent.twin.answerers import PASSWORD, USER
from collectors.snmp.usm import User
from collectors.twin.racks import Happening
from collectors.twin.trap import Sink
from tests.simulation.site import Site

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


def listen(site: Site) -> None:
    """Write into the floor file where traps go to."""
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


class Heard(NamedTuple):
    """What the agent made of it."""

    notifications: list[dict[str, Any]]
    shown: str  # by `rackproof runs show`


async def talk(site: Site, run: str) -> Heard:
    """Let devices say that a breaker opened, a link went and one was started, which is not so."""
    file = (site.folder / "floor.yaml").read_text()
    address = (LOOPBACK, int(file.split(f"{LOOPBACK}:", 2)[2].split('"')[0]))
    user = User.of(USER, auth=("SHA-256", PASSWORD), privacy=("AES", PASSWORD))
    speech = site.devices.speak(
        Sink(address=address), Sink(address=address, version="3", user=user, inform=True)
    )
    happenings = [
        Happening(0.0, 0, "feedA", "breaker opened"),
        Happening(0.0, 0, "feedB", "reboot"),
        Happening(0.0, 0, "mgmt_switch", "link down", "eth0"),
    ]
    found: list[dict[str, Any]] = []

    async def told() -> bool:
        found[:] = (await site.show(run))["notifications"]
        return {each["device"] for each in found if each["inform"]} >= {"feedA", "feedB"}

    try:
        speech.tell(happenings)
        await site.until(told, "what the devices said")
        shown = await site.cli("runs", "show", run)
    finally:
        speech.close()
    return Heard(found, shown.out)
