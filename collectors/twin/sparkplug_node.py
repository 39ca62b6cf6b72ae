"""A simulated bay as an edge node of Sparkplug B: births, data by alias, deaths, rebirth.

Its devices are named as in the spec, and so are their metrics: `psu_temp/psu2`. What changed is
noticed every 2 s. A device that fell silent has died, and is born again when it comes back.

Source: Sparkplug 3.0, §4 (topics), §5 (life of a node and its devices), §6.4 (payloads).
"""

import asyncio
import contextlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import aiomqtt
import numpy as np
from numpy.typing import NDArray

from collectors.mqtt.sparkplug import REBIRTH, Datatype
from collectors.quantity import Quantity
from collectors.twin.mqtt_face import (
    DECIMALS,
    DECIMALS_ELSE,
    Column,
    Columns,
    Floats,
    Instruments,
    Message,
    Place,
)
from collectors.twin.point import Point
from collectors.twin.sparkplug import Value, asks_for_rebirth, metric, payload
from collectors.twin.states import states_of

NAMESPACE: Final = "spBv1.0"
LOOK_S: Final = 2.0  # between two looks at what changed
NUMBERS: Final = 256  # that a sequence counts through
TICK_S: Final = 0.25
RECONNECT_S: Final = 1.0  # the broker is usually on this machine
QOS_OF_COMMANDS: Final = 1


class _One(NamedTuple):
    """One rack among many."""

    shown: Floats
    good: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    clock_offset: Floats

    @classmethod
    def of(cls, racks: Instruments, rack: int) -> "_One":
        """Look at one rack."""
        only = slice(rack, rack + 1)
        return cls(
            racks.shown[only], racks.good[only], racks.silent[only], racks.clock_offset[only]
        )


class _Device:
    """A device of the node: its metrics, and what was last said of them."""

    def __init__(self, place: Place, alias: int) -> None:
        self.place = place
        self.alias = alias  # of its first metric; they are unique within the node
        self.columns = Columns(
            [
                Column(at, point, decimals=_decimals(point))
                for at, point in zip(place.columns, place.points, strict=True)
            ]
        )
        self.born = False
        self.said: list[Value] = []

    def values(self, racks: _One) -> list[Value]:
        """Return what its metrics are now; None: null, as nothing that is not believed is told."""
        told, good = self.columns.told(racks)[0], self.columns.good(racks)[0]
        return [
            _value(point, value) if believed else None
            for point, value, believed in zip(
                self.place.points, told.tolist(), good.tolist(), strict=True
            )
        ]

    def birth(self, time_ms: int) -> Iterator[bytes]:
        """Yield every metric with all that is ever said of it."""
        for n, (point, value) in enumerate(zip(self.place.points, self.said, strict=True)):
            yield metric(
                time_ms,
                value,
                name=metric_name(point),
                alias=self.alias + n,
                datatype=datatype(point),
                unit="" if point.quantity.is_state else point.quantity.symbol,
            )


class SparkplugNode:
    """The edge node of one bay. `now`: seconds since 1970. Cost: 8 µs a metric that changed."""

    def __init__(self, group: str, bay: str, rack: int, places: Sequence[Place]) -> None:
        self.bay = bay
        self.rack = rack
        self.name = f"twin-{group}-{bay}"  # towards the broker
        self.command = f"{NAMESPACE}/{group}/NCMD/{bay}"
        self._group = group
        self._bdseq = -1
        self._seq = 0
        self._born = False
        self._look = -math.inf
        alias = 1
        self._devices = []
        for place in places:
            self._devices.append(_Device(place, alias))
            alias += len(place.points)

    def connect(self, now: float) -> Message:
        """Begin a session; return what the broker is to publish when it breaks off."""
        self._bdseq = (self._bdseq + 1) % NUMBERS
        self._born = False
        time_ms = int(now * 1000)
        return self._message("NDEATH", payload(time_ms, [self._session(time_ms)]))

    def heard(self, topic: str, data: bytes) -> None:
        """Obey a command: be born again if asked to."""
        if topic == self.command and asks_for_rebirth(data):
            self._born = False

    def due(self, racks: Instruments, now: float) -> Iterator[Message]:
        """Yield what is to be published now: births that are due, and what changed."""
        one, time_ms = _One.of(racks, self.rack), int(now * 1000)
        if not self._born:
            yield self._birth(time_ms)
        elif now < self._look:
            return
        self._look = now + LOOK_S
        for device in self._devices:
            its_ms = time_ms + int(one.clock_offset[0, device.place.number] * 1000)
            if not one.silent[0, device.place.number]:
                yield from self._alive(device, device.values(one), time_ms, its_ms)
            elif device.born:
                device.born = False
                yield self._counted("DDEATH", time_ms, [], device)

    def _birth(self, time_ms: int) -> Message:
        """Be born; every device is born anew after it. Its number is 0 (§6.4.1)."""
        self._born, self._seq = True, 0
        for device in self._devices:
            device.born = False
        control = metric(time_ms, False, name=REBIRTH, datatype=Datatype.BOOLEAN)  # noqa: FBT003 -- a value
        return self._counted("NBIRTH", time_ms, [self._session(time_ms), control])

    def _alive(
        self, device: _Device, values: list[Value], time_ms: int, its_ms: int
    ) -> Iterator[Message]:
        """Say what a device has to say: all when it is born, then what changed.

        A message has the time of the node, a metric the time of the device (§6.4.6).
        """
        before, device.said = device.said, values
        if not device.born:
            device.born = True
            yield self._counted("DBIRTH", time_ms, device.birth(its_ms), device)
            return
        changed = [
            metric(its_ms, value, alias=device.alias + n)
            for n, (value, last) in enumerate(zip(values, before, strict=True))
            if value != last
        ]
        if changed:
            yield self._counted("DDATA", time_ms, changed, device)

    def _session(self, time_ms: int) -> bytes:
        """Return the number by which a death belongs to a birth."""
        return metric(time_ms, self._bdseq, name="bdSeq", datatype=Datatype.INT64)

    def _counted(
        self,
        kind: str,
        time_ms: int,
        metrics: Iterator[bytes] | list[bytes],
        of: _Device | None = None,
    ) -> Message:
        """Return a message with the next number of the sequence."""
        data = payload(time_ms, metrics, self._seq)
        self._seq = (self._seq + 1) % NUMBERS
        return self._message(kind, data, of.place.device if of else "")

    def _message(self, kind: str, data: bytes, device: str = "") -> Message:
        """Return a message of the node or of a device; nothing of Sparkplug is retained."""
        topic = f"{NAMESPACE}/{self._group}/{kind}/{self.bay}"
        topic = f"{topic}/{device}" if device else topic
        return Message(topic, data, rack=self.rack, device=device)


def metric_name(point: Point) -> str:
    """Return what an instrument is called on the wire.

    >>> metric_name(Point("s", "rx_power[swp49,lane1]", "port.rx_power", "", Quantity.NUMBER))
    'rx_power/swp49/lane1'
    """
    return re.sub(r"[\[,]", "/", point.name).rstrip("]")


def datatype(point: Point) -> Datatype:
    """Return what the values of an instrument are."""
    if point.quantity is Quantity.LEAK:
        return Datatype.BOOLEAN
    if states_of(point):
        return Datatype.STRING
    return Datatype.INT64 if point.counter else Datatype.DOUBLE


def _decimals(point: Point) -> int:
    """Return how exactly an instrument's value is told, in its canonical unit."""
    return DECIMALS.get(point.quantity.symbol, DECIMALS_ELSE)


def _value(point: Point, value: float) -> Value:
    """Return a value as its type has it: a state by its name."""
    kind = datatype(point)
    if kind is Datatype.BOOLEAN:
        return value != 0
    if kind is Datatype.STRING:
        return states_of(point).get(int(value))
    return int(value) if kind is Datatype.INT64 else value


async def live(
    node: SparkplugNode, racks: Instruments, broker: tuple[str, int], wall: Callable[[], float]
) -> None:
    """Be on the bus until cancelled; each connection has a session of its own."""
    while True:
        death = node.connect(wall())
        will = aiomqtt.Will(death.topic, death.payload, qos=1)
        with contextlib.suppress(aiomqtt.MqttError):
            async with aiomqtt.Client(*broker, identifier=node.name, will=will) as client:
                await client.subscribe(node.command, qos=QOS_OF_COMMANDS)
                try:
                    await _session(node, racks, client, wall)
                except asyncio.CancelledError:  # a farewell keeps the broker from telling the will
                    await client.publish(death.topic, death.payload)
                    raise
        await asyncio.sleep(RECONNECT_S)


async def _session(
    node: SparkplugNode, racks: Instruments, client: aiomqtt.Client, wall: Callable[[], float]
) -> None:
    """Publish and obey until the connection is lost. Raises: MqttError."""

    async def obey() -> None:
        async for message in client.messages:
            node.heard(message.topic.value, bytes(message.payload))

    obeying = asyncio.create_task(obey())
    try:
        while not obeying.done():
            for message in node.due(racks, wall()):
                await client.publish(message.topic, message.payload)
            await asyncio.sleep(TICK_S)
        obeying.result()
    finally:
        obeying.cancel()
        await asyncio.gather(obeying, return_exceptions=True)
