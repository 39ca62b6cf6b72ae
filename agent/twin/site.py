"""The folder of a twin: a floor file with which `rackproof run` judges its racks, and the spec."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent import clock

Address = tuple[str, int]

FLOOR: Final = "floor.yaml"
SPECS: Final = "specs"
CREDENTIALS: Final = "twin"
BROKER: Final = "twin"
HEAD: Final = """\
# Simulated racks on this machine, as `rackproof twin` has put them on the air.
#   rackproof check floor.yaml
#   rackproof run floor.yaml

floor: rackproof.floor/1
listen: 127.0.0.1:{port}
data: data

credentials:
  twin: {{version: 2c, community: public}}
{broker}
defaults: {{credentials: twin, timeout: {timeout:g} s, retries: 1}}

bays:
"""
PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")  # needs no quotes in YAML, unless it is one of
RESERVED: Final = ("true", "false", "null", "True", "False", "Null", "TRUE", "FALSE", "NULL")
TIMEOUT_S: Final = 1.0
TRUE_S: Final = 0.25  # likewise, of true time: a busy machine is no faster on a false clock
MARK: Final = HEAD.splitlines()[0]
BROKERS: Final = """
brokers:
  twin: {{url: "mqtt://{host}:{port}", dialects: [dsx, json]}}
"""


class SiteError(Exception):
    """A folder that cannot be a twin's; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How an agent reaches one device: at an address, or by what it publishes."""

    address: Address | None = None
    dialect: str | None = None
    match: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None  # where the device does not tell by itself
    channels: Mapping[str, str] = field(default_factory=dict)  # the spec's names: the device's

    def __str__(self) -> str:
        """Write it as a floor file has it."""
        keys: dict[str, object] = {}
        if self.address is not None:
            keys["address"] = f"{self.address[0]}:{self.address[1]}"
        if self.dialect is not None:
            keys |= {"broker": BROKER, "dialect": self.dialect}
        if self.match:
            keys["match"] = dict(self.match)
        if self.profile is not None:
            keys["profile"] = self.profile
        if self.channels:
            keys["map"] = dict(self.channels)
        return _flow(keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """All that is written down of a twin."""

    folder: Path
    spec: str  # the file's name
    content: bytes
    port: int  # where the agent is to listen
    broker: Address | None
    bays: Mapping[str, Mapping[str, Reach]]
    macs: Mapping[str, str] = field(default_factory=dict)  # of devices that speak no LLDP

    @property
    def floor(self) -> Path:
        """Return the floor file."""
        return self.folder / FLOOR

    def write(self) -> None:
        """Write the floor file and a copy of the spec, over those of an earlier twin.

        Raises: SiteError, OSError.
        """
        if self.floor.exists() and not self.floor.read_text(errors="replace").startswith(MARK):
            text = f"{self.floor} is no twin's; name another folder with --floor"
            raise SiteError(text)
        (self.folder / SPECS).mkdir(parents=True, exist_ok=True)
        (self.folder / SPECS / self.spec).write_bytes(self.content)
        self.floor.write_text(self.text())

    def text(self) -> str:
        """Return the floor file."""
        host, port = self.broker or ("", 0)
        brokers = BROKERS.format(host=host, port=port) if self.broker else ""
        timeout = min(max(TIMEOUT_S, TRUE_S * clock.rate()), 60.0)
        lines = [HEAD.format(port=self.port, broker=brokers, timeout=timeout).rstrip("\n")]
        for bay, devices in self.bays.items():
            lines += [f"  {bay}:", f"    spec: {SPECS}/{self.spec}"]
            lines += [f"    macs: {_flow(self.macs)}"] if self.macs else []
            lines += ["    devices:"]
            lines += [f"      {device}: {reach}" for device, reach in devices.items()]
        return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    """Return YAML in one line; JSON's strings are YAML's, and plain words need no quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    text = str(value)
    plain = PLAIN.fullmatch(text) and text not in RESERVED
    return text if plain else json.dumps(text)
