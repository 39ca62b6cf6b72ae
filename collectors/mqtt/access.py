"""How one broker wants to be spoken to: version, user, session, and the files of TLS."""

import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

REORDER_S: Final = 2.0  # for a missing message of Sparkplug: a cluster of brokers needs one second


class Version(enum.Enum):
    """Which MQTT."""

    THREE = "3.1.1"
    FIVE = "5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The files that TLS needs. They are read at every connection: one that was renewed counts."""

    authorities: Path | None = (
        None  # who may have signed the broker's; None: whom the machine knows
    )
    certificate: Path | None = None  # of this agent, with the chain to its authority
    key: Path | None = None  # of that certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a floor file says of a broker besides its address."""

    trust: Trust | None = None  # None: in the clear
    user: str | None = None
    password: bytes | None = field(default=None, repr=False)
    version: Version = Version.THREE
    client_id: str = ""  # the broker invents one where there is none
    session_s: float = 0.0  # how long the broker keeps what comes while we are away; 0: not at all
    group: str = ""  # messages are divided among the agents of a group
    reorder_s: float = REORDER_S
    rebirth: bool = False  # whether nodes of Sparkplug may be asked for their births
