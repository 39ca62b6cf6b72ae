"""What a twin says of itself when it begins: what runs where, and what can be done with it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from agent.output import count
from agent.twin.answerers import PASSWORD, USER
from agent.twin.broker import HOW
from agent.twin.control import ACT, LEAK
from agent.twin.site import Site

if TYPE_CHECKING:
    from agent.twin.world import World

NAMES_MAX: Final = 6  # of rows; a page of them helps nobody
LINE: Final = "  {what:<10} {where}"


def lines(world: "World", site: Site, control: int) -> Iterator[str]:
    """Yield what a person needs to know."""
    wish, floor = world.wish, world.floor
    spec, racks = wish.design.spec, floor.racks
    bays, url = count(wish.bays, "rack"), f"http://127.0.0.1:{control}"
    yield f"{bays} of {spec.id} {spec.revision}, {len(racks.points)} channels each. Ctrl-C ends it."
    yield ""
    for what, where in _parts(world, site, control):
        yield LINE.format(what=what, where=where)
    yield ""
    pace = f" --clock {wish.pace}" if wish.pace else ""
    if wish.follow:
        yield "The racks are cold and without power, as a run begins. The agent to follow:"
    else:
        yield "The racks are at full load, as in the middle of a soak. To judge them:"
    yield f"  rackproof run {site.floor}{pace}"
    if not wish.follow and spec.plan is not None:
        yield "To take them through their plan as well, start this twin again with"
        yield f"  --follow http://127.0.0.1:{site.port}"
    yield f"To break something (`rackproof twin --help` lists what; {url} says how):"
    yield f"  {ACT.format(url=url, path=f'/racks/{floor.bays[0]}/faults', body=LEAK)}"
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
        rows = [name.partition("[")[0] for name in mute]
        yield "not told", f"{_some(rows)}: their families cannot"
    if invented := world.floor.racks.invented:
        yield "invented", f"{_some(invented)}: no physics stands behind them"


def _some(names: Sequence[str]) -> str:
    """Return names, as many as help."""
    listed = list(dict.fromkeys(names))
    more = f" and {len(listed) - NAMES_MAX} more" if len(listed) > NAMES_MAX else ""
    return ", ".join(listed[:NAMES_MAX]) + more
