"""What a simulated SNMP device sends is what its own profile reads as the instruments' values."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.binding import bind
from collectors.layout import Layout
from collectors.profile import load_profiles
from collectors.provided import serving
from collectors.quantity import Quantity
from collectors.readings import Quality
from collectors.recording import answer, identified
from collectors.rows import Value
from collectors.snmp import ber
from collectors.snmp.message import ErrorStatus, PduType, decode_pdu, encode_pdu
from collectors.twin.lldp import Cable
from collectors.twin.point import Point
from collectors.twin.reverse import BROKEN, GOOD
from collectors.twin.skeletons import SKELETONS
from collectors.twin.snmp_face import SnmpFaces
from collectors.twin.states import states_of
from tests.unit.collectors.twin.still_racks import PORT, UPTIME_S, Instruments, points_of

PROFILES = {profile.name: profile for profile in load_profiles()}
RANGES = {
    Quantity.POWER: (0.0, 150_000.0),
    Quantity.POWER_FACTOR: (0.0, 1.0),
    Quantity.FREQUENCY: (45.0, 65.0),
    Quantity.RATIO: (0.0, 100.0),
    Quantity.VOLTAGE: (0.0, 300.0),
    Quantity.CURRENT: (0.0, 300.0),
    Quantity.TEMPERATURE: (-20.0, 120.0),
    Quantity.FLOW: (0.0, 400.0),
    Quantity.SPEED: (0.0, 30_000.0),
    Quantity.OPTICAL_POWER: (-30.0, 6.0),
    Quantity.COUNT: (0.0, 2.0**31),
}


def faces_of(family: str, racks: Instruments) -> SnmpFaces:
    """Put one family's face on every device."""
    bays = [f"bay-{n}" for n in range(len(racks.shown))]
    return SnmpFaces(racks, dict.fromkeys(racks.devices, PROFILES[family]), bays)


def walked(faces: SnmpFaces, device: str = "device", rack: int = 0) -> dict[str, Value]:
    """Return what a walk of a device brings."""
    responder = faces[rack, device].responder
    rows: dict[str, Value] = {}
    name = ber.oid("0.0")
    while True:
        response = responder.respond(encode_pdu(PduType.GET_BULK, [name], 0, 40))
        assert response is not None
        for span in decode_pdu(response).spans:
            if span.tag == ber.Tag.END_OF_MIB_VIEW:
                return rows
            name = response[span.name_start : span.name_stop]
            assert ber.dotted(name) not in rows
            rows[ber.dotted(name)] = ber.to_value(span.tag, response[span.start : span.stop])


def read(layout: Layout, rows: dict[str, Value]) -> dict[str, float | Quality]:
    """Return what a poll reads by channel: a value if it is good, else why not."""
    values, quality, _ = layout.convert(*answer(layout, rows))
    return {
        c.name: float(v) if q == Quality.GOOD else Quality(int(q))
        for c, v, q in zip(layout.channels, values, quality, strict=True)
    }


def channel_of(layout: Layout, family: str, point: Point) -> int:
    """Return which channel a profile has for a point."""
    names = [channel.name for channel in layout.channels]
    found = serving(point.name, PROFILES[family].provides[point.role])
    return next(names.index(name) for name in found if name in names)


@functools.cache
def sensible(family: str) -> st.SearchStrategy[tuple[float, ...]]:
    """Draw what all instruments of a device may show."""
    return st.tuples(*(may_show(point) for point in points_of(family)))


def may_show(point: Point) -> st.SearchStrategy[float]:
    """Draw what an instrument may show."""
    if states := states_of(point):
        return st.sampled_from([*map(float, states)])
    if point.row == "port.speed":
        return st.sampled_from([100.0, 1000.0, 100_000.0])
    low, high = RANGES[point.quantity]
    counts = point.quantity is Quantity.COUNT
    return st.integers(0, int(high)).map(float) if counts else st.floats(low, high)


@pytest.mark.parametrize("family", SKELETONS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_profile_reads_what_the_instruments_show(family: str, data: st.DataObject) -> None:
    """Every value comes back within half of the device's last digit, every state by its name."""
    points, racks, faces, layout = stage(family)
    racks.shown[0] = data.draw(sensible(family))
    faces.look()
    found = read(layout, walked(faces))
    for point, shown in zip(points, racks.shown[0].tolist(), strict=True):
        if point.name in faces.untold["device"] or point.row == "port.flaps":
            continue  # flaps are counted by the agent, from its first poll on
        channel = layout.channels[channel_of(layout, family, point)]
        value = found[channel.name]
        assert not isinstance(value, Quality), f"{point.name}: {value}"
        if states := states_of(point):
            told = channel.states[int(value)]
            wanted = states[int(shown)]
            same = told in channel.good_states if wanted in GOOD else told in BROKEN
            assert told == wanted or same
        elif point.quantity is Quantity.OPTICAL_POWER:
            assert 10 ** (value / 10) == pytest.approx(10 ** (shown / 10), abs=0.5e-4)
        elif point.quantity is Quantity.COUNT:  # an example below the one before it is a wrap
            assert (value - shown) % 2**32 == 0
        else:
            half = resolution(family)[channel.name] / 2
            assert abs(value - shown) <= half + 1e-9 * max(1.0, abs(shown))


@functools.cache
def stage(family: str) -> tuple[list[Point], Instruments, SnmpFaces, Layout]:
    """Return a device's points, its instruments, its face, and how its profile reads it."""
    points = points_of(family)
    racks = Instruments(points)
    faces = faces_of(family, racks)
    return points, racks, faces, bind(PROFILES[family], walked(faces))


@functools.cache
def resolution(family: str) -> dict[str, float]:
    """Return by how much each channel of a family moves when its device's number moves by one."""
    points, _, faces, layout = stage(family)
    rows = walked(faces)
    told = [point for point in points if point.name not in faces.untold["device"]]
    sources = [layout.channels[channel_of(layout, family, point)].source for point in told]
    found = []
    for number in (100, 101):
        moved: dict[str, Value] = dict.fromkeys(sources, number)
        found.append(layout.convert(*answer(layout, {**rows, **moved}))[0])
    steps = np.abs(found[1] - found[0]).tolist()
    return dict(zip([channel.name for channel in layout.channels], steps, strict=True))


@pytest.mark.parametrize("family", SKELETONS)
def test_a_value_that_is_not_to_be_believed_is_not_believed(family: str) -> None:
    """Where the family has a word for it: a status of its own, or a number that means none."""
    points = points_of(family)
    racks = Instruments(points)
    faces = faces_of(family, racks)
    layout = bind(PROFILES[family], walked(faces))
    racks.shown[0] = math.nan
    faces.look()
    found = read(layout, walked(faces))
    dumb = {"leak", "breaker", "psu_ok", "fan_ok", *PORT} - {"rx_power", "module_temp"}
    dumb -= {"breaker", "fan_ok"} if family in ("raritan_pdu2", "rittal_cmc3") else set()
    for point in points:
        what = point.name.partition("[")[0]
        if point.name not in faces.untold["device"] and what not in dumb:
            channel = layout.channels[channel_of(layout, family, point)]
            assert isinstance(found[channel.name], Quality), channel.name


def test_the_agent_counts_the_flaps_that_a_switch_had() -> None:
    """By the moment of each, however many ports have flapped before."""
    points = points_of("sonic")
    racks = Instruments(points)
    flaps = [n for n, point in enumerate(points) if point.row == "port.flaps"]
    racks.shown[0, flaps] = (3.0, 0.0)
    faces = faces_of("sonic", racks)
    layout = bind(PROFILES["sonic"], walked(faces))
    read(layout, walked(faces))
    for seconds, count in ((10, 4.0), (20, 4.0), (30, 5.0)):
        racks.up = UPTIME_S + seconds
        racks.shown[0, flaps[0]] = count
        faces.look()
        found = read(layout, walked(faces))
        assert found["port/swp1/flaps"] == count - 3.0
        assert found["port/swp49/flaps"] == 0.0


def test_a_device_that_starts_anew_says_so_and_has_no_flap() -> None:
    """Its uptime falls, and no port has changed since then."""
    racks = Instruments(points_of("sonic"))
    faces = faces_of("sonic", racks)
    before = walked(faces)
    layout = bind(PROFILES["sonic"], before)
    read(layout, before)
    racks.up = 4.0
    faces.look()
    after = walked(faces)
    assert layout.changed(*answer(layout, after)) == "sysUpTime fell: the device restarted"
    anew = bind(PROFILES["sonic"], after)
    assert read(anew, after)["port/swp1/flaps"] is Quality.SENTINEL, "whether it keeps such times?"
    anew.changes.kept = layout.changes.kept
    assert read(anew, after)["port/swp1/flaps"] == 0.0
    racks.up = 9.0
    faces.look()
    assert read(anew, walked(faces))["port/swp1/flaps"] == 0.0


@pytest.mark.parametrize("family", SKELETONS)
def test_a_device_is_known_for_what_it_is(family: str) -> None:
    """By what it says of itself: nothing in a floor file has to say it."""
    rows = walked(faces_of(family, Instruments(points_of(family))))
    assert identified(rows, tuple(PROFILES.values())).name == family


def test_a_family_says_what_it_cannot_tell() -> None:
    """Some meters have no frequency; their racks cannot pass a spec that asks for it."""
    faces = faces_of("apc_rpdu2", Instruments(points_of("apc_rpdu2")))
    assert faces.untold["device"] == ("frequency", "current_thd", "breaker")


def test_the_map_of_a_floor_file_goes_before_what_a_profile_provides() -> None:
    """A meter whose second and third phase are wired the other way round."""
    points = points_of("sentry4")
    racks = Instruments(points)
    names = [point.name for point in points]
    racks.shown[0, names.index("line_voltage[phase2]")] = 231.0
    swapped = {
        f"line_voltage[phase{a}]": f"unit/1/inlet/1/phase/{b}/voltage" for a, b in ((2, 3), (3, 2))
    }
    families, named = {"device": PROFILES["sentry4"]}, {"device": swapped}
    faces = SnmpFaces(racks, families, ["bay-1"], named=named)
    rows = walked(faces)
    found = read(bind(PROFILES["sentry4"], rows), rows)
    assert found["unit/1/inlet/1/phase/3/voltage"] == 231.0
    assert found["unit/1/inlet/1/phase/2/voltage"] == 0.0


def test_each_rack_shows_its_own_and_says_who_it_is() -> None:
    """Devices of one make share all but what they show and are called."""
    points = points_of("raritan_pdu2")
    racks = Instruments(points, racks=3)
    racks.shown[:, 0] = (1000.0, 2000.0, 3000.0)
    faces = faces_of("raritan_pdu2", racks)
    for rack in range(3):
        rows = walked(faces, rack=rack)
        layout = bind(PROFILES["raritan_pdu2"], rows)
        assert read(layout, rows)["inlet/1/power"] == 1000.0 * (rack + 1)
        assert layout.identity.serial == f"SIM-bay-{rack}-device"
        assert "SIM" in layout.identity.model, "no model that can be bought"


def test_switches_hear_at_each_port_who_is_at_the_end_of_its_cable() -> None:
    """Also when two cables are crossed, and when that is put right; the others stay."""
    racks = Instruments(points_of("sonic"), racks=2)
    cables = {"device": {"swp1": Cable("tray1", "bmc"), "swp49": Cable("spine", "swp1")}}
    faces = SnmpFaces(racks, {"device": PROFILES["sonic"]}, ["bay-1", "bay-2"], cables=cables)

    def heard() -> list[Value]:
        """Return who is heard at each port."""
        column = "1.0.8802.1.1.2.1.4.1.1.9.0"
        rows = walked(faces, rack=1)
        return [rows[f"{column}.{place}.1"] for place in (1, 2)]

    layout = bind(PROFILES["sonic"], walked(faces, rack=1))
    read(layout, walked(faces, rack=1))
    assert heard() == [b"tray1", b"spine"]
    one, other = ("device", "swp1"), ("device", "swp49")
    racks.crossed[1] |= {one: other, other: one}
    faces.look()
    assert heard() == [b"spine", b"tray1"]
    assert walked(faces, rack=0)["1.0.8802.1.1.2.1.4.1.1.9.0.1.1"] == b"tray1"
    assert read(layout, walked(faces, rack=1))["port/swp1/flaps"] == 0.0
    racks.crossed[1].clear()
    faces.look()
    assert heard() == [b"tray1", b"spine"]


def test_a_device_with_little_room_answers_little_at_a_time() -> None:
    """It refuses what is too much, and cuts what may be cut."""
    faces = faces_of("sentry4", Instruments(points_of("sentry4")))
    responder = faces[0, "device"].responder
    responder.varbinds_max = 4
    names = [ber.oid("1.3.6.1.2.1.1.1.0")] * 5
    refused = responder.respond(encode_pdu(PduType.GET, names))
    assert refused is not None
    assert decode_pdu(refused).status == ErrorStatus.TOO_BIG
    allowed = responder.respond(encode_pdu(PduType.GET, names[:4]))
    assert allowed is not None
    assert len(decode_pdu(allowed).spans) == 4
    cut = responder.respond(encode_pdu(PduType.GET_BULK, [ber.oid("1.3")], 0, 50))
    assert cut is not None
    assert len(decode_pdu(cut).spans) == 4
