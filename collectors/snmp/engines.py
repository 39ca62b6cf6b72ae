"""The engines of a floor: whose keys are still to be made, who goes by whose name, what is odd."""

from collections import OrderedDict, deque
from typing import Final

from collectors.snmp.peer import Peer
from collectors.snmp.usm import Security, User

ENGINES_MAX: Final = 10_000  # whose addresses are known: a floor's
NOTICES_MAX: Final = 1000  # told and not fetched; the oldest go

Place = tuple[str, int]  # host and port


class Engines:
    """What is known across all devices of SNMPv3."""

    def __init__(self) -> None:
        self.notices: deque[tuple[Place, str, str]] = deque(maxlen=NOTICES_MAX)
        self.chores: deque[tuple[User, bytes]] = deque()  # keys to be made by another thread
        self._making: set[tuple[User, bytes]] = set()
        self._home: OrderedDict[bytes, Place] = OrderedDict()  # where each has proven itself
        self._shared: dict[bytes, set[Place]] = {}  # names that several devices have

    @property
    def shared(self) -> int:
        """Return how many names are those of several devices."""
        return len(self._shared)

    def keys(self, user: User, engine: bytes) -> Security | None:
        """Return a user's keys at an engine; where that takes long, have them made elsewhere."""
        if not user.is_slow or user.known(engine):
            return user.at(engine)
        if (user, engine) not in self._making:
            self._making.add((user, engine))
            self.chores.append((user, engine))
        return None

    def made(self, user: User, security: Security) -> None:
        """Take keys that were made."""
        self._making.discard((user, security.engine))
        user.keep(security)

    def note(self, address: Place, peer: Peer) -> None:
        """Fetch what there is to tell of a device, and note by which name it has proven itself."""
        while peer.notices:
            event, detail = peer.notices.popleft()
            if event == "engine":
                self._met(bytes.fromhex(detail), address)
            else:
                self.notices.append((address, event, detail))

    def leave(self, address: Place) -> None:
        """Forget which engine was at an address."""
        for engine in [name for name, home in self._home.items() if home == address]:
            del self._home[engine]
        for engine, places in [*self._shared.items()]:
            places.discard(address)
            if len(places) < 2:  # to share takes two
                del self._shared[engine]

    def _met(self, engine: bytes, address: Place) -> None:
        """Note at which address an engine has proven itself; two at once is somebody's mistake.

        Whatever engine was at that address before is there no longer.
        """
        if self._home.get(engine) != address:
            self.leave(address)
        other = self._home.pop(engine, address)
        self._home[engine] = address
        if len(self._home) > ENGINES_MAX:
            self._shared.pop(self._home.popitem(last=False)[0], None)
        if other == address:
            return
        self._shared.setdefault(engine, {other}).add(address)
        for here, there in ((address, other), (other, address)):
            detail = (
                f"{there[0]} port {there[1]} has the same SNMP engine ID, {engine.hex()}; "
                "give each device its own"
            )
            self.notices.append((here, "engine_shared", detail))
