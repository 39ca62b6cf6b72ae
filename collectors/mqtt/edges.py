"""The Sparkplug edge nodes of one broker, shared by their devices, and when each is asked to speak.

A node that was not heard from its birth on says nothing that can be understood. Asking for its
birth is the one thing that is ever published, and only where the floor file allows it: rarely for
each node, and a few at a time, for a birth is the longest that a node has to say.
"""

from collectors.mqtt.device import Device
from collectors.mqtt.edge import EdgeNode
from collectors.mqtt.edge_device import EdgeDevice
from collectors.mqtt.source import Source


class Edges:
    """Nodes by group and name."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[str, str], EdgeNode] = {}

    def device(self, device: str, source: Source) -> EdgeDevice:
        """Make a device of the floor a member of its node."""
        names = source.names(device)
        place = names["group"], names["node"]
        node = self.nodes.setdefault(place, EdgeNode(*place))
        made = EdgeDevice(device, source, node, names["device"])
        node.members[made.member] = made
        node.wanting = node.wanting or "not_born"  # what it said before, this device did not hear
        return made

    def forget(self, device: Device) -> None:
        """End with a device; one of another dialect is fine."""
        if isinstance(device, EdgeDevice):
            node = device.node
            if node.members.get(device.member) is device:
                del node.members[device.member]
            if not node.members:
                self.nodes.pop((node.group, node.name), None)
