"""What a floor file may say of a broker, and what is refused before anything runs."""

from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from agent.credentials import Vault
from agent.floor_broker import BrokerPart
from agent.floor_mqtt import Mappings
from collectors.document import parse
from collectors.mqtt.access import Access, Trust, Version
from collectors.profile import load_profiles
from tests.oracles.brokers import Authority

PROFILES: Final = load_profiles()
SOUND: Final = {
    "url": "mqtts://broker.example",
    "dialects": ["json"],
    "ca": "authority.pem",
    "certificate": "agent.pem",
    "key": {"file": "agent.key"},
    "user": "burnin",
    "password": {"env": "WORD"},
    "protocol": 5,
    "session": "10 min",
    "client_id": "rackproof-hall",
    "group": "burnin",
}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """Return a folder with an authority's and an agent's certificate."""
    authority = Authority(tmp_path)
    authority.sign("agent")
    authority.sign("other")
    (tmp_path / "open.key").write_bytes((tmp_path / "agent.key").read_bytes())
    (tmp_path / "open.key").chmod(0o644)
    return Vault(tmp_path, {"WORD": "correct horse"})


def read(vault: Vault, **changed: Any) -> BrokerPart:  # noqa: ANN401 -- whatever a file may hold
    """Read an entry; a key changed to None is left out."""
    told = {key: value for key, value in {**SOUND, **changed}.items() if value is not None}
    return BrokerPart.model_validate(told, context=vault)


def test_all_that_may_be_said_is_understood(vault: Vault) -> None:
    """The password stays a secret, and the files stay files."""
    part = read(vault)
    folder = vault.folder
    assert (str(part.url.address), part.url.encrypted) == ("broker.example:8883", True)
    assert part.access() == Access(
        trust=Trust(
            authorities=folder / "authority.pem",
            certificate=folder / "agent.pem",
            key=folder / "agent.key",
        ),
        user="burnin",
        version=Version.FIVE,
        client_id="rackproof-hall",
        session_s=600.0,
        group="burnin",
    )
    assert part.password is not None
    assert part.password.reveal() == b"correct horse"
    assert "correct" not in repr(part)


def test_the_least_that_must_be_said(vault: Vault) -> None:
    """No TLS, nobody's name, the version that every broker speaks."""
    part = BrokerPart.model_validate({"url": "mqtt://h", "dialects": ["dsx"]}, context=vault)
    assert part.access() == Access()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"key": {"file": "other.key"}}, "other.key is not the key of"),
        ({"key": {"file": "open.key"}}, "chmod 600"),
        ({"key": "agent.key"}, "want {file: PATH}"),
        ({"key": {"file": "absent.key"}}, "No such file"),
        ({"key": {"file": "authority.pem"}}, "open to others"),
        ({"key": None}, "give both or neither"),
        ({"certificate": None}, "give both or neither"),
        ({"certificate": "agent.key"}, "holds no certificate"),
        ({"ca": "agent.key"}, "holds no certificate"),
        ({"ca": "agent.pem"}, "holds no certificate of an authority"),
        ({"ca": "absent.pem"}, "No such file"),
        ({"url": "mqtt://broker.example"}, "ca belongs to TLS; write mqtts://"),
        ({"url": "mqtts://u:p@h"}, "must not hold a user or password"),
        ({"user": None}, "password needs a user"),
        ({"user": 7}, "in quotes if it is a number"),
        ({"user": "x" * 257}, "longer than 256 bytes"),
        ({"password": "correct horse"}, "must not stand in this file"),
        ({"protocol": 4}, "want 3.1.1 or 5"),
        ({"client_id": None}, "session needs a client_id"),
        ({"client_id": "a b"}, "want letters, digits"),
        ({"group": "a/b"}, "want letters, digits"),
        ({"session": "2 d"}, "want a number and ms, s, min or h"),
        ({"session": "0 s"}, "out of bounds"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_with_what_to_do(
    vault: Vault, changed: dict[str, Any], said: str
) -> None:
    """When the file is read, and not at night when a connection is made."""
    with pytest.raises(ValidationError, match=said.replace("{", r"\{")) as refused:
        read(vault, **changed)
    assert "correct horse" not in str(refused.value.errors(include_input=False))


def test_a_key_with_a_pass_phrase_is_refused_and_nobody_is_asked(vault: Vault) -> None:
    """OpenSSL would ask at the terminal, and an agent has none."""
    file = vault.folder / "agent.key"
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"phrase"),
        )
    )
    with pytest.raises(ValidationError, match="has a pass phrase; write it without one"):
        read(vault)


KEPT: Final = """\
floor: rackproof.floor/1
brokers:
  hall: {url: "mqtt://h", dialects: [json, dsx], HALL}
  other: {url: "mqtt://h", dialects: [json], client_id: other}
bays:
  bay-01:
    spec: SPEC
    devices:
      unit: {broker: hall, dialect: DIALECT, MORE}
"""
ROOM: Final = ("json", "profile: json_room")
PLUG: Final = ("json", "profile: tasmota_plug, match: {unit: a}")
BUS: Final = ("dsx", "match: {objectType: CDU, tagPath: a}")
SESSION: Final = "session: 1 min, client_id: mine"


@pytest.mark.parametrize(
    ("hall", "spec", "device", "said"),
    [
        (SESSION, "null", ROOM, ""),
        (SESSION, "null", PLUG, "those of tasmota_plug do not say how old they are"),
        (SESSION, "null", BUS, "those of dsx_bms do not say how old they are"),
        ("group: g", "null", ROOM, ""),
        ("group: g", "null", PLUG, ""),
        ("group: g", "null", BUS, "dsx works only with all messages"),
        ("group: g", "spec.yaml", ROOM, "a bay with a spec is judged by all messages"),
        ("protocol: 5", "spec.yaml", PLUG, ""),
        ("client_id: other", "null", ROOM, "is that of broker hall as well"),
    ],
)
def test_what_is_kept_or_divided_must_still_be_evidence(
    tmp_path: Path, hall: str, spec: str, device: tuple[str, str], said: str
) -> None:
    """A message kept for an hour would look fresh, and half of the messages is half a proof."""
    text = KEPT.replace("HALL", hall).replace("SPEC", spec)
    text = text.replace("DIALECT", device[0]).replace("MORE", device[1])
    document = parse(text.encode(), str(tmp_path / "floor.yaml"))
    found = [str(problem) for problem in Mappings(document, PROFILES).problems]
    assert [said in each for each in found] == [True] * bool(said)
