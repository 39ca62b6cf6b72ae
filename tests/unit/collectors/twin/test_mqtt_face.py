"""What simulated devices publish is what the agent reads, through the very profiles."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.burnin.binding import bind
from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.rehearsal.points import points
from collectors.mqtt.device import Heard
from collectors.mqtt.hub import Hub
from collectors.mqtt.source import Source
from collectors.profile import load_profiles
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Quality, Readings
from collectors.twin.dsx_face import DsxFace, Heartbeat
from collectors.twin.json_face import JsonFace
from collectors.twin.mqtt_face import Face, FaceError, Place, places
from collectors.twin.point import Point
from collectors.twin.states import states_of

SPEC: Final = Path(__file__).parents[4] / "deploy" / "example" / "specs" / "rack-132kw.yaml"
PROFILES: Final = {profile.name: profile for profile in load_profiles()}
DESIGN: Final = expand(load_spec(SPEC.read_bytes(), SPEC.name))
POINTS: Final = points(DESIGN)
SPEAKS: Final = {  # by role; a room may be either
    "rack": ("dsx_bms",),
    "cdu": ("dsx_bms",),
    "room": ("dsx_bms", "json_room"),
    "power_shelf": ("orv3_pmc",),
    "compute_tray": ("bmc_bridge",),
    "nvlink_switch": ("nvos_bridge",),
}
CASES: Final = [
    pytest.param(place, name, id=f"{place.device}-{name}")
    for place in places(POINTS)
    for name in SPEAKS.get(place.points[0].role, ())
    if place.device in {"rack", "cdu", "room", "power_shelf2", "compute_tray2", "nvlink_switch2"}
]
BAYS: Final = ("bay-01", "bay-02")
WALL: Final = 1_743_620_423.0
REACH: Final = {  # what an instrument can show, and half of the last decimal that a message has
    Quantity.TEMPERATURE: (-15.0, 84.0, 0.005),
    Quantity.HUMIDITY: (0.0, 100.0, 0.05),
    Quantity.FLOW: (0.0, 400.0, 0.005),
    Quantity.PRESSURE: (-90.0, 900.0, 0.005),
    Quantity.POWER: (0.0, 90_000.0, 0.5),
    Quantity.VOLTAGE: (0.0, 60.0, 0.005),
    Quantity.CURRENT: (0.0, 150.0, 0.005),
    Quantity.RATIO: (0.0, 100.0, 0.005),
    Quantity.LEVEL: (0.0, 100.0, 0.005),
    Quantity.SPEED: (0.0, 30_000.0, 0.5),
    Quantity.CONDUCTIVITY: (0.0, 9_000.0, 0.5),
}


class Shown(NamedTuple):
    """Two racks as faces see them."""

    shown: NDArray[np.float64]
    good: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    clock_offset: NDArray[np.float64]

    @classmethod
    def plain(cls, given: Sequence[Point] = POINTS) -> "Shown":
        """Return racks on which all amounts are in the middle and all states are well."""
        middles = [sum(REACH[p.quantity][:2]) / 2 if p.quantity in REACH else 0.0 for p in given]
        count = len(places(given))
        shown = np.tile(np.array(middles), (len(BAYS), 1))
        silent = np.zeros((len(BAYS), count), bool)
        return cls(shown, np.ones(shown.shape, bool), silent, np.zeros(silent.shape))

    def __repr__(self) -> str:
        """Say little: of what matters, a failing test tells."""
        return "Shown(...)"


class Ear:
    """The agent's own subscriber without a socket, on the devices of both bays."""

    def __init__(self, device: str, name: str, design: Design = DESIGN) -> None:
        self._design = design
        self.channels: dict[str, tuple[Channel, ...]] = {}
        self.told: dict[str, Readings] = {}
        self.hub = Hub()
        self.hub.connected(0.0)
        profile = PROFILES[name]
        self._provides = profile.provides
        assert profile.mqtt is not None
        for bay in BAYS:
            match = DsxFace.match(bay, device) if profile.mqtt.dialect == "dsx" else {}
            source = Source(
                profile=name, kind=profile.kind, vendor="v", mqtt=profile.mqtt, match=match
            )
            assert not source.problems(f"{bay}/{device}")
            self.hub.watch(f"{bay}/{device}", source, self._readings, self._bound, 0.0)

    def _bound(self, device: str, channels: tuple[Channel, ...], _: Identity) -> None:
        """Note what a device has."""
        self.channels[device] = channels

    def _readings(self, readings: Readings) -> None:
        """Note what was read."""
        self.told[readings.device] = readings

    def hear(self, faces: Sequence[Face], racks: Shown, now: float, *, greet: bool) -> None:
        """Let everything come that is published at a moment, and tell it."""
        wall = WALL + now
        said = [m for face in faces for m in face.greet(wall)] if greet else []
        for message in (*said, *(m for face in faces for m in face.due(racks, wall))):
            # a new subscriber hears metadata as retained, and values as live
            self.hub.hear(Heard(message.topic, message.payload, message.retain, now, wall))
        self.hub.tick(now + 5.0)
        self.hub.tick(now + 6.0)

    def qualities(self, bay: str, device: str) -> set[Quality]:
        """Return how much an agent believes of what the spec asks for."""
        return {quality for _, _, quality, _ in self.read(bay, device)}

    def read(self, bay: str, device: str) -> Iterator[tuple[Point, float, Quality, Channel]]:
        """Yield what an agent has for each of the spec's channels; all of them must be bound."""
        name = f"{bay}/{device}"
        channels, told = self.channels[name], self.told[name]
        bound = bind(self._design, device, channels, self._provides, {})
        assert not bound.missing
        assert not bound.problems
        named = {p.name: p for p in points(self._design) if p.device == device}
        assert len(bound.pairs) == len(named)
        for pair in bound.pairs:
            value = told.values[pair.column] * pair.scale + pair.offset
            point = named[self._design.channels[pair.place].name]
            yield point, value, Quality(told.quality[pair.column]), channels[pair.column]


def faces(place: Place, name: str) -> list[Face]:
    """Return the face of a device, and the heartbeat that its bus has."""
    if name == "dsx_bms":
        return [DsxFace(PROFILES[name], place, BAYS), Heartbeat("twin")]
    return [JsonFace(PROFILES[name], place, BAYS)]


def same(point: Point, shown: float, read: float, channel: Channel) -> bool:
    """Say whether what was read is what the instrument shows, within the decimals published."""
    if point.quantity.is_state:
        wanted = states_of(point)[int(shown)]
        found = channel.states[int(read)]
        return wanted == found or {wanted, found} == {"failed", "fault"}
    return abs(shown - read) <= (REACH[point.quantity][2] * 1.001 if point.quantity in REACH else 0)


@st.composite
def scenes(draw: st.DrawFn, place: Place) -> Shown:
    """Draw what two racks show: each value anywhere, some not there, some not believed."""
    racks = Shown.plain()
    for rack in range(len(BAYS)):
        for column, point in zip(place.columns, place.points, strict=True):
            if point.quantity.is_state:
                value = float(draw(st.sampled_from(sorted(states_of(point)))))
            elif point.quantity in REACH:
                low, high, _ = REACH[point.quantity]
                value = draw(st.floats(low, high))
            else:
                value = float(draw(st.integers(0, 100_000)))
            racks.shown[rack, column] = value
        for column in draw(st.sets(st.sampled_from(list(place.columns)), max_size=3)):
            racks.shown[rack, column] = math.nan
        for column in draw(st.sets(st.sampled_from(list(place.columns)), max_size=3)):
            racks.good[rack, column] = False
    return racks


@pytest.mark.parametrize(("place", "name"), CASES)
@given(data=st.data())
def test_the_agent_reads_what_each_instrument_shows(
    place: Place, name: str, data: st.DataObject
) -> None:
    """Of every bay on one broker; and nothing where there is no value, or none to believe."""
    racks = data.draw(scenes(place))
    ear, spoken = Ear(place.device, name), faces(place, name)
    ear.hear(spoken, racks, 10.0, greet=True)
    for rack, bay in enumerate(BAYS):
        for point, value, quality, channel in ear.read(bay, place.device):
            column = place.columns[place.points.index(point)]
            shown = racks.shown[rack, column]
            if math.isnan(shown) or not racks.good[rack, column]:
                assert quality != Quality.GOOD
            else:
                assert quality == Quality.GOOD
                assert same(point, shown, value, channel), (point, shown, value)


@pytest.mark.parametrize(("place", "name"), CASES)
def test_a_device_that_goes_on_is_believed_and_one_that_fell_silent_is_not(
    place: Place, name: str
) -> None:
    """For ten minutes at one look a second; then it is silent, and its neighbour is not."""
    racks = Shown.plain()
    ear, spoken = Ear(place.device, name), faces(place, name)
    ear.hear(spoken, racks, 0.0, greet=True)
    for second in range(7, 600):
        ear.hear(spoken, racks, float(second), greet=False)
        if second % 7 == 0:
            assert ear.qualities(BAYS[0], place.device) == {Quality.GOOD}
    racks.silent[0, place.number] = True
    for second in range(600, 800):
        ear.hear(spoken, racks, float(second), greet=False)
    assert ear.qualities(BAYS[0], place.device) == {Quality.STALE}
    assert ear.qualities(BAYS[1], place.device) == {Quality.GOOD}


@pytest.mark.parametrize(("place", "name"), CASES)
def test_a_device_whose_clock_is_ahead_is_not_believed(place: Place, name: str) -> None:
    """By more than a minute; its neighbour is."""
    racks = Shown.plain()
    racks.clock_offset[0, place.number] = 120.0
    ear, spoken = Ear(place.device, name), faces(place, name)
    ear.hear(spoken, racks, 10.0, greet=True)
    assert Quality.GOOD not in ear.qualities(BAYS[0], place.device)
    assert ear.qualities(BAYS[1], place.device) == {Quality.GOOD}


@pytest.mark.parametrize(("place", "name"), CASES)
def test_a_state_that_changes_does_not_wait_for_its_turn(place: Place, name: str) -> None:
    """A leak, a pump, a power supply: the next moment says so, and the other rack says nothing."""
    racks = Shown.plain()
    states = [c for c, p in zip(place.columns, place.points, strict=True) if p.quantity.is_state]
    (face, *_) = faces(place, name)
    list(face.greet(WALL))
    list(face.due(racks, WALL))
    for column in states:
        list(face.due(racks, WALL + 0.25))
        racks.shown[1, column] = 1.0
        said = list(face.due(racks, WALL + 0.25))
        assert [(message.rack, message.device) for message in said] == [(1, place.device)]


@pytest.mark.parametrize(("place", "name"), CASES)
def test_what_the_racks_say_is_spread_over_time(place: Place, name: str) -> None:
    """A hundred racks that are asked every tenth of a second never all speak in one."""
    bays = [f"bay-{n:03}" for n in range(100)]
    one = Shown.plain()
    every = [0] * len(bays)
    racks = Shown(one.shown[every], one.good[every], one.silent[every], one.clock_offset[every])
    profile = PROFILES[name]
    face = (DsxFace if name == "dsx_bms" else JsonFace)(profile, place, bays)
    list(face.greet(WALL))
    list(face.due(racks, WALL))
    counts = [len(list(face.due(racks, WALL + tick / 10))) for tick in range(1, 1001)]
    assert sum(counts[500:]) > 0
    assert max(counts) <= len(bays) / 5 * len(place.points)


def test_every_channel_of_the_full_spec_can_be_read(shared: Path) -> None:
    """Of all devices that publish: shelves, trays, switches, rack, cooling unit and room."""
    path = shared / "examples" / "nvl72-lc-132kw.yaml"
    design = expand(load_spec(path.read_bytes(), path.name))
    racks = Shown.plain(points(design))
    read = 0
    for place in places(points(design)):
        for name in SPEAKS.get(place.points[0].role, ()):
            ear, spoken = Ear(place.device, name, design), faces(place, name)
            ear.hear(spoken, racks, 10.0, greet=True)
            assert ear.qualities(BAYS[1], place.device) == {Quality.GOOD}
            read += len(place.points)
    assert read == 8 * 43 + 18 * 3 + 9 * 3 + 14 + 13 + 2 * 2


def test_an_instrument_that_a_profile_does_not_know_is_refused_by_name() -> None:
    """Nobody should look for a channel that a device never had."""
    point = Point("cdu", "taste", "cdu.taste", None, Quantity.RATIO)
    for face in (DsxFace, JsonFace):
        profile = PROFILES["dsx_bms" if face is DsxFace else "json_room"]
        with pytest.raises(FaceError, match=r"cdu\.taste"):
            face(profile, Place("cdu", 0, [0], [point]), BAYS)
