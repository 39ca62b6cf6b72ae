"""A small bay with a plan, whose channels are spoken of by name."""

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.live import LiveBay
from agent.burnin.sight import Sight
from agent.burnin.spec import load_spec
from agent.burnin.terms import Moment, terms
from collectors.quantity import Quantity
from collectors.readings import Channel, Kind, Quality, Readings

SPEC: Final = """\
spec: rackproof.spec/1
id: floor
revision: A
status: draft
title: One feed, one cooling unit with two pumps
design: {rack_power: 10 kW}
decision: {rule: simple}
defaults: {every: 2 s, hold: 4 s, budget: 1 %, applies: always}
roles:
  feed:
    count: 1
    channels:
      power: {q: power, fail: max 11 kW, trip: max 15 kW}
      breaker: {q: state, fail: is closed}
      outages: {q: count, fail: max 0, hold: 0 s, gap: 5 min}
  cdu:
    count: 1
    channels:
      supply: {q: temperature, nominal: 40 degC, warn: +-1 K, fail: +-2 K, trip: max 50 degC}
      flow: {q: flow, warn: min 90 lpm, fail: min 80 lpm}
      leak: {q: leak, fail: is dry, trip: is dry, hold: 0 s, gap: 15 s, latched: true}
      pump: {q: state, per: pump 2, fail: is ok}
derived:
  rack_power: {expr: "feed.power", unit: kW}
  load_error:
    expr: "rack_power / (stage.load * design.rack_power) - 1"
    unit: "%"
    fail: -8..8 %
    min_load: 50 %
plan:
  clock: qualified
  coverage: {min: 99 %}
  steady:
    rule: slope
    of: [cdu.supply]
    window: 2 min
    max_slope: 1.0 K/h
    max_sd: 0.3 K
    significance: 95 %
  stages:
    - {id: idle, duration: 10 s, load: 20 %, only: [cdu]}
    - {id: soak, duration: 30 s, load: 100 %}
    - id: hot
      duration: 30 s
      load: 100 %
      overrides:
        cdu.supply: {nominal: 45 degC, warn: +-1 K, fail: +-2 K, trip: max 55 degC, why: hot corner}
        cdu.leak: {skip: true, why: the tray is being dried}
    - id: feed_loss
      load: 100 %
      steps: {lose: [feed], each: 20 s, restore: 10 s}
      affected:
        feed.power: {fail: max 0.1 kW}
        feed.breaker: {fail: is open}
        feed.outages: {fail: exactly 1}
    - id: failover
      load: 100 %
      steps: {stop: [cdu.pump1], each: 20 s, restore: 10 s}
      affected:
        cdu.pump: {fail: is stopped}
"""
DEVICES: Final = {
    "feed": (
        Channel("power", Quantity.POWER, "oid"),
        Channel("breaker", Quantity.STATE, "oid", states={1: "closed", 2: "open"}),
        Channel("outages", Quantity.COUNT, "oid", Kind.COUNTER),
    ),
    "cdu": (
        Channel("supply", Quantity.TEMPERATURE, "oid"),
        Channel("flow", Quantity.FLOW, "oid"),
        Channel("leak", Quantity.LEAK, "oid", states={0: "dry", 1: "wet"}),
        Channel("pump[pump1]", Quantity.STATE, "oid", states={1: "ok", 2: "stopped", 3: "failed"}),
        Channel("pump[pump2]", Quantity.STATE, "oid", states={1: "ok", 2: "stopped", 3: "failed"}),
    ),
}
WELL: Final = {
    "power": 10_000.0,
    "breaker": 1.0,
    "outages": 7.0,
    "supply": 40.0,
    "flow": 100.0,
    "leak": 0.0,
    "pump1": 1.0,
    "pump2": 1.0,
}


@cache
def floor() -> Design:
    """Return the design of this bay."""
    return expand(load_spec(SPEC.encode(), "floor.yaml"))


class Floor:
    """The bay, read every two seconds, and what a plan sees of it."""

    def __init__(self) -> None:
        self.live = LiveBay(floor())
        for device, channels in DEVICES.items():
            assert len(self.live.bind(device, channels, {})) == len(channels)
        self.sight = Sight(floor(), self.live)
        self.now = 0.0

    def read(self, *silent: str, **values: float) -> None:
        """Let two seconds pass and read all devices; all is well but for what is named."""
        self.now += 2.0
        shown = WELL | values
        for device, channels in DEVICES.items():
            if device not in silent:
                self._poll(device, channels, shown)
        self.live.judge(self.now)
        self.sight.look(self.now)

    def _poll(self, device: str, channels: tuple[Channel, ...], shown: Mapping[str, float]) -> None:
        """Take in one poll."""
        names = [channel.name.removeprefix("pump[").rstrip("]") for channel in channels]
        array = np.array([shown[name] for name in names])
        quality = np.where(np.isnan(array), Quality.STALE, Quality.GOOD).astype(np.uint8)
        device = f"bay/{device}"
        self.live.take(
            Readings(device=device, taken_at=self.now, values=array, quality=quality, raw=array)
        )

    def at(self, stage: str, phase: str = "dwell", step: int | None = None) -> None:
        """Come to a moment of the plan."""
        self.live.adopt(terms(floor(), Moment(stage, step, phase)))

    @property
    def status(self) -> dict[str, int]:
        """Return the status of every channel."""
        status, _ = self.live.judge(self.now)
        return {
            f"{device}.{name}": int(code)
            for (device, name), code in zip(self.live.rows, status, strict=True)
        }
