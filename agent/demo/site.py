"""The folder a demo runs in: the example floor on the ports that are free, and the programs' files.

The example is the one a user copies from deploy/example; only addresses are put in, so what the
demo shows is what the files say.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import agent.demo

Address = tuple[str, int]

BAY: Final = "bay-01"
LISTEN: Final = 9108  # the ports of the example floor, kept while they are free
BROKER: Final = 1883
PROMETHEUS: Final = 9090
SCRAPE_SECONDS: Final = 2  # in the demo, as often as devices are polled
INTERVALS: Final = re.compile(r"\b(\w+_(?:interval|timeout)): \d+s")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens."""

    agent: int
    broker: int
    prometheus: int


@dataclass(frozen=True, slots=True)
class Site:
    """The files of one demo."""

    folder: Path

    @property
    def floor(self) -> Path:
        """Return the floor file."""
        return self.folder / "floor.yaml"

    @property
    def spec(self) -> Path:
        """Return the design spec."""
        return self.folder / "specs" / "demo-66kw.yaml"

    @property
    def prometheus(self) -> Path:
        """Return Prometheus' configuration."""
        return self.folder / "prometheus" / "prometheus.yml"

    @classmethod
    def lay_out(cls, folder: Path, ports: Ports, devices: Mapping[str, Address]) -> "Site":
        """Write all files. `devices` says where those of the example answer in truth."""
        site = cls(folder)
        shutil.copytree(shipped("example") / "specs", folder / "specs")
        floor = (shipped("example") / "floor.yaml").read_text()
        floor = floor.replace(f"127.0.0.1:{LISTEN}", f"127.0.0.1:{ports.agent}")
        floor = floor.replace(f"127.0.0.1:{BROKER}", f"127.0.0.1:{ports.broker}")
        for host, port in devices.values():
            floor = floor.replace(f"{host}:1161", f"{host}:{port}")
        site.floor.write_text(floor)
        shutil.copytree(shipped("prometheus"), site.prometheus.parent)
        config = site.prometheus.read_text().replace(
            f"127.0.0.1:{LISTEN}", f"127.0.0.1:{ports.agent}"
        )
        site.prometheus.write_text(INTERVALS.sub(rf"\1: {SCRAPE_SECONDS}s", config))
        return site


def shipped(what: str) -> Path:
    """Return a folder of deploy/, which an installed package carries inside itself."""
    package = Path(agent.demo.__file__).parent
    inside = package / what
    return inside if inside.is_dir() else package.parents[1] / "deploy" / what
