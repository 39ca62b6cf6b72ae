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
from collectors.twin.lldp import Cable
from collectors.twin.point import Point
from collectors.twin.responder import Responder
from collectors.twin.reverse import reverse
from collectors.twin.skeletons import SKELETONS
from collectors.twin.skeletons.body import Body
from collectors.twin.snmp_model import EVERY, Look, Model

Address = tuple[str, int]
Cables = Mapping[str, Mapping[str, tuple[str, str] | Cable]]  # switch -> port -> its far end
DATAGRAM_BYTES_MAX: Final = 65_535


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
        self.untold: dict[str, tuple[str, ...]] = {}
        self._families, self._bays, self._named = families, bays, named or {}
        self._cables = {
            switch: {
                port: far if isinstance(far, Cable) else Cable(*far) for port, far in ports.items()
            }
            for switch, ports in (cables or {}).items()
        }
        self._models = {device: self._model(device, self._cables) for device in families}
        self._own: dict[tuple[int, str], Model] = {}  # of switches whose cables are crossed
        self._faces = {
            (rack, device): Face(
                device, rack, Responder(model, model.device_of(rack, bay), community=community)
            )
            for rack, bay in enumerate(bays)
            for device, model in self._models.items()
        }
        self._sockets: list[socket.socket] = []
        self._numbers = {device: number for number, device in enumerate(racks.devices)}
        self._crossed: list[dict[tuple[str, str], tuple[str, str]]] = [{} for _ in bays]

    def _model(
        self, device: str, cables: Mapping[str, Mapping[str, Cable]], rows: slice = EVERY
    ) -> Model:
        """Make a device from what its family has, for some racks or all."""
        columns = self.racks.devices[device].tolist()
        points = tuple(self.racks.points[column] for column in columns)
        body = Body(device=device, points=points, cables=cables.get(device, {}))
        profile = self._families[device]
        skeleton = SKELETONS[profile.name](body)
        parts = reverse(profile, skeleton, points, self._named.get(device))
        self.untold[device] = parts.untold
        return Model(device, parts, columns, self.racks, rows)

    def __getitem__(self, where: tuple[int, str]) -> Face:
        """Return the face of a device by rack and name."""
        return self._faces[where]

    def __iter__(self) -> Iterator[Face]:
        """Yield every face."""
        return iter(self._faces.values())

    def look(self) -> None:
        """Let all devices see what their instruments show now. Cost: 2 ms for 238 racks."""
        for model in (*self._models.values(), *self._own.values()):
            model.look()
        for rack, crossed in enumerate(self.racks.crossed):
            if crossed != self._crossed[rack]:
                self._crossed[rack] = dict(crossed)
                for switch in self._models.keys() & self._cables.keys():
                    self._recable(rack, switch)

    def _recable(self, rack: int, switch: str) -> None:
        """Let a switch hear at each port who is at the end of its cable now."""
        crossed = {port: far for (at, port), far in self._crossed[rack].items() if at == switch}
        responder, where = self._faces[rack, switch].responder, (rack, switch)
        if not crossed:
            model, row = self._models[switch], rack
            self._own.pop(where, None)
        else:
            straight = {port: (switch, port) for port in self._cables[switch]}
            cables = {
                switch: {
                    port: self._cables[at][other]
                    for port, (at, other) in (straight | crossed).items()
                    if other in self._cables.get(at, {})
                }
            }
            model, row = self._model(switch, cables, slice(rack, rack + 1)), 0
            model.remember(self._models[switch])
            self._own[where] = model
        responder.table, responder.shown = model, model.device_of(row, self._bays[rack])

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
