"""The twin on the air: each SNMP device on its own loopback address, the rest through a broker.

Everything is bound to 127.0.0.0/8: a simulated device must never be taken for a real one.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final, Self, cast

import aiomqtt

from collectors.twin.bay import Bay
from collectors.twin.bms import Bms
from collectors.twin.families import DEVICES
from collectors.twin.instruments import Shown
from collectors.twin.objects import Table
from collectors.twin.responder import Responder

Address = tuple[str, int]

TICK_SECONDS: Final = 1.0
PORTS: Final = (1161, 0, 0, 0, 0)  # tried in turn: what people expect, then any that is free
RECONNECT_SECONDS: Final = 1.0  # the broker is on this machine; nobody is spared by waiting longer


class Face(asyncio.DatagramProtocol):
    """The socket of one device."""

    def __init__(self, device: str, bay: Bay, responder: Responder[Shown]) -> None:
        self.device = device
        self.bay = bay
        self.responder = responder
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Answer, unless this device has fallen silent."""
        if self.device in self.bay.silent or self.transport is None:
            return
        answer = self.responder.answer(data)
        if answer is not None:
            self.transport.sendto(answer, addr)


class Twin:
    """A simulated bay and its sockets. `wall` gives seconds since 1970, for what devices report."""

    def __init__(self, bay: Bay, faces: Mapping[str, Face], *, wall: Callable[[], float]) -> None:
        self.bay = bay
        self._faces = faces
        self._wall = wall

    @classmethod
    async def open(cls, bay: Bay, *, wall: Callable[[], float], number: int = 1) -> Self:
        """Bind all devices of bay `number` to one port, 1161 if it is free. Raises: OSError."""
        for port in PORTS:
            with contextlib.suppress(OSError):
                return cls(bay, await _bind(bay, number, port), wall=wall)
        raise OSError(f"no port is free on all addresses 127.0.{number}.*; end what listens there")

    @property
    def addresses(self) -> dict[str, Address]:
        """Return where each SNMP device answers."""
        return {name: _address(face) for name, face in self._faces.items()}

    def close(self) -> None:
        """Close every socket."""
        _close(self._faces)

    async def live(self) -> None:
        """Let time pass until cancelled."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = loop.time()
            self.bay.step(now - before)
            before = now

    async def publish(self, name: str, broker: Address) -> None:
        """Publish what the bay's management system and gateway say until cancelled."""
        host, port = broker
        while True:
            bms = Bms(name)  # a new connection begins with all metadata and values
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(host, port, identifier=f"twin-{name}") as client:
                    while True:
                        for message in bms.due(self.bay.shown, self.bay.silent, self._wall()):
                            await client.publish(
                                message.topic, message.payload, retain=message.retain
                            )
                        await asyncio.sleep(TICK_SECONDS)
            await asyncio.sleep(RECONNECT_SECONDS)


async def _bind(bay: Bay, number: int, port: int) -> dict[str, Face]:
    """Open one socket a device, all on the port that the first one got. Raises: OSError."""
    loop = asyncio.get_running_loop()
    faces: dict[str, Face] = {}
    try:
        for device, (octet, family) in DEVICES.items():
            face = Face(device, bay, Responder(Table(family(device)), bay.shown))
            host = f"127.0.{number}.{octet}"
            await loop.create_datagram_endpoint(lambda face=face: face, local_addr=(host, port))  # type: ignore[misc]
            faces[device] = face
            _, port = _address(face)
    except OSError:
        _close(faces)
        raise
    return faces


def _address(face: Face) -> Address:
    """Return where a face listens."""
    assert face.transport is not None
    host, port = face.transport.get_extra_info("sockname")[:2]
    return host, port


def _close(faces: Mapping[str, Face]) -> None:
    """Close what has been opened."""
    for face in faces.values():
        if face.transport is not None:
            face.transport.close()
