"""What hostile devices say: nonsense is no evidence, text is harmless, rows are bounded."""

import asyncio
import io
import json
import math
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
import structlog
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from agent import log
from agent.exposition.device import SERIES_MAX
from agent.exposition.floor import Floor
from agent.intake import Intake
from collectors.binding import CHANNELS_MAX
from collectors.discovery import Discovery, discover
from collectors.profile import Profile, load_profiles
from collectors.readings import Quality, Readings
from collectors.snmp.ber import Tag, tlv
from collectors.snmp.endpoint import DEFAULT_BUDGET, Endpoint
from collectors.snmp.exchange import Target
from collectors.snmp.message import ErrorStatus, PduType
from collectors.twin.objects import Object
from tests.hostile.agents import OBJECTS, agent, asked, honest, varbind
from tests.hostile.conftest import Polled

ENTERPRISE = "1.3.6.1.4.1.99"
PROFILE = f"""\
profile: rackproof.profile/1
name: hostile_box
kind: other
vendor: Nobody
title: a box that says whatever a test likes
source: none
prefix: {ENTERPRISE}
fingerprint: {{sys_object_id: [{ENTERPRISE}]}}
identity:
  model: .1.1.0
  serial: .1.2.0
  firmware: .1.3.0
channels:
  supply: {{value: .2.1.0, quantity: temperature, unit: degC, range: [-40, 120], sentinels: [-999]}}
  flow: {{value: .2.2.0, quantity: flow, unit: lpm, scale: 0.1, range: [0, 1000]}}
  told: {{value: .2.3.0, quantity: temperature, unit: degC, pattern: '^(-?\\d+)?\\s*C$'}}
tables:
  sensor:
    index: [sensor]
    columns: {{label: .3.1.2}}
    channels:
      sensor/{{label}}: {{value: .3.1.3, quantity: temperature, unit: degC, range: [-40, 120]}}
"""
SYSTEM = [
    Object(oid="1.3.6.1.2.1.1.1.0", tag=Tag.OCTET_STRING, value="a box"),
    Object(oid="1.3.6.1.2.1.1.2.0", tag=Tag.OID, value=f"{ENTERPRISE}.7"),
    Object(oid="1.3.6.1.2.1.1.3.0", tag=Tag.TIME_TICKS, value=4_294_967_295),
]
HOSTILE = {
    "lines": b'x"} 1\n# EOF\nrackproof_up 1\r\n',
    "quotes": b'"\\"\\\\"\\',
    "no text": b"\xff\xfe\x00\x80\xc3\x28",
    "terminal": b"\x1b[2J\x1b]0;owned\x07\x9b31m",
    "page": b"<script>alert(1)</script><!-- ' -->",
    "direction": "\u202egnp.exe\u2066\u200b".encode(),
    "nothing": b"\0\0\0\0",
    "long": b"A" * 60_000,
    "format": b"%s%n{0.__class__}${jndi:ldap://x}",
}


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, ...]:
    """Return the profile of the box."""
    folder = tmp_path_factory.mktemp("profiles")
    (folder / "hostile_box.yaml").write_text(PROFILE)
    return load_profiles(folder)


def box(*objects: Object) -> Callable[[bytes], Iterator[bytes]]:
    """Return an agent that has these objects beside the system group."""
    return honest([*SYSTEM, *objects])


async def found(
    endpoint: Endpoint, replies: Callable[[bytes], Iterable[bytes]], profiles: tuple[Profile, ...]
) -> tuple[Discovery, Readings]:
    """Find out what an agent is, and poll it once, as a feed does."""
    async with agent(replies) as device:
        target = Target(address=device.address, timeout_s=30, deadline_s=60)
        discovery = await discover(endpoint, target, profiles)
        endpoint.watch("bay/box", target, discovery.layout.objects)
        future: asyncio.Future[Readings] = asyncio.get_running_loop().create_future()

        def take(name: str, answer: object) -> None:
            """Convert what came."""
            values, quality, raw = discovery.layout.convert(answer.raw, answer.fault, answer.texts)  # type: ignore[attr-defined]
            future.set_result(
                Readings(device=name, taken_at=0.0, values=values, quality=quality, raw=raw)
            )

        endpoint.poll("bay/box", take)
        return discovery, await future


def read_of(discovery: Discovery, readings: Readings) -> dict[str, tuple[float, Quality]]:
    """Return value and quality of every channel."""
    return {
        channel.name: (float(value), Quality(int(quality)))
        for channel, value, quality in zip(
            discovery.layout.channels, readings.values, readings.quality, strict=True
        )
    }


COUNTERS = {
    "the least": (b"\x41\x01\x00", 0.0),
    "before a wrap": (b"\x41\x05\x00\xff\xff\xff\xff", 2.0**32 - 1),
    "the same without its zero": (b"\x41\x04\xff\xff\xff\xff", 2.0**32 - 1),
    "after a wrap": (b"\x41\x01\x05", 5.0),
    "half of 32 bits": (b"\x41\x05\x00\x80\x00\x00\x00", 2.0**31),
    "after 497 days": (b"\x43\x01\x63", 99.0),
    "497 days": (b"\x43\x05\x00\xff\xff\xff\xff", 2.0**32 - 1),
    "64 bits": (b"\x46\x09\x00" + b"\xff" * 8, 2.0**64),
    "64 bits without their zero": (b"\x46\x08" + b"\xff" * 8, 2.0**64),
    "the last that a float tells apart": (b"\x46\x07\x20" + bytes(6), 2.0**53),
    "after a reset of 64 bits": (b"\x46\x01\x07", 7.0),
    "five octets": (b"\x46\x05\x7f\xff\xff\xff\xff", 2.0**39 - 1),
}


async def test_counters_are_read_to_the_last_count_as_far_as_they_go(
    endpoint: Endpoint, polled: Polled
) -> None:
    """Each width, in each form that agents use, read strictly and by learnt layouts."""
    said = b""

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Say what is to be said."""
        request = asked(datagram)
        yield request.answer(b"".join(varbind(name, said) for name in request.names))

    async with agent(replies) as device:
        endpoint.watch("bay/pdu", Target(address=device.address, timeout_s=30), OBJECTS[:3])
        for _ in range(2):
            for said, value in COUNTERS.values():  # noqa: B007 -- the agent says it
                answer = await polled()
                assert answer.raw.tolist() == [value] * 3
                assert not answer.fault.any()


def opaque(number: float) -> bytes:
    """Encode floating point as net-snmp does."""
    return tlv(Tag.OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", number))


NONSENSE = {
    "a sentinel": (b"\x02\x02\xfc\x19", Quality.SENTINEL),
    "the largest integer": (b"\x02\x04\x7f\xff\xff\xff", Quality.OUT_OF_RANGE),
    "the least integer": (b"\x02\x04\x80\x00\x00\x00", Quality.OUT_OF_RANGE),
    "minus one as a gauge": (b"\x42\x05\x00\xff\xff\xff\xff", Quality.OUT_OF_RANGE),
    "the word NaN": (b"\x04\x03NaN", Quality.MALFORMED),
    "the word inf": (b"\x04\x04-inf", Quality.MALFORMED),
    "a number beyond all": (b"\x04\x051e999", Quality.MALFORMED),
    "a number with a unit": (b"\x04\x0623.5 C", Quality.MALFORMED),
    "a comma": (b"\x04\x0423,5", Quality.MALFORMED),
    "digits of another script": (tlv(4, "\u0662\u0663".encode()), Quality.MALFORMED),
    "no text at all": (b"\x04\x00", Quality.MALFORMED),
    "many digits": (tlv(4, b"2" * 60_000), Quality.MALFORMED),
    "not a number": (opaque(math.nan), Quality.MALFORMED),
    "infinity": (opaque(math.inf), Quality.MALFORMED),
    "an address": (b"\x40\x04\x17\x05\x00\x00", Quality.MALFORMED),
    "a name": (b"\x06\x02\x2b\x06", Quality.MALFORMED),
    "null": (b"\x05\x00", Quality.MALFORMED),
    "nothing there": (b"\x81\x00", Quality.ABSENT),
}


@pytest.mark.parametrize(("said", "quality"), NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_never_a_good_value(
    endpoint: Endpoint, profiles: tuple[Profile, ...], said: bytes, quality: Quality
) -> None:
    """A channel that says it has no value, each time with its reason; the one beside it is read."""
    supply = Object(oid=f"{ENTERPRISE}.2.1.0", value=23)
    right = box(supply, Object(oid=f"{ENTERPRISE}.2.2.0", value=500))

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Answer truly until polled."""
        request = asked(datagram)
        if supply.oid not in request.oids or len(request.names) < 2:
            yield from right(datagram)
            return
        pieces = {supply.oid: said, f"{ENTERPRISE}.2.2.0": b"\x02\x02\x01\xf4"}
        yield request.answer(
            b"".join(
                varbind(n, pieces.get(o, b"\x43\x01\x01"))
                for n, o in zip(request.names, request.oids, strict=True)
            )
        )

    read = read_of(*await found(endpoint, replies, profiles))

    value, why = read["supply"]
    assert math.isnan(value)
    assert why == quality
    assert read["flow"] == (50.0, Quality.GOOD)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (b"23 C", 23.0),
        (b"C", None),
        (b"23 F", None),
        (b"2" * 60_000 + b" C", None),
        (b"\xff C", None),
    ],
    ids=["right", "no number", "another unit", "many digits", "no text"],
)
async def test_a_text_in_which_a_pattern_finds_no_number_is_malformed(
    endpoint: Endpoint, profiles: tuple[Profile, ...], said: bytes, value: float | None
) -> None:
    """A part of a pattern that may be missing is no number either; nothing breaks on it."""
    told = Object(oid=f"{ENTERPRISE}.2.3.0", tag=Tag.OCTET_STRING, value=said)
    read = read_of(*await found(endpoint, fragmented([*SYSTEM, told]), profiles))
    if value is None:
        assert math.isnan(read["told"][0])
        assert read["told"][1] == Quality.MALFORMED
    else:
        assert read["told"] == (value, Quality.GOOD)


async def test_a_value_whose_unit_flaps_is_out_of_range_and_not_hot(
    endpoint: Endpoint, profiles: tuple[Profile, ...]
) -> None:
    """Tenths of a degree one moment, degrees the next: what cannot be is not believed."""
    source = Object(oid=f"{ENTERPRISE}.2.1.0", value=230)
    read = read_of(*await found(endpoint, box(source), profiles))
    assert read["supply"][1] == Quality.OUT_OF_RANGE


def hostile_box(said: bytes, other: bytes | None = None) -> Callable[[bytes], Iterator[bytes]]:
    """Return a box that says this wherever it can say something, of two sensors."""
    texts = [
        Object(oid=f"{ENTERPRISE}.1.{n}.0", tag=Tag.OCTET_STRING, value=said) for n in (1, 2, 3)
    ]
    labels = [
        Object(oid=f"{ENTERPRISE}.3.1.2.{n}", tag=Tag.OCTET_STRING, value=label)
        for n, label in ((1, said), (2, said if other is None else other))
    ]
    values = [Object(oid=f"{ENTERPRISE}.3.1.3.{n}", value=20 + n) for n in (1, 2)]
    return fragmented([*SYSTEM[1:], *texts, *labels, *values, descr(said)])


def descr(said: bytes) -> Object:
    """Return a sysDescr."""
    return Object(oid="1.3.6.1.2.1.1.1.0", tag=Tag.OCTET_STRING, value=said)


def fragmented(objects: list[Object]) -> Callable[[bytes], Iterator[bytes]]:
    """Answer GET, and GETBULK with one row, however large the objects are."""
    table = {each.oid: each for each in objects}
    order = sorted(table, key=lambda oid: [int(arc) for arc in oid.split(".")])

    def value_of(each: Object) -> bytes:
        """Encode a value."""
        if isinstance(each.value, bytes):
            return tlv(Tag.OCTET_STRING, each.value)
        if each.tag == Tag.OCTET_STRING:
            return tlv(Tag.OCTET_STRING, str(each.value).encode())
        if each.tag == Tag.OID:
            return varbind(str(each.value), b"")[2:]
        assert isinstance(each.value, int)
        return tlv(each.tag, each.value.to_bytes(5, "big"))

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Answer with tooBig unless one object is asked for."""
        request = asked(datagram)
        parts = []
        for oid, name in zip(request.oids, request.names, strict=True):
            if request.pdu.type == 0xA0:
                each = table.get(oid)
                parts.append(varbind(name, value_of(each) if each else b"\x81\x00"))
            else:
                after = next((o for o in order if key(o) > key(oid)), None)
                parts.append(
                    varbind(after, value_of(table[after])) if after else varbind(name, b"\x82\x00")
                )
        whole = request.answer(b"".join(parts))
        yield whole if len(whole) < 65_000 else request.answer(b"", status=ErrorStatus.TOO_BIG)

    return replies


def key(oid: str) -> list[int]:
    """Return what names are sorted by."""
    return [int(arc) for arc in oid.split(".")]


def page_of(
    discovery: Discovery, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """Show a device on the page, and return the page and what was logged meanwhile."""
    out = io.StringIO()
    log.configure(stream=out)
    monkeypatch.setattr("agent.intake.log", structlog.get_logger())
    floor = Floor()
    intake = Intake(floor, clock=lambda: 0.0, wall=lambda: 1.7e9)
    intake.open("bay", None, {"box": {}})
    intake.bound("bay/box", discovery.layout.channels, discovery.layout.identity, {})
    intake.polled(readings, "ok", 0.01)
    return floor.render(openmetrics=True).decode(), out.getvalue()


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_text_is_harmless_on_the_page_and_in_the_log(
    endpoint: Endpoint,
    profiles: tuple[Profile, ...],
    monkeypatch: pytest.MonkeyPatch,
    said: bytes,
) -> None:
    """It is one label value to a strict reader and to promtool, and one line in the log."""
    discovery, readings = await found(endpoint, hostile_box(said), profiles)
    page, logged = page_of(discovery, readings, monkeypatch)

    parsed = list(text_string_to_metric_families(page))  # type: ignore[no-untyped-call]
    shown = [
        s for family in parsed for s in family.samples if s.name == "rackproof_temperature_celsius"
    ]
    assert sorted(sample.value for sample in shown) == [21.0, 22.0]
    assert len({sample.labels["channel"] for sample in shown}) == 2
    for family in parsed:
        for sample in family.samples:
            assert all(len(v) <= 200 and v.isprintable() for v in sample.labels.values())
    lines = logged.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["device_bound"]
    assert all(line.isprintable() and len(line) < 20_000 for line in lines)


async def test_promtool_takes_a_page_of_hostile_devices(
    endpoint: Endpoint, profiles: tuple[Profile, ...]
) -> None:
    """All of them at once, as a floor would show them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    floor = Floor()
    for number, said in enumerate(HOSTILE.values()):
        discovery, readings = await found(endpoint, hostile_box(said), profiles)
        name = f"box{number}"
        floor.bind("bay", name, discovery.layout.channels, {})
        floor.identify("bay", name, discovery.layout.identity)
        floor.put(replace(readings, device=f"bay/{name}"))
        endpoint.forget("bay/box")
    checked = await asyncio.to_thread(
        subprocess.run,
        [promtool, "check", "metrics"],
        input=floor.render(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("one", "other"),
    [(b"Zul\xe4uft", b"Zul\xf6uft"), (b"fan\x01", b"fan\x02"), (b"x" * 500, b"x" * 499 + b"y")],
    ids=["bytes", "controls", "length"],
)
async def test_two_names_that_look_the_same_when_cleaned_stay_two_series(
    endpoint: Endpoint,
    profiles: tuple[Profile, ...],
    monkeypatch: pytest.MonkeyPatch,
    one: bytes,
    other: bytes,
) -> None:
    """Others fail the whole page on them."""
    discovery, readings = await found(endpoint, hostile_box(one, other), profiles)
    page, _ = page_of(discovery, readings, monkeypatch)
    lines = [
        line for line in page.splitlines() if line.startswith("rackproof_temperature_celsius{")
    ]
    assert len({line.rpartition(" ")[0] for line in lines}) == 2


async def test_a_table_of_100_000_rows_is_cut_and_the_rest_counted(
    endpoint: Endpoint, profiles: tuple[Profile, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk ends with its budget, channels and series with theirs, and each says so."""
    column = f"{ENTERPRISE}.3.1.3"

    def replies(datagram: bytes) -> Iterator[bytes]:
        """Have as many sensors as anybody asks for."""
        request = asked(datagram)
        if request.pdu.type == PduType.GET:
            shown = {SYSTEM[1].oid: varbind(f"{ENTERPRISE}.7", b"")[2:]}
            parts = [
                varbind(name, shown.get(oid, b"\x02\x01\x14"))
                for name, oid in zip(request.names, request.oids, strict=True)
            ]
            yield request.answer(b"".join(parts))
            return
        rows = [
            int(oid.removeprefix(f"{column}.")) if oid.startswith(f"{column}.") else 0
            for oid in request.oids
        ]
        parts = []
        for _ in range(max(1, request.pdu.index)):
            for n, oid in enumerate(request.oids):
                inside = oid.startswith(column) and rows[n] < 100_000
                rows[n] += inside
                parts.append(
                    varbind(f"{column}.{rows[n]}", b"\x02\x01\x14")
                    if inside
                    else varbind(request.names[n], b"\x82\x00")
                )
        yield request.answer(b"".join(parts))

    discovery, readings = await found(endpoint, replies, profiles)
    page, _ = page_of(discovery, readings, monkeypatch)

    series = [
        line for line in page.splitlines() if line.startswith("rackproof_temperature_celsius{")
    ]
    dropped = [line for line in page.splitlines() if "series_dropped_total{" in line]
    channels = len(discovery.layout.channels)
    assert SERIES_MAX == len(series) < channels <= CHANNELS_MAX < DEFAULT_BUDGET.rows
    assert [float(line.rpartition(" ")[2]) for line in dropped] == [channels - SERIES_MAX]
    assert any("budget" in note for note in discovery.notes)
    assert any("beyond" in why for why in discovery.layout.unread.values())


async def test_rows_that_change_their_index_leave_no_series_behind(
    endpoint: Endpoint, profiles: tuple[Profile, ...]
) -> None:
    """A device that numbers its sensors anew at each start shows those that it has now."""
    floor = Floor()
    sizes = []
    for start in range(1, 200, 20):
        sensors = [
            Object(oid=f"{ENTERPRISE}.3.1.{column}.{n}", tag=tag, value=value)
            for n in range(start, start + 20)
            for column, tag, value in ((2, Tag.OCTET_STRING, f"s{n}"), (3, Tag.INTEGER, 20))
        ]
        discovery, readings = await found(endpoint, box(*sensors), profiles)
        floor.bind("bay", "box", discovery.layout.channels, {})
        floor.put(replace(readings, device="bay/box"))
        sizes.append((floor.series, len(floor.render())))

    assert {series for series, _ in sizes} == {20}
    assert max(size for _, size in sizes) < 1.2 * min(size for _, size in sizes)
