"""The Sparkplug edge nodes of one broker, shared by their devices, and when each is asked to speak.

A node that was not heard from its birth on says nothing that can be understood. Asking for its
birth is the one thing that is ever published, and only where the floor file allows it: rarely for
each node, and a few at a time, for a birth is the longest that a node has to say.
"""

from collections.abc import Iterator
from typing import Final

from collectors.mqtt.access import REORDER_S
from collectors.mqtt.device import Device
from collectors.mqtt.edge import EdgeNode
from collectors.mqtt.edge_device import EdgeDevice
from collectors.mqtt.source import Source

AT_ONCE_MAX: Final = (
    10  # nodes that are asked in one turn of a second; a hall of 600 takes a minute
)
ASK_FIRST_S: Final = 10.0  # a node that will answer has done so by then
ASK_MAX_S: Final = 600.0  # one that does not is asked no more often than people would
FORGIVEN_S: Final = 1_200.0  # after so long without a question, a node is asked as at first


class Edges:
    """Nodes by group and name."""

    def __init__(self, reorder_s: float = REORDER_S) -> None:
        self._reorder_s = reorder_s
        self.nodes: dict[tuple[str, str], EdgeNode] = {}

    def device(self, device: str, source: Source) -> EdgeDevice:
        """Make a device of the floor a member of its node."""
        names = source.names(device)
        place = names["group"], names["node"]
        node = self.nodes.setdefault(place, EdgeNode(*place, self._reorder_s))
        made = EdgeDevice(device, source, node, names["device"])
        node.members[made.member] = made
        node.wanting = node.wanting or "not_born"  # what it said before, this device did not hear
        return made

    def asking(self, now: float) -> Iterator[tuple[EdgeNode, str]]:
        """Yield the nodes that are to be asked for their births now, each with the reason.

        A node that is not heard of is asked once and again later, and each time later than before.
        """
        left = AT_ONCE_MAX
        for node in self.nodes.values():
            node.tick(now)
            if not node.wanting or not node.listening or now - node.asked_at < node.patience_s:
                continue
            if left == 0:
                return
            left -= 1
            quiet = now - node.asked_at > FORGIVEN_S
            node.patience_s = ASK_FIRST_S if quiet else min(ASK_MAX_S, 2.0 * node.patience_s)
            node.asked_at = now
            yield node, node.wanting

    def forget(self, device: Device) -> None:
        """End with a device; one of another dialect is fine."""
        if isinstance(device, EdgeDevice):
            node = device.node
            if node.members.get(device.member) is device:
                del node.members[device.member]
            if not node.members:
                self.nodes.pop((node.group, node.name), None)
