"""An edge node's messages, lost, doubled and late: what is believed is what it said last."""

from typing import Any, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt.access import REORDER_S
from collectors.mqtt.device import Heard
from collectors.mqtt.edge import EdgeNode
from collectors.mqtt.edge_device import EdgeDevice
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source
from collectors.mqtt.sparkplug import Datatype
from collectors.readings import Quality
from collectors.twin.sparkplug import metric, payload

WALL: Final = 1_743_620_423.0
NAMES: Final = ("a", "b", "c")
DEVICES: Final = ("one", "two")
PROFILE: Final = MqttProfile.model_validate(
    {
        "dialect": "sparkplug",
        "metrics": {name: {"name": name, "quantity": "number"} for name in NAMES},
    }
)


class LinedUp(Exception):  # noqa: N818 -- an accident of the protocol, no error
    """A message had the number of one that was lost: nobody could have known."""


class Node(EdgeNode):
    """A node that knows which of the edge's messages it hands on, which no real one can."""

    def __init__(self) -> None:
        super().__init__("g", "n")
        self.places: dict[int, int] = {}
        self.last = -1

    def _bear(self, came: Any) -> str:  # noqa: ANN401 -- private to the module
        """Note which birth this is."""
        reason = super()._bear(came)
        if not reason:
            self.last = self.places[id(came.heard)]
        return reason

    def _give(self, came: Any) -> str:  # noqa: ANN401 -- likewise
        """Note which message is believed; an old one never may be."""
        place = self.places[id(came.heard)]
        assert place > self.last, "a message from the past is believed"
        if place != self.last + 1:
            raise LinedUp
        self.last = place
        return super()._give(came)


class Said(NamedTuple):
    """One message, and what is true once it is said: device and metric -> value."""

    topic: str
    data: bytes
    place: int  # among the numbered ones; -1: a death, which has no number
    truth: dict[tuple[str, str], float]


class Edge:
    """An edge node with two devices, which says whatever it likes, in the right way."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self._truth: dict[tuple[str, str], float] = {}
        self._time = int(WALL * 1000)
        self._session = self._seq = 0
        self._place = -1
        self._shift = 0  # of aliases, which each session may give anew
        self._values = 0.0

    def _say(self, kind: str, metrics: list[bytes], device: str = "") -> None:
        """Say it, with the next number unless it is a death."""
        self._time += 1
        topic = f"spBv1.0/g/{kind}/n" + (f"/{device}" if device else "")
        if kind == "NDEATH":
            self.said.append(Said(topic, payload(self._time, metrics), -1, {}))
            return
        self._place += 1
        data = payload(self._time, metrics, self._seq)
        self._seq = (self._seq + 1) % 256
        self.said.append(Said(topic, data, self._place, dict(self._truth)))

    def _value(self, device: str, name: str) -> float:
        """Let a metric take a value that nothing had before."""
        self._values += 1.0
        self._truth[device, name] = self._values
        return self._values

    def _alias(self, device: str, name: str) -> int:
        """Return the alias of a metric in this session."""
        place = DEVICES.index(device) * len(NAMES) + NAMES.index(name)
        return (place + self._shift) % (len(DEVICES) * len(NAMES))

    def _bd(self) -> bytes:
        """Return the number of the session."""
        return metric(self._time, self._session, name="bdSeq", datatype=Datatype.INT64)

    def begin(self, *, anew: bool) -> None:
        """Be born, in a new session or the old one; then every device is."""
        if anew:
            self._say("NDEATH", [self._bd()])
            self._session = (self._session + 1) % 256
        self._shift += 1
        self._seq = 0
        self._truth.clear()
        self._say("NBIRTH", [self._bd()])
        for device in DEVICES:
            self.bear(device)

    def bear(self, device: str) -> None:
        """Let a device be born."""
        told = [
            metric(
                self._time,
                self._value(device, name),
                name=name,
                alias=self._alias(device, name),
                datatype=Datatype.DOUBLE,
            )
            for name in NAMES
        ]
        self._say("DBIRTH", told, device)

    def end(self, device: str) -> None:
        """Let a device die; it is born again at once, or much later."""
        for name in NAMES:
            self._truth.pop((device, name), None)
        self._say("DDEATH", [], device)

    def tell(self, device: str, name: str) -> None:
        """Tell a new value, of a device that lives."""
        if (device, name) in self._truth:
            alias = self._alias(device, name)
            value = self._value(device, name)
            self._say("DDATA", [metric(self._time, value, alias=alias)], device)


@st.composite
def lives(draw: st.DrawFn) -> list[Said]:
    """Draw what an edge says."""
    edge = Edge()
    edge.begin(anew=False)
    kinds = st.sampled_from(["tell"] * 9 + ["begin", "rebirth", "bear", "end"])
    for _ in range(draw(st.integers(1, 30))):
        kind, device = draw(kinds), draw(st.sampled_from(DEVICES))
        if kind == "tell":
            edge.tell(device, draw(st.sampled_from(NAMES)))
        elif kind in ("bear", "end"):
            getattr(edge, kind)(device)
        else:
            edge.begin(anew=kind == "begin")
    return edge.said


@st.composite
def delivered(draw: st.DrawFn) -> list[tuple[Said, float]]:
    """Draw what a network makes of it: messages and the seconds before each.

    It keeps a node's births in order, which are of one topic (MQTT 3.1.1 §4.6), and nothing else.
    """
    way = st.sampled_from(["sound"] * draw(st.integers(2, 40)) + ["lost", "late", "twice"])
    places: list[tuple[float, int, Said]] = []
    for n, said in enumerate(draw(lives())):
        fate = draw(way)
        if "NBIRTH" in said.topic and fate != "lost":
            fate = "sound"
        if fate != "lost":
            places.append((n + (draw(st.integers(1, 20)) + 0.5 if fate == "late" else 0), n, said))
        if fate == "twice":
            places.append((n + draw(st.integers(0, 20)) + 0.5, n, said))
    pauses = st.sampled_from([0.0, 0.0, 0.0, 0.1, REORDER_S])
    return [(said, draw(pauses)) for _, _, said in sorted(places, key=lambda each: each[:2])]


def shown(device: EdgeDevice, now: float) -> dict[tuple[str, str], float]:
    """Return what is told as good."""
    device.bind(now)
    *_, told = device.readings(now)
    return {
        (device.member, channel.name): float(value)
        for channel, value, quality in zip(device.channels, told.values, told.quality, strict=True)
        if quality == Quality.GOOD
    }


@given(messages=delivered())
def test_no_value_is_good_that_the_edge_did_not_say_last(
    messages: list[tuple[Said, float]],
) -> None:
    """Whatever is lost, doubled or late: what is shown is the whole truth of the latest message."""
    node, now, latest = Node(), 0.0, -1
    source = Source(profile="p", kind="other", vendor="v", mqtt=PROFILE, match={"group": "g"})
    devices = [EdgeDevice(f"n/{name}", source, node, name) for name in DEVICES]
    node.members.update({each.member: each for each in devices})
    for each in devices:
        each.connected()
    kept, truths = [], {said.place: said.truth for said, _ in messages if said.place >= 0}
    for said, pause in messages:
        now += pause
        heard = Heard(said.topic, said.data, False, now, WALL + now)  # noqa: FBT003 -- live
        kept.append(heard)  # so that no other gets its id
        node.places[id(heard)] = said.place
        latest = max(latest, said.place)
        try:
            for each in devices:
                each.take(heard)
        except LinedUp:
            return
        good = {key: v for each in devices for key, v in shown(each, now).items()}
        assert not good or node.last == latest, "something that was missed is no longer missed"
        assert good.items() <= truths.get(node.last, {}).items()


@given(lives())
def test_a_network_that_loses_nothing_leaves_nothing_unknown(said: list[Said]) -> None:
    """In order, all that the edge says is shown, in every session, and no message is dropped."""
    node = Node()
    source = Source(profile="p", kind="other", vendor="v", mqtt=PROFILE, match={"group": "g"})
    devices = [EdgeDevice(f"n/{name}", source, node, name) for name in DEVICES]
    node.members.update({each.member: each for each in devices})
    devices[0].connected()
    kept = []
    for each in said:
        heard = Heard(each.topic, each.data, False, 0.0, WALL)  # noqa: FBT003 -- live
        kept.append(heard)
        node.places[id(heard)] = each.place
        assert [device.take(heard) for device in devices] == ["", ""]
        good = {key: v for device in devices for key, v in shown(device, 0.0).items()}
        assert good == each.truth
