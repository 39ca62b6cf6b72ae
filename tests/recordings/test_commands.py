"""The commands that talk to devices, on recordings of real ones served by a foreign agent."""

import functools
import json
import math
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import answer
from agent.commands.snmp_options import COMMUNITY_VARIABLE
from agent.exits import Exit
from collectors.binding import bind
from collectors.profile import load_profiles
from collectors.readings import Quality
from collectors.recording import answer as answer_of
from collectors.recording import identified, read

UNITS = {"A", "V", "W", "VA", "var", "kWh", "Hz", "degC", "K", "%RH", "%", "1", "rpm", "Pa", "kPa",
         "L/min", "m3/s", "dBm", "dB", "uS/cm", "s", ""}  # fmt: skip
READING = {"channel", "quantity", "value", "unit", "quality", "oid", "raw", "state"}
DEVICE = {"address", "profile", "kind", "vendor", "model", "serial", "firmware", "sys_object_id",
          "sys_descr"}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _loaded_once() -> Iterator[None]:
    """Load the profiles once for all commands."""
    with pytest.MonkeyPatch.context() as patch:
        cached = functools.cache(load_profiles)
        for module in ("probe", "record"):
            patch.setattr(f"agent.commands.{module}.load_profiles", cached)
        yield


@pytest.fixture(scope="module")
def devices(shared: Path) -> Iterator[dict[str, str]]:
    """Serve every recording on an address of its own; returns name -> address."""
    with socket.socket(type=socket.SOCK_DGRAM) as trial:
        trial.bind(("127.84.0.1", 0))
        port = trial.getsockname()[1]
    program = shared / "tools" / "replay_agent.py"
    recordings = sorted((shared / "recordings").rglob("*.snmprec"))
    command: list[str | Path] = [
        sys.executable,
        program,
        "--port",
        str(port),
        "--net",
        "127.84",
        *recordings,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        try:
            lines = iter(agent.stdout.readline, "ready\n")
            yield {name: address for address, name in map(str.split, lines)}
        finally:
            agent.kill()


def probed(address: str, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    """Return what `probe --json` says of a device."""
    assert answer(["probe", address, "--json", *options]) == Exit.YES
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_every_device_is_probed_as_it_was_recorded(
    devices: dict[str, str], shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over the wire comes what the recording holds: profile, channels, values and raw values."""
    profiles = load_profiles()
    for path in sorted((shared / "recordings").rglob("*.snmprec")):
        rows = read(path)
        profile = identified(rows, profiles)
        layout = bind(profile, rows)
        values, quality, _ = layout.convert(*answer_of(layout, rows))

        document = probed(devices[path.stem], capsys)

        assert document.keys() == {"device", "readings", "unread", "requests", "seconds"}
        assert isinstance(document["device"], dict)
        assert document["device"].keys() == DEVICE
        assert document["device"]["profile"] == profile.name, path.stem
        assert document["device"]["serial"] == layout.identity.serial
        readings = document["readings"]
        assert isinstance(readings, list)
        assert [r["oid"] for r in readings] == [c.source for c in layout.channels], path.stem
        for reading, value, why in zip(readings, values, quality, strict=True):
            assert reading.keys() == READING
            assert reading["unit"] in UNITS
            assert reading["quality"] == Quality(int(why)).name.lower()
            assert reading["value"] == (None if math.isnan(value) else value)
            raw = rows.get(reading["oid"])
            assert reading["raw"] == raw if isinstance(raw, int) else True
            if reading["quantity"] == "state":
                assert reading["unit"] == ""


def test_a_device_is_shown_to_a_person(
    devices: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Who it is, a line a channel, and a sum."""
    assert answer(["probe", devices["raritan-pdu_px3"]]) == Exit.YES

    shown = capsys.readouterr().out
    assert "Raritan PX3-5493U-K2" in shown
    assert re.search(r"^inlet/1/power +1665 +W$", shown, re.MULTILINE)
    assert re.search(r"^breaker/1/breaker +closed$", shown, re.MULTILINE)
    assert re.search(
        r"^\d+ readings, \d+ good; .* \d+ requests in \d+\.\d\d s$", shown, re.MULTILINE
    )


def test_what_belongs_to_a_port_stands_together(
    devices: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A person looks for a port, not for all ports' counters of one kind."""
    assert answer(["probe", devices["arista_eos"]]) == Exit.YES

    told = capsys.readouterr().out
    assert re.search(r"module_temp +[\d.]+ +degC +its own limits: -?\d+\.\.\d+", told)
    assert re.search(r"rx_light +dark +not ok", told)
    shown = re.findall(r"^(port/[^/ ]+)/", told, re.MULTILINE)
    runs = [port for n, port in enumerate(shown) if n == 0 or shown[n - 1] != port]
    assert len(runs) == len(set(runs)) > 1


def test_a_profile_can_be_named(
    devices: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """For a device that lies about itself."""
    document = probed(devices["arista_eos"], capsys, "--profile", "standard")

    assert isinstance(document["device"], dict)
    assert document["device"]["profile"] == "standard"


def test_version_one_reads_the_same(
    devices: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Old devices speak nothing else."""
    one = probed(devices["raritan-pdu"], capsys, "--version", "1")
    two = probed(devices["raritan-pdu"], capsys)

    assert one["readings"] == two["readings"]


@pytest.mark.parametrize("command", [["probe"], ["probe", "--json"], ["record", "-o", "x.snmprec"]])
def test_a_wrong_community_is_silence_and_is_not_repeated(
    devices: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    """The device does not tell it from being switched off; the likeliest reason comes first."""
    monkeypatch.setenv(COMMUNITY_VARIABLE, "Zq7canary")
    options = [devices["arista_eos"], "--timeout", "100ms", "--retries", "0"]

    assert answer([*command, *options]) == Exit.UNDECIDED

    shown = capsys.readouterr()
    assert "the community is another" in shown.err.splitlines()[-4]
    assert "canary" not in shown.out + shown.err
    if "--json" in command:
        assert json.loads(shown.out)["error"] == "timeout"
    assert not Path("x.snmprec").exists()


def test_an_address_where_nobody_listens_is_told_at_once(
    devices: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The network says so; there is no need to wait for a timeout."""
    port = next(iter(devices.values())).rpartition(":")[2]

    assert answer(["probe", f"127.84.200.200:{port}", "--timeout", "60s"]) == Exit.UNDECIDED

    assert "nothing listens at this port" in capsys.readouterr().err


def test_a_name_that_nobody_knows_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be a slip, or the name server is away: undecided."""
    assert answer(["probe", "no-such-host.invalid"]) == Exit.UNDECIDED

    assert "no-such-host.invalid" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["raritan-pdu_px3", "arista_eos", "apc-inrow", "liebert_mph2rg"])
def test_a_recording_of_a_recording_is_the_same(
    devices: dict[str, str], shared: Path, tmp_path: Path, name: str
) -> None:
    """Every object in its type: what is served again is what the device said."""
    output = tmp_path / "copy.snmprec"

    assert answer(["record", devices[name], "-o", str(output)]) == Exit.YES

    (original,) = (shared / "recordings").rglob(f"{name}.snmprec")
    assert read(output) == read(original)
    tags = [[line.split(b"|")[1].rstrip(b"x") for line in sorted(path.read_bytes().splitlines())]
            for path in (output, original)]  # fmt: skip
    assert tags[0] == tags[1]


def test_a_redacted_recording_tells_nobody(
    devices: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No serial, MAC or address of the original is left, and a profile still reads it."""
    output = tmp_path / "apc_ap7900b.snmprec"

    assert answer(["record", devices["apc_ap7900b"], "-o", str(output), "--redact"]) == Exit.YES

    assert b"ZA1732000177" not in output.read_bytes()
    rows = read(output)
    assert not [oid for oid in rows if oid.startswith("1.3.6.1.6.3.")]
    assert "replaced" in capsys.readouterr().out
    assert identified(rows, load_profiles()).name == "apc_rpdu2"
