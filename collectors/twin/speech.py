"""What SNMP devices of simulated racks do beside answering v1 and v2c: v3, and speaking up.

Every device has an engine of its own name, whose boots rise when the device restarts, and tells all
who want to know what happened to it, from its own address.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from collectors.profile import Profile
from collectors.snmp.ber import dotted, oid
from collectors.snmp.message import PduType, decode_pdu, encode_pdu
from collectors.snmp.usm import Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.notices import Scene, notices
from collectors.twin.point import Point
from collectors.twin.racks import Happening
from collectors.twin.skeletons.body import Body
from collectors.twin.snmp_face import Face
from collectors.twin.trap import Herald, Sink
from collectors.twin.voice import Voice

NOWHERE: Final = "0.0.0.0"  # noqa: S104 -- told, not bound: a device that is not on the air
REBOOT: Final = "reboot"
SYS_OBJECT_ID: Final = "1.3.6.1.2.1.1.2.0"


class Racks(Protocol):
    """What is needed of the racks: see collectors/twin/racks.py."""

    points: tuple[Point, ...]
    seconds: float
    silent: NDArray[np.bool_]  # [R, D]

    def number(self, device: str) -> int:
        """Return a device's place in arrays [R, D]."""
        raise NotImplementedError

    def uptime(self, rack: int, device: str) -> float:
        """Return how long a device's agent has been running, in seconds."""
        raise NotImplementedError


@dataclass(slots=True)
class _Mouth:
    """One device: its engine, what it says, and its socket once it has said anything."""

    face: Face
    family: str
    engine: Engine
    herald: Herald
    ports: Mapping[str, int]  # ifIndex by name
    voice: Voice | None = None


class Speech:
    """Engines and voices of all faces.

    `boots`: how often these devices have started before; whoever plays them again must give more,
    or be taken for a replay. `users` speak v3; `sinks` are told what happens.
    """

    def __init__(  # noqa: PLR0913 -- as much as an administrator sets
        self,
        racks: Racks,
        faces: Iterable[Face],
        families: Mapping[str, Profile],
        bays: Sequence[str],
        *,
        users: Sequence[User] = (),
        sinks: Sequence[Sink] = (),
        boots: int = 1,
    ) -> None:
        self.racks = racks
        self._mouths: dict[tuple[int, str], _Mouth] = {}
        for number, face in enumerate(faces, start=1):
            name = engine_id(f"{bays[face.rack]}-{face.device}")
            clock = Authority(boots, racks.seconds - racks.uptime(face.rack, face.device))
            salt = (boots << 12 | number) << 24  # below it each device counts for itself
            engine = Engine(name, face.responder, users, clock=clock, salt=salt)
            herald = Herald(
                sinks,
                host=face.address[0] or NOWHERE,
                sys_object_id=_sys_object_id(face),
                engine=engine,
                salt=salt,
            )
            self._mouths[face.rack, face.device] = _Mouth(
                face, families[face.device].name, engine, herald, self._ports(face)
            )
            if users:
                face.answer = partial(self._answer, engine)

    def engine(self, rack: int, device: str) -> Engine:
        """Return the engine of one device."""
        return self._mouths[rack, device].engine

    def close(self) -> None:
        """Close every socket."""
        for mouth in self._mouths.values():
            if mouth.voice is not None:
                mouth.voice.close()

    def tell(self, happened: Iterable[Happening]) -> None:
        """Let devices restart, and say what happened to them, unless they are silent.

        Raises: OSError if no socket can be had.
        """
        for each in happened:
            mouth = self._mouths.get((each.rack, each.device))
            if mouth is None:
                continue
            if each.what == REBOOT:
                mouth.engine.clock.reboot(self.racks.seconds)
            mute = self.racks.silent[each.rack, self.racks.number(each.device)]
            if not mouth.herald.sinks or mute:
                continue
            host = mouth.face.address[0]
            scene = Scene(each.device, each.what, each.part, host, mouth.ports)
            for notice in notices(mouth.family, scene):
                mouth.voice = mouth.voice or Voice(mouth.herald, host, self._now)
                mouth.voice.tell(notice, self.racks.uptime(each.rack, each.device))

    def _answer(self, engine: Engine, datagram: bytes) -> bytes | None:
        """Answer a datagram of any version at the racks' own time."""
        return engine.answer(datagram, self.racks.seconds)

    def _now(self) -> float:
        """Return the racks' own time."""
        return self.racks.seconds

    def _ports(self, face: Face) -> dict[str, int]:
        """Return the ports of a switch, numbered as its face numbers them."""
        mine = tuple(point for point in self.racks.points if point.device == face.device)
        ports = Body(device=face.device, points=mine).ports
        return {port: number for number, port in enumerate(ports, start=1)}


def _sys_object_id(face: Face) -> str:
    """Ask a device what it is."""
    said = face.responder.respond(encode_pdu(PduType.GET, [oid(SYS_OBJECT_ID)])) or b""
    span = decode_pdu(said).spans[0]
    return dotted(said[span.start : span.stop])
