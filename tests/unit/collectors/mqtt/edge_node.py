"""An edge node of Sparkplug as a test drives it, and what is told of one device of it."""

from typing import Final

from collectors.mqtt.device import Heard
from collectors.mqtt.edge import EdgeNode
from collectors.mqtt.edge_device import EdgeDevice
from collectors.mqtt.edges import Edges
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source
from collectors.mqtt.sparkplug import Datatype
from collectors.readings import Quality
from collectors.twin.sparkplug import metric, payload

WALL: Final = 1_743_620_423.0
MS: Final = int(WALL * 1000)
PROFILE: Final = MqttProfile.model_validate(
    {
        "dialect": "sparkplug",
        "metrics": {
            "T": {"name": "temperature", "quantity": "temperature"},
            "psu{n}/W": {"name": "psu/{n}/power", "quantity": "power", "unit": "W"},
            "state": {"name": "state", "quantity": "state", "states": {0: "ok", 1: "bad"}},
        },
    }
)


class Edge:
    """An edge node, and its device "cdu" (and others, if asked for) as the floor knows it."""

    def __init__(self, *devices: str) -> None:
        self.edges = Edges()
        self.devices = {name: self.watch(name) for name in devices or ("cdu",)}
        self.device = next(iter(self.devices.values()))
        self.now = 100.0
        self.seq = 0

    def watch(self, device: str, node: str = "bay") -> EdgeDevice:
        """Begin with a device of this node, or another; "" is the node itself."""
        match = {"group": "hall", "node": node, "device": device}
        source = Source(profile="p", kind="other", vendor="v", mqtt=PROFILE, match=match)
        made = self.edges.device(f"{node}/{device or 'node'}", source)
        made.connected()
        return made

    @property
    def node(self) -> EdgeNode:
        """Return what is known of the node."""
        return self.device.node

    @property
    def ms(self) -> int:
        """Return the time by the wall."""
        return MS + round((self.now - 100.0) * 1000)

    def hear(self, kind: str, data: bytes, *, device: str = "", retained: bool = False) -> str:
        """Let a message come; return why it was dropped."""
        topic = f"spBv1.0/hall/{kind}/bay" + (f"/{device}" if device else "")
        heard = Heard(topic, data, retained, self.now, WALL + self.now - 100.0)
        return next(filter(None, [each.take(heard) for each in self.devices.values()]), "")

    def say(self, kind: str, *metrics: bytes, device: str = "cdu", skip: int = 0) -> str:
        """Say something in its turn, after `skip` messages that nobody hears."""
        self.seq = (self.seq + 1 + skip) % 256
        return self.hear(kind, payload(self.ms, metrics, self.seq), device=device)

    def birth(self, *metrics: bytes, session: int = 0) -> str:
        """Be born."""
        self.seq = 0
        return self.hear("NBIRTH", payload(self.ms, [self.session(session), *metrics], 0))

    def session(self, number: int) -> bytes:
        """Return the metric that tells which session it is."""
        return metric(self.ms, number, name="bdSeq", datatype=Datatype.INT64)

    def death(self, session: int = 0) -> str:
        """Die."""
        return self.hear("NDEATH", payload(self.ms, [self.session(session)]))

    def born(self, temperature: float = 40.0, session: int = 0) -> None:
        """Be born with every device."""
        assert self.birth(session=session) == ""
        for device in filter(None, self.devices):
            assert self.device_birth(temperature, device) == ""

    def device_birth(self, temperature: float = 40.0, device: str = "cdu") -> str:
        """Let a device be born."""
        first = 10 * [*self.devices].index(device)
        return self.say(
            "DBIRTH",
            metric(
                self.ms, temperature, name="T", alias=first + 1, datatype=Datatype.DOUBLE, unit="°C"
            ),
            metric(self.ms, 700.0, name="psu2/W", alias=first + 2, datatype=Datatype.DOUBLE),
            metric(self.ms, "ok", name="state", alias=first + 3, datatype=Datatype.STRING),
            device=device,
        )

    def tell(self, temperature: float, *, device: str = "cdu", skip: int = 0) -> str:
        """Tell a new temperature of a device."""
        alias = 10 * [*self.devices].index(device) + 1
        told = metric(self.ms, temperature, alias=alias)
        return self.say("DDATA", told, device=device, skip=skip)

    def told(self, device: str | None = None) -> dict[str, float | Quality]:
        """Return what is told of each channel of a device now."""
        shown = self.device if device is None else self.devices[device]
        shown.bind(self.now)
        *_, readings = shown.readings(self.now)
        return {
            channel.name: float(value) if quality == Quality.GOOD else Quality(quality)
            for channel, value, quality in zip(
                shown.channels, readings.values, readings.quality, strict=True
            )
        }
