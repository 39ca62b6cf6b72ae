"""The files of a demo: the shipped spec, and Prometheus with the shipped rules, its time scaled.

The spec and the rules are those that a user copies from deploy/; only addresses are put in, and
durations made as much shorter as the racks live faster.
"""

import re
import shutil
from pathlib import Path
from typing import Final

import agent.demo

LISTEN: Final = 9108  # the agent's port, kept while it is free
BROKER: Final = 1883
PROMETHEUS: Final = 9090
SPEC: Final = "rack-132kw.yaml"
SCRAPE_S: Final = 1.0  # as often as the screen is drawn
WAIT_S: Final = 3.0  # of alerts that wait at all: for some scrapes
WINDOW_S: Final = 4.0  # a rate needs as many
INTERVALS: Final = re.compile(r"\b(?P<key>\w+_(?:interval|timeout)): \d+s")
WAITS: Final = re.compile(r"\bfor: (?P<number>\d+)(?P<unit>[smh])")
WINDOWS: Final = re.compile(r"\[(?P<number>\d+)(?P<unit>[smh])\]")
LAG: Final = re.compile(r"(?P<rate>loop_lag_seconds_bucket.*\) >) 0\.5")  # s, on the false clock
SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def shipped(what: str) -> Path:
    """Return a folder of deploy/, which an installed package carries inside itself."""
    package = Path(agent.demo.__file__).parent
    inside = package / what
    return inside if inside.is_dir() else package.parents[1] / "deploy" / what


def example() -> Path:
    """Return the design spec that the demo is built after."""
    return shipped("example") / "specs" / SPEC


def prometheus(folder: Path, agent_port: int, rate: float) -> Path:
    """Lay out Prometheus' files below a folder; return its configuration."""
    there = folder / "prometheus"
    shutil.copytree(shipped("prometheus"), there)
    config = there / "prometheus.yml"
    text = config.read_text().replace(f"127.0.0.1:{LISTEN}", f"127.0.0.1:{agent_port}")
    config.write_text(INTERVALS.sub(rf"\g<key>: {SCRAPE_S:g}s", text))
    for rules in (there / "rules").glob("*.yml"):
        text = WAITS.sub(
            lambda found: f"for: {_milliseconds(found, rate, WAIT_S)}ms", rules.read_text()
        )
        text = WINDOWS.sub(lambda found: f"[{_milliseconds(found, rate, WINDOW_S)}ms]", text)
        rules.write_text(LAG.sub(rf"\g<rate> {0.5 * rate:g}", text))
    return config


def _milliseconds(found: re.Match[str], rate: float, least: float) -> int:
    """Return a duration of a rule as true time."""
    seconds = int(found["number"]) * SECONDS[found["unit"]]
    return round(1000 * max(least, seconds / rate))
