"""`rackproof check` and `doctor` on a floor with a real broker: right, and wrong in each way."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from agent.cli import answer
from agent.commands import doctor
from agent.exits import Exit
from collectors.mqtt import trial
from tests.oracles.brokers import MOSQUITTO, ROOM, Authority, Mosquitto, room

DAY: Final = dt.timedelta(days=1)
FLOOR: Final = """\
floor: rackproof.floor/1
brokers:
  hall:
    url: mqtts://127.0.0.1:{port}
    dialects: [json]
    protocol: 5
    ca: authority.pem
    certificate: {certificate}.pem
    key: {{file: {certificate}.key}}
bays:
  bay-01: {{devices: {{room: {{broker: hall, profile: json_room}}}}}}
"""


class Site:
    """A folder with a floor file, certificates and a broker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.authority.sign("agent", ends=100 * DAY)
        certificate, key = self.authority.sign("broker", ends=100 * DAY)
        lines = (f"certfile {certificate}", f"keyfile {key}", f"cafile {self.authority.file}")
        self.broker = Mosquitto(folder, *lines, "require_certificate true")
        self.write("agent")

    def write(self, certificate: str) -> None:
        """Write the floor file, for one certificate of the agent's."""
        text = FLOOR.format(port=self.broker.port, certificate=certificate)
        (self.folder / "floor.yaml").write_text(text)

    def ask(self, command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
        """Run a command on the floor file; return its code, and what it says to a program."""
        capsys.readouterr()
        code = answer([command, str(self.folder / "floor.yaml"), "--json"])
        return code, json.loads(capsys.readouterr().out)

    def found(self, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
        """Return what `doctor` found of the broker."""
        _, document = self.ask("doctor", capsys)
        (finding,) = (each for each in document["findings"] if each["check"] == "broker hall")
        return dict(finding)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site whose broker is yet to be started."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    monkeypatch.setattr(trial, "LISTEN_S", 1.0)
    monkeypatch.setattr(doctor, "CHECKS", ())  # of the installation
    made = Site(tmp_path)
    yield made
    made.broker.kill()


def test_doctor_says_what_a_broker_lacks(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Not there; there, and nobody speaks; and all well, told with how it is spoken to."""
    assert site.found(capsys)["result"] == "wrong"
    assert "Is it running" in site.found(capsys)["remedy"]

    site.broker.start()
    silent = site.found(capsys)
    assert (silent["result"], "bay-01/room" in silent["found"]) == ("note", True)

    site.broker.publish(ROOM, room(24.5), "-r")
    well = site.found(capsys)
    assert well["result"] == "ok"
    assert "MQTT 5, TLSv1.3; every device was heard" in well["found"]


def test_doctor_disturbs_nobody(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """It publishes nothing, and has a name of its own; a message comes to others as before."""
    site.broker.start()
    heard: list[str] = []
    listener = threading.Thread(target=lambda: heard.append(site.broker.first(("-t", "#"))))
    listener.start()
    site.found(capsys)
    site.broker.publish("end", "end")
    listener.join()
    assert heard == ['end "end"']


def test_a_certificate_of_ours_that_ends_is_told(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """By `check` without asking anybody, and by `doctor` as the broker sees it."""
    site.broker.start()
    site.broker.publish(ROOM, room(24.5), "-r")
    for ends, warned, result, found in (
        (3 * DAY, "expires in 3 days; renew it", "note", "expires in 3 days; renew it"),
        (-DAY, "has expired; it needs a new one", "wrong", "our certificate has expired"),
    ):
        site.authority.sign("agent", begins=-2 * DAY, ends=ends)
        code, checked = site.ask("check", capsys)
        assert code == Exit.YES
        assert any(warned in each["text"] for each in checked["warnings"])
        tried = site.found(capsys)
        assert tried["result"] == result
        assert found in tried["found"]
