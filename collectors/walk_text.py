"""What `snmpwalk` printed, as the rows that a walk brings.

Understood is numeric output (`snmpwalk -On`, with or without `-Oe`, `-OU`), which needs no MIBs to
be read again. Types are kept, as they are in a recording.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from collectors.recording import read
from collectors.rows import Value

LINE: Final = re.compile(r"^(?:\.|iso\.)?(\d+(?:\.\d+)*) ?= ?(.*)\Z", re.DOTALL)
STARTS: Final = re.compile(r"^(?:\.\d|iso\.\d|\d+\.\d+(?:\.\d+)* ?=)")
NAMED: Final = re.compile(r"^[A-Za-z][\w-]*::")
TYPED: Final = re.compile(r"^([A-Za-z][A-Za-z0-9 -]*?): ?(.*)\Z", re.DOTALL)
NUMBER: Final = re.compile(r"^(?:[\w-]+\()?\(?(-?\d+)\)?")
ABSENT: Final = ("No Such", "No more variables", "NULL")
ARC_OF_ISO: Final = "1."


def _number(content: str) -> Value:
    """Return a number, which may stand in parentheses behind its name, or before its unit."""
    found = NUMBER.match(content)
    if found is None or "." in content.partition(" ")[0]:
        raise ValueError(f"{content!r} is no whole number; walk with -On -OU -Oe")
    return int(found[1])


def _text(content: str) -> bytes:
    """Return a text without its quotes, what was escaped in them as it was."""
    inner = content[1:-1] if len(content) > 1 and content[0] == content[-1] == '"' else content
    return re.sub(r'\\(["\\])', r"\1", inner).encode()


def _octets(content: str) -> bytes:
    """Return octets in hexadecimal; in brackets behind them net-snmp may show a text."""
    return bytes.fromhex("".join(re.findall(r"\b[0-9A-Fa-f]{2}\b", content.partition("[")[0])))


def _bits(content: str) -> bytes:
    """Return BITS, behind which net-snmp may name those that are set."""
    return bytes.fromhex("".join(re.match(r"(?:[0-9A-Fa-f]{2}\s+)*", content + " ")[0].split()))  # type: ignore[index] # this matches nothing, too


def _float(content: str) -> float:
    """Return floating point from inside Opaque."""
    return float(content.rpartition(":")[2])


READERS: Final[Mapping[str, Callable[[str], Value]]] = {
    "INTEGER": _number,
    "Counter32": _number,
    "Counter64": _number,
    "Gauge32": _number,
    "UInteger32": _number,
    "Unsigned32": _number,
    "Timeticks": _number,
    "STRING": _text,
    "Hex-STRING": _octets,
    "BITS": _bits,
    "OID": lambda content: content.removeprefix(".").replace("iso.", ARC_OF_ISO),
    "IpAddress": lambda content: bytes(int(part) for part in content.split(".")),
    "Network Address": lambda content: bytes.fromhex(content.replace(":", "")),
    "Opaque": _float,
}


def read_walk(path: Path) -> dict[str, Value]:
    """Return the rows of a recording, or of what `snmpwalk -On` printed.

    Raises: OSError; ValueError naming a line that cannot be read.
    """
    octets = path.read_bytes()
    if re.search(rb"^\.?[\d.]+\|\d+", octets, re.MULTILINE):
        return read(path)
    rows: dict[str, Value] = {}
    for number, line in _lines(octets.decode(errors="replace")):
        try:
            row = _row(line)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
        if row is not None:
            rows[row[0]] = row[1]
    if not rows:
        raise ValueError(f"{path}: neither a recording (OID|type|value) nor output of snmpwalk -On")
    return rows


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each object's line with its number; a text may go on over several."""
    begun, held = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if STARTS.match(line) or NAMED.match(line):
            if held:
                yield begun, held
            begun, held = number, line
        elif held:
            held += f"\n{line}"
    if held:
        yield begun, held


def _row(line: str) -> tuple[str, Value] | None:
    """Return one object; None where the device had none. Raises: ValueError."""
    if NAMED.match(line):
        raise ValueError("objects by name; walk with -On, for names differ from MIB to MIB")
    found = LINE.match(line.rstrip())
    if found is None:
        raise ValueError("want OID = TYPE: VALUE, as snmpwalk -On prints it")
    oid = (ARC_OF_ISO if line.startswith("iso.") else "") + found[1]
    content = re.sub(r"^Wrong Type \(should be [^)]*\): ", "", found[2])
    if content.startswith(ABSENT):
        return None
    typed = TYPED.match(content)
    if typed is None or typed[1] not in READERS:
        return oid, _text(content.strip())
    return oid, READERS[typed[1]](typed[2].strip())
