"""One try of a broker: whether it is reached, lets us in, and each device speaks there.

The trial has a name and a session of its own: it takes nothing from the agent that runs.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import aiomqtt

from collectors.mqtt.access import Access
from collectors.mqtt.device import Heard
from collectors.mqtt.hub import Hub
from collectors.mqtt.link import Client, connect
from collectors.mqtt.published import Published
from collectors.mqtt.source import Source

LISTEN_S: Final = 6.0  # most devices speak every five seconds
LOOK_S: Final = 0.05


@dataclass(slots=True)
class Trial:
    """What came of it."""

    why: str = ""  # it could not be followed; nothing else is known then
    tls: str = ""
    certificate_ends: float | None = None  # Unix time
    refused: Mapping[str, str] = field(default_factory=dict)  # filter -> why
    silent: tuple[str, ...] = ()  # devices of which nothing came, not even from before


async def attempt(
    address: tuple[str, int],
    access: Access,
    sources: Mapping[str, Source],
    *,
    clock: Callable[[], float],
    wall: Callable[[], float],
) -> Trial:
    """Try a broker with the devices that are to be found there."""
    access = replace(access, client_id="", session_s=0.0, group="")
    try:
        sock = await connect(address, access)
    except TimeoutError:
        return Trial("no answer")
    except OSError as error:
        return Trial(error.strerror or str(error))
    trial = Trial(tls=sock.tls, certificate_ends=sock.certificate_ends)
    hub = Hub()
    for device, source in sources.items():
        hub.watch(device, source, lambda _: None, lambda *_: None, 0.0)

    def deliver(told: Published, retained: bool) -> None:  # noqa: FBT001 -- as it comes
        """Take note of a message."""
        hub.hear(Heard(told.topic, told.payload, retained, clock(), wall()))

    client = Client(sock, address, deliver, access)
    try:
        async with client:
            trial.refused = await client.follow(hub.filters, frozenset())
            trial.silent = await _listen(hub)
    except aiomqtt.MqttError as error:
        trial.why = sock.ended or str(error)
    finally:
        client.abandon()
    return trial


async def _listen(hub: Hub) -> tuple[str, ...]:
    """Listen until every device has spoken, or for as long as is reasonable; return who did not."""
    silent: tuple[str, ...] = ()
    for _ in range(int(LISTEN_S / LOOK_S)):
        silent = tuple(name for name, each in hub.watched.items() if not each.messages)
        if not silent:
            break
        await asyncio.sleep(LOOK_S)
    return silent
