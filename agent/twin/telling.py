"""What a twin says of itself when it begins: what runs where, and what can be done with it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from agent.output import count
from agent.twin.answerers import PASSWORD, USER
from agent.twin.broker import HOW
from agent.twin.site import Site

if TYPE_CHECKING:
    from agent.twin.world import World

NAMES_MAX: Final = 6  # of rows; a page of them helps nobody
LINE: Final = "  {what:<10} {where}"


def lines(world: "World", site: Site, control: int) -> Iterator[str]:
    """Yield what a person needs to know."""
    wish, floor = world.wish, world.floor
    spec, racks = wish.design.spec, floor.racks
    bays = count(wish.bays, "rack")
    yield f"{bays} of {spec.id} {spec.revision}, {len(racks.points)} channels each. Ctrl-C ends it."
    yield ""
    for what, where in _parts(world, site, control):
        yield LINE.format(what=what, where=where)
    yield ""
    yield "Next, in another terminal:"
    pace = f" --clock {wish.pace}" if wish.pace else ""
    yield f"  rackproof run {site.floor}{pace}"
    at = "" if site.port == 9108 else f" --url http://127.0.0.1:{site.port}"
    if not wish.follow:
        yield f"  rackproof runs start {floor.bays[0]} SIM-{racks.seeds[0]:04} --by you{at}"
        yield f"or let the twin start the runs and do what they ask for: --follow http://127.0.0.1:{site.port}"
    yield "To break something:"
    yield f"  curl -s http://127.0.0.1:{control}/"
    yield ""


def _parts(world: "World", site: Site, control: int) -> Iterator[tuple[str, str]]:
    """Yield what runs, and where."""
    devices = list(site.bays[world.floor.bays[0]].values())
    asked = [each.address for each in devices if each.address]
    heard = len(devices) - len(asked)
    if asked:
        others = f" ... {asked[-1][0]}:{asked[-1][1]}" if len(asked) > 1 else ""
        yield "SNMP", f"{count(len(asked), 'device')} a rack: {asked[0][0]}:{asked[0][1]}{others}"
        yield "SNMPv3", f"user {USER.decode()}, SHA-256 and AES, passwords {PASSWORD.decode()!r}"
    if site.broker:
        kind = f" ({world.kind})" if world.kind else ""
        host, port = site.broker
        yield "MQTT", f"{count(heard, 'device')} a rack: mqtt://{host}:{port}{kind}"
    elif world.speakers.faces:
        yield "MQTT", f"no broker: {HOW}"
    yield "control", f"http://127.0.0.1:{control}/"
    yield "floor file", str(site.floor)
    unseen = [
        device
        for device in world.floor.racks.devices
        if device not in site.bays[world.floor.bays[0]]
    ]
    if unseen:
        yield "left out", _some(unseen)
    if mute := world.mute:
        yield "not told", _some(mute)
    if invented := world.floor.racks.invented:
        yield "invented", f"{_some(invented)}: no physics stands behind them"


def _some(names: Sequence[str]) -> str:
    """Return names, as many as help."""
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - NAMES_MAX} more" if len(listed) > NAMES_MAX else ""
    return ", ".join(listed[:NAMES_MAX]) + more
