"""The devices of a twin that publish, as faces; and how an agent tells each from the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from agent.twin.site import Reach
from collectors.profile import Profile
from collectors.twin.dsx_face import DsxFace, Heartbeat
from collectors.twin.json_face import JsonFace
from collectors.twin.mqtt_face import Face, FaceError, Place, places
from collectors.twin.point import Point

REPUBLISH_S: Final = 20.0  # of what did not change; a bus may wait 100 s, and so must who listens
FACES: Final[Mapping[str, Callable[[Profile, Place, Sequence[str]], Face]]] = {
    "dsx": partial(DsxFace, republish=REPUBLISH_S),
    "json": JsonFace,
}


class Speakers:
    """All that publishes, of every rack; `mute`: the instruments that no message has room for."""

    def __init__(
        self, points: Sequence[Point], families: Mapping[str, Profile], bays: Sequence[str]
    ) -> None:
        self.bays = bays
        self.mute: list[Point] = []
        self.profiles: dict[str, Profile] = {}
        self.faces: list[Face] = []
        self.places: list[Place] = []
        for place in places(points):
            profile = families[place.device]
            if profile.mqtt is None:
                continue
            shown = self._shown(profile, place)
            if shown.points:
                self.faces.append(_face(profile, shown, bays))
                self.places.append(shown)
                self.profiles[place.device] = profile
        if any(
            profile.mqtt and profile.mqtt.dialect == "dsx" for profile in self.profiles.values()
        ):
            self.faces.append(Heartbeat("twin"))

    def reaches(self, bay: str) -> Iterator[tuple[str, Reach]]:
        """Yield how the agent finds each device of a bay."""
        for device, profile in self.profiles.items():
            assert profile.mqtt is not None
            if profile.mqtt.dialect == "dsx":
                yield device, Reach(dialect="dsx", match=DsxFace.match(bay, device))
            else:
                yield device, Reach(dialect="json", profile=profile.name)

    def _shown(self, profile: Profile, place: Place) -> Place:
        """Return a device without the instruments that its family cannot show."""
        pairs = []
        for column, point in zip(place.columns, place.points, strict=True):
            try:
                _face(profile, Place(place.device, place.number, [column], [point]), ("bay",))
            except FaceError:
                self.mute.append(point)
            else:
                pairs.append((column, point))
        columns, points = [c for c, _ in pairs], [p for _, p in pairs]
        return Place(place.device, place.number, columns, points)


def _face(profile: Profile, place: Place, bays: Sequence[str]) -> Face:
    """Return what speaks for one device of every rack. Raises: FaceError."""
    assert profile.mqtt is not None
    return FACES[profile.mqtt.dialect](profile, place, bays)
