"""`traps` of the floor file: where to listen, and under what devices are believed."""

import asyncio
import functools
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.address import Address
from agent.config import FloorConfig, TrapsConfig, load_floor
from agent.floor_traps import TrapsPart
from agent.traps import Traps
from collectors.document import DocumentError
from collectors.notified import Meaning
from collectors.profile import load_profiles
from collectors.snmp.hearing import Hearing
from collectors.snmp.proof import Proof
from collectors.snmp.usm import Authority, Security, User

FLOOR = """\
floor: rackproof.floor/1
{traps}
credentials:
  lab: {{version: 2c, community: public}}
  hall: {{version: 1, community: {{file: word}}}}
  secure: {{version: 3, user: watch, auth: {{protocol: SHA-256, password: {{file: word}}}}}}
defaults: {{credentials: lab}}
bays:
  bay-01:
    devices:
      feedA: {{address: 192.0.2.1}}
      feedB: {{address: 192.0.2.2, credentials: secure}}
      near: {{address: localhost}}
"""


@pytest.fixture(autouse=True, scope="module")
def _profiles() -> Iterator[None]:
    """Read the shipped profiles once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.config.load_profiles", functools.cache(load_profiles))
        yield


def load(folder: Path, traps: str) -> FloorConfig:
    """Load a floor file with such traps."""
    word = folder / "word"
    word.touch(mode=0o600)
    word.write_text("maplesyrup")
    file = folder / "floor.yaml"
    file.write_text(FLOOR.format(traps=traps))
    return load_floor(file)


def test_nobody_listens_unless_it_is_asked_for(tmp_path: Path) -> None:
    """A port is not opened by default."""
    assert load(tmp_path, "data: data").traps is None


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ('"0.0.0.0:1162"', "0.0.0.0", 1162),  # noqa: S104 -- devices come from anywhere
        ("127.0.0.1", "127.0.0.1", 162),
        ('"[::]:162"', "::", 162),
    ],
)
def test_it_listens_where_it_is_told(tmp_path: Path, listen: str, host: str, port: int) -> None:
    """At port 162 unless another is named, and not only on this machine."""
    config = load(tmp_path, f"traps: {{listen: {listen}, credentials: [hall, secure]}}")

    assert config.traps is not None
    assert config.traps.listen == (host, port)
    assert [word.reveal() for word in config.traps.communities] == [b"maplesyrup"]
    assert [user.name for user in config.traps.users] == [b"watch"]


@pytest.mark.parametrize(
    ("traps", "text"),
    [
        ("traps: {listen: 162}", "traps.listen: want HOST or HOST:PORT"),
        ('traps: {listen: "here:70000"}', "port 70000 does not exist"),
        ("traps: {}", "traps.listen"),
        ("traps: {listen: 127.0.0.1, credentials: [lab, hal]}", "did you mean 'hall'?"),
        ("traps: {listen: 127.0.0.1, community: public}", "traps.community"),
        ("traps: yes", "traps"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_line(tmp_path: Path, traps: str, text: str) -> None:
    """With what to write instead."""
    with pytest.raises(DocumentError) as found:
        load(tmp_path, traps)

    (problem,) = found.value.problems
    assert text in str(problem)
    assert problem.line == 2


async def test_every_device_may_speak_from_its_own_address(tmp_path: Path) -> None:
    """Under what it is polled with and what is for all; a name is looked up."""
    config = load(tmp_path, "traps: {listen: 127.0.0.1, credentials: [hall]}")
    hearing = Hearing(Proof(b"engine", Authority(1, 0.0), salt=1))
    traps = Traps(hearing, None, lambda _, told: Meaning(told.name), None)  # type: ignore[arg-type]

    await traps.allow(config)

    (one,), (two,) = hearing.speakers.at("192.0.2.1"), hearing.speakers.at("::ffff:192.0.2.2")
    assert (one.device, two.device) == ("bay-01/feedA", "bay-01/feedB")
    assert one.communities == {b"public", b"maplesyrup"}
    assert not one.users
    assert two.communities == {b"maplesyrup"}
    assert [user.name for user in two.users] == [b"watch"]
    assert not hearing.speakers.at("127.0.0.1")
    await traps.look_up()
    assert [near.device for near in hearing.speakers.at("127.0.0.1")] == ["bay-01/near"]
    assert not hearing.speakers.at("192.0.2.3")


def test_every_key_is_documented() -> None:
    """Each has a row in a table of docs/floor.md."""
    page = (Path(__file__).parents[3] / "docs" / "floor.md").read_text()
    for key in TrapsPart.model_fields:
        assert f"\n| `{key}` |" in page


async def test_a_reload_wins_over_keys_that_were_still_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word that was taken away is not believed, whichever thread ends last."""
    config = load(tmp_path, "traps: {listen: 127.0.0.1, credentials: [hall]}")
    hearing = Hearing(Proof(b"engine", Authority(1, 0.0), salt=1))
    traps = Traps(hearing, None, lambda _, told: Meaning(told.name), None)  # type: ignore[arg-type]
    began, goes, made = threading.Event(), threading.Event(), User.made

    def slowly(user: User, engine: bytes) -> Security:
        if began.is_set():
            return made(user, engine)
        began.set()
        assert goes.wait(60)
        return made(user, engine)

    monkeypatch.setattr(User, "made", slowly)
    adopting = asyncio.create_task(traps.allow(config))
    assert await asyncio.to_thread(began.wait, 60)
    await traps.allow(replace(config, traps=TrapsConfig(Address("127.0.0.1", 162))))
    goes.set()
    await adopting

    (speaker,) = hearing.speakers.at("192.0.2.1")
    assert speaker.communities == {b"public"}
