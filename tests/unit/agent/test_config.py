"""Tests for the floor file: what it means, and that whatever is wrong is told at once, in place."""

import contextlib
import functools
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from agent.address import Address
from agent.config import FloorConfig, Mqtt, Snmp, load_floor
from agent.credentials import Secret, Vault
from agent.floor_broker import BrokerPart
from agent.floor_credentials import AuthPart, CredentialPart, PrivacyPart
from agent.floor_format import BayPart, DefaultsPart, DevicePart, FloorPart, WebhookPart
from agent.floor_part import duration
from collectors.document import DocumentError, parse
from collectors.profile import load_profiles

FLOOR = """\
floor: rackproof.floor/1
listen: 127.0.0.1:9108
data: data
database: null
credentials:
  lab: {version: 2c, community: public}
  hall: {version: 1, community: {file: secrets/hall}}
  cage: {version: "2c", community: {env: CAGE}}
brokers:
  hall: {url: "mqtt://127.0.0.1:1883", dialects: [dsx, json]}
defaults: {credentials: lab, interval: 10 s, timeout: 2 s, retries: 1}
bays:
  bay-01:
    devices:
      feedA: {address: 10.1.1.10}
      feedB: {address: "10.1.1.11:1161", credentials: hall, interval: 500 ms, retries: 0}
      cdu: {broker: hall, dialect: dsx, match: {objectType: CDU, tagPath: "site1/row3/cdu5/#"}}
  bay-02:
    devices:
      rack: {address: "[2001:DB8::1]:161", credentials: cage, timeout: 1.5 s, profile: standard}
webhooks:
  mes: {url: "https://mes.example/hooks?id=7", secret: {file: secrets/mes}, events: [verdict]}
"""
NONE = Secret(b"")
SPEC = "    spec: spec.yaml\n    devices:\n      feedA"


@pytest.fixture(autouse=True, scope="module")
def _loaded_once() -> Iterator[None]:
    """Load the profiles once: they take most of the time, and are not what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.config.load_profiles", functools.cache(load_profiles))
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with the secrets that the floor file refers to."""
    (tmp_path / "secrets").mkdir()
    for name, text in (("hall", "correct horse\n"), ("mes", "0123456789abcdef\n")):
        secret = tmp_path / "secrets" / name
        secret.write_text(text)
        secret.chmod(0o600)
    return tmp_path


def load(folder: Path, text: str = FLOOR) -> FloorConfig:
    """Load a floor file of this text."""
    path = folder / "floor.yaml"
    path.write_text(text)
    return load_floor(path, {"CAGE": "battery staple"})


def problems(folder: Path, text: str) -> list[str]:
    """Return what is wrong with a floor file, each as `line: key: text`."""
    with pytest.raises(DocumentError) as refused:
        load(folder, text)
    assert all(Path(problem.file).parent == folder for problem in refused.value.problems)
    return [f"{p.line}: {p.key}: {p.text}" for p in refused.value.problems]


def line_of(text: str, part: str) -> int:
    """Return the number of the first line that has `part`."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_floor_file_means_what_it_says(folder: Path) -> None:
    """Defaults fill in, units are read, and every secret is fetched from where it lies."""
    floor = load(folder)
    first, second = floor.bays["bay-01"].devices, floor.bays["bay-02"].devices

    assert (floor.listen, floor.data) == (Address("127.0.0.1", 9108), folder / "data")
    feed_a, feed_b, cage = first["feedA"].source, first["feedB"].source, second["rack"].source
    assert isinstance(feed_a, Snmp)
    assert isinstance(feed_b, Snmp)
    assert isinstance(cage, Snmp)
    assert feed_a.address == Address("10.1.1.10", 161)
    assert (feed_a.version, feed_a.timeout_s, feed_a.retries) == ("2c", 2.0, 1)
    assert (feed_b.version, feed_b.retries, first["feedB"].interval_s) == ("1", 0, 0.5)
    assert (feed_b.community or NONE).reveal() == b"correct horse"
    assert (cage.community or NONE).reveal() == b"battery staple"
    assert (str(cage.address), cage.timeout_s) == ("[2001:db8::1]:161", 1.5)
    assert second["rack"].profile == "standard"
    match = {"objectType": "CDU", "tagPath": "site1/row3/cdu5/#"}
    cdu = first["cdu"].source
    assert isinstance(cdu, Mqtt)
    assert (cdu.broker, cdu.source.mqtt.dialect, cdu.source.match) == ("hall", "dsx", match)
    assert floor.brokers["hall"].address == Address("127.0.0.1", 1883)
    mes = floor.webhooks["mes"]
    assert (mes.url.host, mes.url.encrypted, mes.url.target) == ("mes.example", True, "/hooks?id=7")
    assert mes.url.address == Address("mes.example", 443)
    assert (mes.secret.reveal(), mes.events) == (b"0123456789abcdef", frozenset({"verdict"}))
    assert floor.warnings == ()


def test_the_shortest_floor_file_has_one_device(tmp_path: Path) -> None:
    """Everything else has a default."""
    text = """\
floor: rackproof.floor/1
credentials: {lab: {version: 2c, community: public}}
bays: {b: {devices: {pdu: {address: pdu.example, credentials: lab}}}}
"""
    device = load(tmp_path, text).bays["b"].devices["pdu"]

    assert device.interval_s == 10.0
    assert isinstance(device.source, Snmp)
    assert str(device.source.address) == "pdu.example:161"


def test_loading_twice_changes_nothing(folder: Path) -> None:
    """A reload opens anew only the bays that changed, so equal files must give equal bays."""
    before = load(folder).bays
    (folder / "secrets" / "hall").write_text("another word\n")
    after = load(folder).bays

    assert before["bay-02"] == after["bay-02"]
    assert before["bay-01"] != after["bay-01"]


DAMAGE = {  # what is written instead of what, and the complaint about it
    "the schema": ("proof.floor/1", "proof.floor/2", "floor", "want `floor: rackproof.floor/1`"),
    "an unknown key": ("data: data", "date: data", "date", "unknown key"),
    "a duplicate key": ("data: data", "listen: 127.0.0.1:1", "listen", "duplicate key, first on"),
    "a public address": ("127.0.0.1:9108", "0.0.0.0:9108", "listen", "needs web.config (TLS"),
    "a bare port": ("127.0.0.1:9108", "9108", "listen", "want HOST:PORT"),
    "a database": ("database: null", "database: pg://x", "database", "not available in this"),
    "a literal secret": ("public}", "s3same}", "credentials.lab.community", "must not stand in"),
    "a missing file": ("secrets/hall}", "secrets/x}", "credentials.hall.community", "No such file"),
    "a missing variable": ("env: CAGE", "env: PAGE", "credentials.cage.community", "PAGE is not"),
    "version 3": ("version: 1,", "version: 3, user: x,", "credentials.hall",
                  "version 3 has no community"),
    "version 2": ("version: 1", "version: 2", "credentials.hall.version", "want 1, 2c or 3"),
    "no community": (", community: public", "", "credentials.lab", "community is missing"),
    "a user of v2c": ("public}", "public, user: x}", "credentials.lab", "belong to version 3"),
    "broker scheme": ("mqtt://", "ws://", "brokers.hall.url", "want mqtts://HOST:PORT"),
    "a broker's password": ("mqtt://", "mqtt://u:p@", "brokers.hall.url", "user or password"),
    "a dialect": ("dsx, json", "dsx, jsn", "brokers.hall.dialects.1", "'json' or 'sparkplug'"),
    "a bare number": ("10 s", "10", "defaults.interval", "10 has no unit; write `10 s`"),
    "a wrong unit": ("10 s", "10 A", "defaults.interval", "ms, s, min or h"),
    "a long time": ("10 s", "10 h", "defaults.interval", "out of bounds; want 0.1 s to 3600 s"),
    "a short timeout": ("1.5 s", "1 ms", "bays.bay-02.devices.rack.timeout", "out of bounds"),
    "many retries": ("retries: 1}", "retries: 99}", "defaults.retries", "less than or equal to 10"),
    "default credentials": ("credentials: lab,", "credentials: lap,", "defaults.credentials",
                            "no credentials 'lap'; did you mean 'lab'?"),
    "credentials": ("credentials: hall,", "credentials: halt,",
                    "bays.bay-01.devices.feedB.credentials", "did you mean 'hall'?"),
    "no credentials": ("defaults: {credentials: lab, ", "defaults: {", "bays.bay-01.devices.feedA",
                       "credentials are missing; name some here or under defaults"),
    "a broker": ("broker: hall", "broker: tall", "bays.bay-01.devices.cdu.broker", "mean 'hall'?"),
    "a dialect not spoken": ("[dsx, json]", "[json]", "bays.bay-01.devices.cdu.dialect",
                             "its broker speaks json; add dsx to its dialects"),
    "no dialect": ("dialect: dsx, ", "", "bays.bay-01.devices.cdu", "dialect is missing"),
    "a match of nothing": ("objectType", "objectKind",
                           "bays.bay-01.devices.cdu.match.objectKind", "unknown key; write one of"),
    "a match of all": (', tagPath: "site1/row3/cdu5/#"', "", "bays.bay-01.devices.cdu.match",
                       "tagPath is missing; without it every device of the bus fits"),
    "a gateway without profile": ("dialect: dsx", "dialect: json", "bays.bay-01.devices.cdu",
                                  "profile is missing: which messages are these?"),
    "a profile of another dialect": ("dialect: dsx", "dialect: dsx, profile: json_room",
                                     "bays.bay-01.devices.cdu.profile",
                                     "'json_room' speaks json; write one of dsx_bms"),
    "an address twice": ("10.1.1.11:1161", "10.1.1.10:161", "bays.bay-01.devices.feedB",
                         "10.1.1.10:161 is bay-01/feedA (line 15) as well"),
    "an address in two bays": ("[2001:DB8::1]:161", "10.1.1.10", "bays.bay-02.devices.rack",
                               "is bay-01/feedA (line 15) as well"),
    "no address": ("10.1.1.10", "10.1.1.300", "bays.bay-01.devices.feedA.address", "not an IPv4"),
    "a group": ("10.1.1.10", "239.0.0.1", "bays.bay-01.devices.feedA.address", "of one device"),
    "two ways": ("{broker", "{address: h, broker", "bays.bay-01.devices.cdu", "want either"),
    "no way": ("{address: 10.1.1.10}", "{}", "bays.bay-01.devices.feedA", "want either address"),
    "SNMP's key": ("dialect: dsx,", "dialect: dsx, retries: 1,", "bays.bay-01.devices.cdu.retries",
                   "retries has no meaning for a device with broker"),
    "MQTT's key": ("{address: 10.1.1.10}", "{address: 10.1.1.10, match: {a: b}}",
                   "bays.bay-01.devices.feedA.match", "match has no meaning for a device with add"),
    "a profile": ("profile: standard", "profile: standart", "bays.bay-02.devices.rack.profile",
                  "no profile 'standart'; did you mean 'standard'?"),
    "a profile of SNMP": ("dialect: dsx,", "dialect: dsx, profile: standard,",
                          "bays.bay-01.devices.cdu.profile", "is for snmp, this device is reached"),
    "a bay's name": ("bay-01", "Bay 1", "bays.Bay 1", "not a name; use a-z, 0-9"),
    "a device's name": ("feedA:", "feed/A:", "bays.bay-01.devices.feed/A", "not a name; use A-Z"),
    "a long name": ("feedA:", f"{'f' * 64}:", f"bays.bay-01.devices.{'f' * 64}", "at most 63"),
    "a taken name": ("feedA:", "derived:", "bays.bay-01.devices.derived", "this name is taken"),
    "a numeric name": ("feedA:", "7:", "bays.bay-01.devices.7", "a name must be text"),
    "a list": ("{address: 10.1.1.10}", "[10.1.1.10]", "bays.bay-01.devices.feedA", "want keys"),
    "no devices": ("bay-02:\n", "bay-03: {}\n  bay-02:\n", "bays.bay-03.devices", "missing"),
    "an absent spec": ("    devices:\n      feedA", SPEC, "bays.bay-01.spec", "No such file"),
    "a receiver's password": ("https://", "https://u:p@", "webhooks.mes.url", "user or password"),
    "a receiver's scheme": ("https://", "ftp://", "webhooks.mes.url", "want http://HOST/PATH or"),
    "a receiver's path": ("hooks?id", "hooks id", "webhooks.mes.url", "visible ASCII"),
    "a receiver's fragment": ("?id=7", "#id", "webhooks.mes.url", "is never sent; remove it"),
    "a receiver's host": ("mes.example", "-", "webhooks.mes.url", "neither an IP address nor a"),
    "a short secret": ("secrets/mes", "secrets/hall", "webhooks.mes.secret", "openssl rand -hex"),
    "a public secret": ("{file: secrets/mes}", "public", "webhooks.mes.secret", "less than 16"),
    "a kind of news": ("[verdict]", "[verdicts]", "webhooks.mes.events.0", "'stage' or 'verdict'"),
    "no news": ("[verdict]", "[]", "webhooks.mes.events", "at least 1 item"),
    "a receiver's name": ("  mes:", "  Mes:", "webhooks.Mes", "not a name; use a-z"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "complaint"), DAMAGE.values(), ids=DAMAGE)
def test_each_damage_is_refused_at_its_line(
    folder: Path, old: str, new: str, key: str, complaint: str
) -> None:
    """And nothing else is said: one mistake is one message."""
    assert old in FLOOR
    text = FLOOR.replace(old, new, 1)
    changed = [
        n
        for n, (a, b) in enumerate(zip(FLOOR.split("\n"), text.split("\n"), strict=False), 1)
        if a != b
    ]

    found = [each for each in problems(folder, text) if each.split(": ")[1] == key]

    assert len(found) == 1
    assert complaint in found[0]
    moved = key in ("bays.bay-01.devices.feedA", "bays.bay-01.devices.cdu.dialect")
    assert moved or int(found[0].split(":")[0]) == changed[0]


def test_all_is_told_at_once(folder: Path) -> None:
    """Whoever mends a file wants to mend it once: form, references and other files together."""
    text = FLOOR
    for name in ("a bare port", "a literal secret", "a missing file", "version 2", "broker scheme",
                 "a wrong unit", "credentials", "an address twice", "a profile", "a taken name",
                 "an absent spec"):  # fmt: skip
        old, new, _, _ = DAMAGE[name]
        if old in text:
            text = text.replace(old, new, 1)

    found = problems(folder, text)

    assert len(found) >= 10
    lines = [int(each.split(":")[0]) for each in found]
    assert lines == sorted(lines)


@given(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=6, max_size=40))
def test_no_complaint_repeats_a_secret(word: str) -> None:
    """Not even when it stands where none may: messages go to logs and screens of others."""
    secret = f"q{word}"
    for community in (f'"{secret}"', f'["{secret}"]', f'{{word: "{secret}"}}'):
        text = FLOOR.replace("community: public", f"community: {community}")
        path = Path(__file__).parent / "absent"
        with pytest.raises(DocumentError) as refused:
            _load_text(path, text)
        assert secret not in str(refused.value)


def _load_text(path: Path, text: str) -> None:
    """Check a text as a floor file of a folder that has no secrets."""
    document = parse(text, str(path))
    try:
        FloorPart.model_validate(document.data, context=Vault(path, {}))
    except ValidationError as error:
        raise DocumentError(document.problems_of(error)) from None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


def _paths(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in a document."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[key], (*path, key))


@given(st.data())
def test_whatever_stands_wherever_is_accepted_or_a_problem(data: st.DataObject) -> None:
    """Never a stack: a person who writes a list where a name belongs is told so."""
    floor = {"floor.yaml": parse(FLOOR, "").data}
    path = ("floor.yaml", *data.draw(st.sampled_from(list(_paths(floor["floor.yaml"])))))
    parent: Any = floor
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = data.draw(json_values)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "floor.yaml")
        file.write_text(json.dumps(floor["floor.yaml"]))
        with contextlib.suppress(DocumentError):
            load_floor(file, {})


units = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


@given(st.integers(1, 10**6), st.sampled_from(list(units)), st.sampled_from(["", " ", "  "]))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: str, space: str) -> None:
    """With or without a space, for people write both."""
    assert duration(f"{number}{space}{unit}", 0, 1e12) == pytest.approx(number * units[unit])


@pytest.mark.parametrize(
    "value", ["", "s", "10", "-1 s", "1e3 s", "1 S", "1 s ", "inf s", "1.s", None, True, [1]]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    """A number that might be seconds or milliseconds is nobody's to guess."""
    with pytest.raises(ValueError, match="want a number and ms, s, min or h"):
        duration(value, 0, 1e12)


def test_one_gateway_of_each_bay_is_no_duplicate(folder: Path) -> None:
    """Their topics hold the bay's name; two devices of one bay with one topic are one."""
    room = "      ROOM: {broker: hall, dialect: json, profile: json_room}\n"
    text = FLOOR.replace("      cdu:", room.replace("ROOM", "room") + "      cdu:")
    text = text.replace("      rack:", room.replace("ROOM", "room") + "      rack:")
    assert load(folder, text).bays["bay-02"].devices["room"].source

    twice = text.replace("      cdu:", room.replace("ROOM", "hall") + "      cdu:")
    assert len(problems(folder, twice)) == 1
    assert "is bay-01/room (line 17) as well" in problems(folder, twice)[0]


def test_a_spec_is_loaded_once_and_fitted_to_the_bay(folder: Path, shared: Path) -> None:
    """A device unknown to the spec is shown and not judged; one that lacks stays unknown."""
    spec = (shared / "examples" / "nvl72-lc-132kw.yaml").read_bytes()
    (folder / "spec.yaml").write_bytes(spec)
    text = FLOOR.replace("    devices:", "    spec: spec.yaml\n    devices:")
    text = text.replace("feedB:", "feedC:")

    floor = load(folder, text)

    one, two = floor.bays.values()
    assert one.spec is not None
    assert one.spec is two.spec
    assert one.spec_hash == one.spec.spec.canonical_hash
    said = [str(warning).split(": ", 1)[1] for warning in floor.warnings]
    assert any(re.match(r"bays.bay-01.devices: without feedB, power_shelf1..8, ", s) for s in said)
    assert any(s.startswith("bays.bay-01.devices.feedC: not in the spec") for s in said)


def test_a_map_to_a_channel_that_the_spec_lacks_is_refused(folder: Path, shared: Path) -> None:
    """Else the channel would stay unknown for ever, and nobody would know why."""
    spec = (shared / "examples" / "nvl72-lc-132kw.yaml").read_bytes()
    (folder / "spec.yaml").write_bytes(spec)
    text = FLOOR.replace("    devices:\n      feedA: {", SPEC + ": {map: {powr: a/b}, ")

    place = f"{line_of(text, 'powr')}: bays.bay-01.devices.feedA.map.powr"
    said = "no feed_meter channel 'powr'; did you mean 'power'?"
    assert problems(folder, text) == [f"{place}: {said}"]


def test_the_problems_of_a_spec_are_told_with_its_own_lines(folder: Path, shared: Path) -> None:
    """Together with those of the floor file, once however many bays share it."""
    spec = (shared / "examples" / "nvl72-lc-132kw.yaml").read_text()
    (folder / "spec.yaml").write_text(spec.replace("status: released", "status: relesed"))
    text = FLOOR.replace("    devices:", "    spec: spec.yaml\n    devices:")

    found = problems(folder, text.replace("data: data", "date: data"))

    of_the_spec = [each for each in found if "status" in each]
    assert len(of_the_spec) == 1
    assert of_the_spec[0].startswith(f"{line_of(spec, 'status:')}: status: ")
    assert any("date: unknown key" in each for each in found)


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_file_that_cannot_be_read_is_a_problem_of_it(tmp_path: Path, name: str) -> None:
    """As a line like all others, so that a reload can refuse it like any bad file."""
    with pytest.raises(DocumentError, match=r":1: .*; check the path"):
        load_floor(tmp_path / name)


def test_the_example_of_the_documentation_is_a_floor_file(tmp_path: Path) -> None:
    """Whoever copies it gets no complaint but about the files that it refers to."""
    page = (Path(__file__).parents[3] / "docs" / "floor.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]

    keys = {each.split(": ")[1] for each in problems(tmp_path, example)}

    assert keys <= {"credentials.hall.community", "bays.bay-01.spec", "webhooks.mes.secret"}


@pytest.mark.parametrize(
    "part",
    [
        FloorPart,
        CredentialPart,
        AuthPart,
        PrivacyPart,
        BrokerPart,
        WebhookPart,
        DefaultsPart,
        BayPart,
        DevicePart,
    ],
)
def test_every_key_is_documented(part: type[BaseModel]) -> None:
    """Each has a row in a table of docs/floor.md."""
    page = (Path(__file__).parents[3] / "docs" / "floor.md").read_text()

    for key in part.model_fields:
        assert f"\n| `{key}` |" in page


def test_a_floor_of_two_hundred_bays_is_one_file(tmp_path: Path) -> None:
    """The bounds on a file's size leave room for the floor that is designed for."""
    head = "floor: rackproof.floor/1\ncredentials: {lab: {version: 2c, community: public}}\n"
    rows = [head, "defaults: {credentials: lab}\nbays:\n"]
    for bay in range(238):
        rows.append(f"  bay-{bay:03}:\n    devices:\n")
        rows += [f"      d{n}: {{address: 10.{n}.1.{bay + 1}}}\n" for n in range(20)]

    assert sum(len(bay.devices) for bay in load(tmp_path, "".join(rows)).bays.values()) == 4760


def test_hardware_addresses_belong_to_one_device_that_the_spec_knows(
    folder: Path, shared: Path
) -> None:
    """Read them in any writing; refuse what is none, what two have, and who is nobody."""
    spec = (shared / "examples" / "nvl72-lc-132kw.yaml").read_text()
    (folder / "spec.yaml").write_text(spec)
    text = """\
floor: rackproof.floor/1
credentials: {lab: {version: 2c, community: public}}
bays:
  bay-01:
    spec: spec.yaml
    macs: {power_shelf1: "7C-8C-09-AA-BB-01", bay_spine: 7c8c.09aa.bb02}
    devices:
      feedA: {address: 10.1.1.10, credentials: lab}
"""
    floor = load(folder, text)
    assert floor.bays["bay-01"].macs == {
        "7c:8c:09:aa:bb:01": "power_shelf1",
        "7c:8c:09:aa:bb:02": "bay_spine",
    }
    assert any("macs of power_shelf2..8 are missing" in w.text for w in floor.warnings)
    wrong = text.replace("bay_spine: 7c8c.09aa.bb02", "power_shelf9: '7c:8c:09:aa:bb:01', cdu: 7c")
    found = problems(folder, wrong)
    assert any("no device 'power_shelf9'" in each for each in found)
    assert any("7c:8c:09:aa:bb:01 is bay-01/power_shelf1 (line 6) as well" in e for e in found)
    assert any("want a MAC address in quotes" in each for each in found)
