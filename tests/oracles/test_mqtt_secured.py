"""TLS, users, and both versions of MQTT, against a real Mosquitto with certificates of its own."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from collectors.mqtt.access import Access, Trust, Version
from collectors.mqtt.subscriber import State
from tests.oracles.brokers import (
    LOOPBACK,
    MOSQUITTO,
    ROOM,
    Authority,
    Ear,
    Mosquitto,
    room,
    running,
)

VERSIONS: Final = pytest.mark.parametrize("version", Version, ids=lambda v: v.value)
HOUR: Final = timedelta(hours=1)
Start = Callable[..., Mosquitto]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a way to start a broker with some lines of configuration."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    begun: list[Mosquitto] = []

    def begin(*lines: str, anonymous: bool = True) -> Mosquitto:
        """Start one."""
        begun.append(Mosquitto(tmp_path, *lines, anonymous=anonymous))
        begun[-1].start()
        return begun[-1]

    yield begin
    for each in begun:
        each.kill()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return who signs what brokers and agents show."""
    return Authority(tmp_path)


def served(certificate: tuple[Path, Path], *more: str) -> list[str]:
    """Configure a listener with TLS."""
    return [f"certfile {certificate[0]}", f"keyfile {certificate[1]}", *more]


@VERSIONS
async def test_values_come_over_tls_with_certificates_on_both_sides(
    start: Start, authority: Authority, version: Version
) -> None:
    """As a careful hall has it: nobody unknown connects, and nobody listens in."""
    ours, key = authority.sign("agent")
    broker = start(
        *served(authority.sign("broker"), f"cafile {authority.file}", "require_certificate true")
    )
    trust = Trust(authorities=authority.file, certificate=ours, key=key)
    async with running(Ear(broker.port, Access(trust=trust, version=version))) as ear:
        ear.watch("bay-01/room", "json_room")
        await ear.connected()
        broker.publish(ROOM, room(24.5))
        await ear.until(lambda: ear.value("bay-01/room", "temperature") == 24.5)
        broker.kill()
        await ear.refused()
        broker.start()
        await ear.connected()
        broker.publish(ROOM, room(25.5))
        await ear.until(lambda: ear.value("bay-01/room", "temperature") == 25.5)


FLAWS: Final = {
    "expired": ({"ends": -HOUR}, "has expired"),
    "not yet valid": ({"begins": HOUR}, "not valid yet; compare the clocks"),
    "another machine's": ({"host": "10.9.9.9"}, f"is not for {LOOPBACK}"),
    "a name's, not an address's": ({"host": "localhost"}, f"is not for {LOOPBACK}"),
}


@pytest.mark.parametrize(("flaw", "said"), FLAWS.values(), ids=FLAWS)
async def test_a_broker_whose_certificate_is_wrong_is_never_spoken_to(
    start: Start, authority: Authority, flaw: dict[str, object], said: str
) -> None:
    """And it is said in one sentence what is wrong with it."""
    broker = start(*served(authority.sign("broker", **flaw)))  # type: ignore[arg-type]
    ear = Ear(broker.port, Access(trust=Trust(authorities=authority.file), user="u", password=b"p"))
    async with running(ear):
        assert said in await ear.refused()
    assert ear.subscriber.connections == 0


async def test_a_broker_that_somebody_else_vouches_for_is_never_spoken_to(
    start: Start, authority: Authority, tmp_path: Path
) -> None:
    """Whom `ca` does not name is a stranger; without it, whom the machine does not know."""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    broker = start(*served(authority.sign("broker")))
    for trust in (Trust(authorities=other.file), Trust()):
        async with running(Ear(broker.port, Access(trust=trust))) as ear:
            assert "signed by nobody in `ca`" in await ear.refused()


@VERSIONS
async def test_a_broker_that_wants_our_certificate_says_so(
    start: Start, authority: Authority, tmp_path: Path, version: Version
) -> None:
    """None given, one of a stranger's, and one that expired are three different sentences."""
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "other").sign("stranger")
    expired = authority.sign("expired", ends=-HOUR)
    broker = start(
        *served(authority.sign("broker"), f"cafile {authority.file}", "require_certificate true")
    )
    for pair, said in (
        ((None, None), "give `certificate` and `key`"),
        (stranger, "it does not know who signed our certificate"),
        (expired, "our certificate has expired"),
    ):
        trust = Trust(authorities=authority.file, certificate=pair[0], key=pair[1])
        async with running(Ear(broker.port, Access(trust=trust, version=version))) as ear:
            assert said in await ear.refused()


async def test_tls_on_one_side_only_is_recognised(start: Start, authority: Authority) -> None:
    """The commonest mistake: the right broker at the wrong one of its two ports."""
    broker = start(*served(authority.sign("broker")))
    trust = Trust(authorities=authority.file)
    async with running(Ear(broker.open_port, Access(trust=trust))) as ear:
        assert "the port without TLS" in await ear.refused()
    async with running(Ear(broker.port)) as ear:
        assert "if that port speaks TLS, write mqtts://" in await ear.refused()


def passwords(folder: Path) -> Path:
    """Write a broker's file of passwords."""
    file = folder / "passwords"
    file.touch(0o600)
    subprocess.run(["mosquitto_passwd", "-b", file, "burnin", "correct horse"], check=True)
    return file


@VERSIONS
async def test_a_user_and_a_password(start: Start, tmp_path: Path, version: Version) -> None:
    """Right, wrong, and missing; what is told never holds the password."""
    broker = start(f"password_file {passwords(tmp_path)}", anonymous=False)
    access = Access(user="burnin", password=b"correct horse", version=version)
    async with running(Ear(broker.port, access)) as ear:
        ear.watch("bay-01/room", "json_room")
        await ear.connected()
    for wrong in (replace(access, password=b"battery staple"), Access(version=version)):
        async with running(Ear(broker.port, wrong)) as ear:
            said = await ear.refused()
            assert "`user`" in said
            assert "battery" not in said
            assert "battery" not in repr(wrong)


async def test_a_certificate_renewed_in_place_is_used_without_a_reload(
    start: Start, authority: Authority
) -> None:
    """Certificates live for weeks and agents for months: the files are read at each connection."""
    expired = authority.sign("agent", ends=-HOUR)
    broker = start(
        *served(authority.sign("broker"), f"cafile {authority.file}", "require_certificate true")
    )
    trust = Trust(authorities=authority.file, certificate=expired[0], key=expired[1])
    async with running(Ear(broker.port, Access(trust=trust))) as ear:
        ear.watch("bay-01/room", "json_room")
        await ear.refused()
        authority.sign("agent")
        await ear.connected()


async def test_another_agent_with_our_client_id_is_suspected(start: Start) -> None:
    """MQTT lets one in and throws the other out, for ever; this Mosquitto does not say why."""
    broker = start()
    access = Access(client_id="rackproof-hall", session_s=60.0)
    async with running(Ear(broker.port, access)) as first:
        first.watch("bay-01/room", "json_room")
        await first.connected()
        async with running(Ear(broker.port, access)) as second:
            second.watch("bay-01/room", "json_room")
            assert "somebody else has our client_id" in await first.refused()


async def test_a_shared_key_is_read_only_if_it_is_ours(authority: Authority, start: Start) -> None:
    """A key that does not belong to its certificate is named before anything is sent."""
    one, _ = authority.sign("one")
    _, other = authority.sign("other")
    broker = start(*served(authority.sign("broker")))
    trust = Trust(authorities=authority.file, certificate=one, key=other)
    async with running(Ear(broker.port, Access(trust=trust))) as ear:
        assert f"{other} is not the key of {one}" == await ear.refused()
        assert ear.subscriber.state is not State.UP
