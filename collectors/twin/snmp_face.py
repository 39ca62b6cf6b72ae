"""The SNMP faces of simulated racks: a responder a device, one socket each, and their bad habits.

A face shows what its racks' instruments showed when `look` was called last. Everything is bound to
127.0.0.0/8: a simulated device must never be taken for a real one.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from collectors.profile import Profile
from collectors.twin.point import Point
from collectors.twin.responder import Responder
from collectors.twin.reverse import reverse
from collectors.twin.skeletons import SKELETONS
from collectors.twin.skeletons.body import Body
from collectors.twin.skeletons.switch import neighbour
from collectors.twin.snmp_model import Look, Model

Address = tuple[str, int]
Cables = Mapping[str, Mapping[str, tuple[str, str]]]  # switch -> port -> far device, far port
DATAGRAM_BYTES_MAX: Final = 65_535
NO_CABLES: Final[Mapping[str, tuple[str, str]]] = {}


class Racks(Protocol):
    """What faces need of the racks: see collectors/twin/racks.py. Shapes: R racks, D devices."""

    points: tuple[Point, ...]
    devices: Mapping[str, NDArray[np.intp]]
    shown: NDArray[np.float64]
    good: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    late: NDArray[np.float64]  # seconds
    jumbled: NDArray[np.float64]  # likewise, of every other answer
    twice: NDArray[np.bool_]
    crossed: list[dict[tuple[str, str], tuple[str, str]]]  # port -> the port whose cable it has

    def uptime(self, rack: int, device: str) -> float:
        """Return how long a device's agent has been running, in seconds."""
        raise NotImplementedError


class Face:
    """One device of one rack. `answer` may be put behind another, such as an engine of SNMPv3.

    What it is bad at: `late_s`, of every answer; `silent`; and of its `responder`, that it has no
    room for more than `varbinds_max` or `bytes_max`, or listens to another `community`.
    """

    def __init__(self, device: str, rack: int, responder: Responder[Look]) -> None:
        self.device = device
        self.rack = rack
        self.responder = responder
        self.answer: Callable[[bytes], bytes | None] = responder.answer
        self.late_s = 0.0
        self.silent = False
        self.address: Address = ("", 0)
        self.odd = False  # every other answer is


class SnmpFaces:
    """Every SNMP device of R racks, by rack and name. `untold`: what no device has a word for."""

    def __init__(  # noqa: PLR0913 -- a floor has as much to say
        self,
        racks: Racks,
        families: Mapping[str, Profile],
        bays: Sequence[str],
        *,
        cables: Cables | None = None,
        named: Mapping[str, Mapping[str, str]] | None = None,
        community: bytes = b"public",
    ) -> None:
        """`families`: which profile each device is of; `named`: maps of a floor file, by device.

        Raises: KeyError naming a family that has no skeleton.
        """
        self.racks = racks
        self.cables = cables or {}
        self.untold: dict[str, tuple[str, ...]] = {}
        self._models: dict[str, Model] = {}
        self._faces: dict[tuple[int, str], Face] = {}
        self._sockets: list[socket.socket] = []
        self._numbers = {device: number for number, device in enumerate(racks.devices)}
        self._crossed: list[dict[tuple[str, str], tuple[str, str]]] = [{} for _ in bays]
        for device, profile in families.items():
            columns = racks.devices[device].tolist()
            points = tuple(racks.points[column] for column in columns)
            body = Body(device=device, points=points, cables=self.cables.get(device, NO_CABLES))
            skeleton = SKELETONS[profile.name](body)
            parts = reverse(profile, skeleton, points, (named or {}).get(device))
            self.untold[device] = parts.untold
            self._models[device] = model = Model(device, parts, columns, racks)
            for rack, bay in enumerate(bays):
                responder = Responder(model, model.device_of(rack, bay), community=community)
                self._faces[rack, device] = Face(device, rack, responder)

    def __getitem__(self, where: tuple[int, str]) -> Face:
        """Return the face of a device by rack and name."""
        return self._faces[where]

    def __iter__(self) -> Iterator[Face]:
        """Yield every face."""
        return iter(self._faces.values())

    def look(self) -> None:
        """Let all devices see what their instruments show now. Cost: 2 ms for 238 racks."""
        for model in self._models.values():
            model.look()
        for rack, crossed in enumerate(self.racks.crossed):
            if crossed != self._crossed[rack]:
                self._crossed[rack] = dict(crossed)
                self._recable(rack)

    def _recable(self, rack: int) -> None:
        """Let switches hear at each port who is at the end of its cable now."""
        for device, cables in self.cables.items():
            if (rack, device) not in self._faces:
                continue
            look, places = self._faces[rack, device].responder.shown, list(self._ports(device))
            for port in cables:
                place = 1 + places.index(port)
                switch, there = self._crossed[rack].get((device, port), (device, port))
                for each in neighbour(place, self.cables[switch][there]):
                    self._models[device].tell(look, each)

    def _ports(self, device: str) -> dict[str, Point]:
        """Return the ports of a switch."""
        points = tuple(self.racks.points[column] for column in self.racks.devices[device])
        return Body(device=device, points=points).ports

    def open(self, hosts: Mapping[tuple[int, str], str], port: int) -> None:
        """Give each face its own loopback address, all on one port. Raises: OSError.

        Answers are given from the running loop.
        """
        loop = asyncio.get_running_loop()
        try:
            for where, host in hosts.items():
                face = self._faces[where]
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self._sockets.append(sock)
                sock.setblocking(False)  # noqa: FBT003 -- as the standard library has it
                sock.bind((host, port))
                face.address = sock.getsockname()
                loop.add_reader(sock, self._heard, sock, face)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close every socket."""
        for sock in self._sockets:
            with contextlib.suppress(RuntimeError):  # the loop is over
                asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        self._sockets.clear()

    def _heard(self, sock: socket.socket, face: Face) -> None:
        """Answer one datagram; a manager has one request under way at a device. Cost: 10 µs."""
        try:
            data, there = sock.recvfrom(DATAGRAM_BYTES_MAX)
        except OSError:  # a manager that is gone; or nothing is there any more
            return
        where = face.rack, self._numbers[face.device]
        if face.silent or self.racks.silent[where]:
            return
        answer = face.answer(data)
        if answer is None:
            return
        face.odd = not face.odd
        late = face.late_s + self.racks.late[where] + self.racks.jumbled[where] * face.odd
        for _ in range(1 + int(self.racks.twice[where])):
            if late:
                asyncio.get_running_loop().call_later(late, _send, sock, answer, there)
            else:
                _send(sock, answer, there)


def _send(sock: socket.socket, answer: bytes, there: Address) -> None:
    """Send an answer; one that cannot be sent is lost, as on any network."""
    with contextlib.suppress(OSError):
        sock.sendto(answer, there)
