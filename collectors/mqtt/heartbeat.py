"""Heartbeats of a DSX Exchange BMS bus: they tell "unchanged" from "gone"."""

import math
from typing import Final

from collectors.mqtt.device import Heard
from collectors.mqtt.dsx import BMS, Topic, read_value
from collectors.mqtt.payload import PayloadError

HEARTBEATS: Final = ("HeartbeatTimestampBms", "HeartbeatTimestampIntegration")
TOPICS_MAX: Final = 64  # one a client of the bus
REPUBLISH_MAX_S: Final = 150.0  # one republish every 100 s, half as long again


class Heartbeats:
    """When each publisher was last known to be alive: its heartbeat came, and had moved on.

    A publisher with several heartbeats is alive while all of them are: which of its points hangs
    on which, nobody can say. One that is silent for longer than values are believed is forgotten.
    """

    def __init__(self) -> None:
        self._heard: dict[str, dict[str, tuple[float, object]]] = {}
        self._count = 0

    def take(self, topic: Topic, heard: Heard) -> str:
        """Take in a heartbeat; return why it was dropped, or nothing."""
        if heard.retained or (topic.publisher == BMS) != (topic.point_type == HEARTBEATS[0]):
            return "retained" if heard.retained else "other_publisher"
        try:
            told = read_value(heard.payload)
        except PayloadError as error:
            return str(error)
        beats = self._heard.get(topic.publisher, {})
        new = heard.topic not in beats
        if new and self._count >= TOPICS_MAX:
            return "too_many_heartbeats"
        if not told.trusted or (not new and beats[heard.topic][1] == told.value):
            return "frozen_heartbeat"
        self._count += new
        beats[heard.topic] = heard.now, told.value
        self._heard[topic.publisher] = beats
        return ""

    def last(self, publisher: str, now: float) -> float:
        """Return when a publisher was last alive; -inf if that is not known."""
        beats = self._heard.get(publisher, {})
        for topic in [t for t, (at, _) in beats.items() if now - at > REPUBLISH_MAX_S]:
            del beats[topic]
            self._count -= 1
        if not beats:
            self._heard.pop(publisher, None)
        return min((at for at, _ in beats.values()), default=-math.inf)
