"""A real Mosquitto with any configuration, certificates for it, and an ear for what came."""

import asyncio
import contextlib
import datetime as dt
import functools
import ipaddress
import json
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from collectors.mqtt.access import Access
from collectors.mqtt.source import Source
from collectors.mqtt.subscriber import State, Subscriber
from collectors.profile import Profile, load_profiles
from collectors.readings import Channel, Identity, Quality, Readings

MOSQUITTO: Final = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
LOOPBACK: Final = "127.0.0.1"
PATIENCE_S: Final = 30.0  # of a test on a busy machine; nothing here takes a second when idle
ROOM: Final = "gateway/bay-01/room/telemetry"
DAY: Final = dt.timedelta(days=1)


@functools.cache
def profiles() -> dict[str, Profile]:
    """Return the shipped profiles by name, read once."""
    return {profile.name: profile for profile in load_profiles()}


class Authority:
    """Signs certificates, sound ones and others; all files lie in one folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        made = self._begin(self._name, self._key, -DAY, 100 * DAY).add_extension(
            constraints, critical=True
        )
        self.file = self._write(name, made)

    def _begin(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        begins: dt.timedelta,
        ends: dt.timedelta,
    ) -> x509.CertificateBuilder:
        """Begin with a certificate that is valid from and to so far from now."""
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
        )

    def _write(self, name: str, made: x509.CertificateBuilder) -> Path:
        """Sign a certificate and write it."""
        file = self._folder / f"{name}.pem"
        signed = made.sign(self._key, hashes.SHA256())
        file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return file

    def sign(
        self,
        name: str,
        host: str = LOOPBACK,
        begins: dt.timedelta = -DAY,
        ends: dt.timedelta = DAY,
    ) -> tuple[Path, Path]:
        """Return a certificate for a host, and its key, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._begin(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, begins, ends
        )
        try:
            san: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            san = x509.DNSName(host)
        made = made.add_extension(x509.SubjectAlternativeName([san]), critical=False)
        file = self._folder / f"{name}.key"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        file.chmod(0o600)
        return self._write(name, made), file


class Mosquitto:
    """A real broker on a port of its own."""

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True) -> None:
        with socket.socket() as free, socket.socket() as spare:
            free.bind((LOOPBACK, 0))
            spare.bind((LOOPBACK, 0))
            self.port = int(free.getsockname()[1])
            self.open_port = int(spare.getsockname()[1])  # for publishers, without TLS
        self._config = folder / "mosquitto.conf"
        rest = "\n".join(lines)
        self._config.write_text(
            f"user root\nper_listener_settings true\npersistence false\n"
            f"listener {self.open_port} {LOOPBACK}\nallow_anonymous true\n"
            f"listener {self.port} {LOOPBACK}\n"
            f"allow_anonymous {'true' if anonymous else 'false'}\n{rest}\n"
        )
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it says that it runs."""
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        assert any("running" in line for line in self._process.stderr)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a farewell."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def publish(self, topic: str, told: object, *options: str) -> None:
        """Publish with the broker's own client."""
        text = told if isinstance(told, bytes) else json.dumps(told).encode()
        command = ["mosquitto_pub", "-p", str(self.open_port), "-q", "1", "-t", topic, *options]
        subprocess.run([*command, "-s"], input=text, check=True)

    def first(self, options: tuple[str, ...]) -> str:
        """Return the first message that the broker's own client hears, with its topic."""
        command = ["mosquitto_sub", "-p", str(self.open_port), "-C", "1", "-W", "30", "-v"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
        return done.stdout.strip()


class Ear:
    """What a subscriber told, and a way to wait for more."""

    def __init__(self, port: int, access: Access | None = None, host: str = LOOPBACK) -> None:
        self.ahead = 0.0  # how far our clock runs before the real one
        self.channels: dict[str, tuple[Channel, ...]] = {}
        self.identities: dict[str, Identity] = {}
        self.told: dict[str, Readings] = {}
        self.history: list[
            tuple[str, float | Quality | None]
        ] = []  # of every device's first channel
        self.subscriber = Subscriber(
            "hall",
            (host, port),
            access,
            clock=lambda: time.monotonic() + self.ahead,
            wall=time.time,
            rng=random.Random(1),
        )

    def watch(self, device: str, name: str, **match: str) -> None:
        """Begin with a device."""
        profile = profiles()[name]
        assert profile.mqtt is not None
        source = Source(profile=name, kind=profile.kind, vendor="v", mqtt=profile.mqtt, match=match)
        self.subscriber.watch(device, source, self._on_readings, self._on_bound)

    def _on_bound(self, device: str, channels: tuple[Channel, ...], identity: Identity) -> None:
        """Note what a device has."""
        self.channels[device], self.identities[device] = channels, identity

    def _on_readings(self, readings: Readings) -> None:
        """Note what was read, of the channels that were told before."""
        device = readings.device
        assert readings.values.shape == (len(self.channels[device]),)
        self.told[device] = readings
        for first in self.channels[device][:1]:  # a device not described yet has none
            now = device, self.value(device, first.name)
            if self.history[-1:] != [now]:
                self.history.append(now)

    def value(self, device: str, channel: str) -> float | Quality | None:
        """Return the latest value, or why there is none; None where nothing was told."""
        for n, each in enumerate(self.channels.get(device, ())):
            if each.name == channel and device in self.told:
                quality = self.told[device].quality[n]
                good = quality == Quality.GOOD
                return float(self.told[device].values[n]) if good else Quality(quality)
        return None

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; it is looked at after every turn of the loop."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 -- connections have no event to wait for
                await asyncio.sleep(0.01)

    async def connected(self) -> None:
        """Wait until the broker is there."""
        await self.until(lambda: self.subscriber.state is State.UP)

    async def refused(self) -> str:
        """Wait until the broker is known to be not there; return why."""
        await self.until(lambda: self.subscriber.error != "")
        return self.subscriber.error


@contextlib.asynccontextmanager
async def running(ear: Ear) -> AsyncIterator[Ear]:
    """Let a subscriber run."""
    task = asyncio.create_task(ear.subscriber.run())
    try:
        yield ear
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def room(temperature: float, ago: float = 0.0) -> object:
    """Say what a room's gateway says, or said so many seconds ago."""
    told = {"temperature": {"v": f"{temperature:.1f}".replace(".", ","), "u": "°C"}}
    return {"ts": int((time.time() - ago) * 1000), "d": told}
