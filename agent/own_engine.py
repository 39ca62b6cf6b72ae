"""Our own engine of SNMPv3, to which informs are sent: its name, and how often it was started.

Both must outlive the process: an engine that is started without counting it would believe what
somebody recorded before (RFC 3414 §2.2).
"""

import secrets
from pathlib import Path
from typing import Final, NamedTuple

from agent import canonical
from agent.store.files import write
from agent.store.trouble import StoreError
from collectors.snmp.usm import BOOTS_MAX

FILE: Final = "snmp-engine.json"
NOBODYS: Final = 32473  # the enterprise number that stands for none in particular (RFC 5612)
OCTETS: Final = b"\x05"  # RFC 3411 §5, SnmpEngineID: what follows are octets
RANDOM_OCTETS: Final = 8  # two agents of all that there will be are never called the same


class OwnEngine(NamedTuple):
    """Who we are, this time."""

    name: bytes
    boots: int
    salt: int  # where the counter of what we encrypt begins, so that none is used twice


def start(folder: Path) -> OwnEngine:
    """Count a start of this data folder's engine, durably; a new one where there is none.

    Raises: StoreError.
    """
    path = folder / FILE
    name, boots = _read(path)
    if boots >= BOOTS_MAX - 1:  # it has counted so far that nobody may believe it any more
        name, boots = _new(), 0
    boots += 1
    write(path, canonical.encode({"engine": name.hex(), "boots": boots}), mode=0o640)
    return OwnEngine(name, boots, secrets.randbits(63))


def _read(path: Path) -> tuple[bytes, int]:
    """Return name and starts so far. A new name needs no old count, so damage does no harm."""
    try:
        found = canonical.decode(path.read_bytes())
        return bytes.fromhex(found["engine"]), int(found["boots"])
    except FileNotFoundError:
        return _new(), 0
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: it cannot be read") from error
    except (canonical.CanonicalError, KeyError, TypeError, ValueError):
        return _new(), 0


def _new() -> bytes:
    """Return a name that no other engine has."""
    head = (NOBODYS | 1 << 31).to_bytes(4, "big")
    return head + OCTETS + secrets.token_bytes(RANDOM_OCTETS)
