"""Where something listens: `HOST`, `HOST:PORT` or `[IPv6]:PORT`, and a broker's URL.

>>> Address.parse("10.1.1.10", 161), str(Address.parse("[::1]:1161", 161))
(Address(host='10.1.1.10', port=161), '[::1]:1161')
"""

import ipaddress
import re
from typing import Final, NamedTuple, Self

SNMP_PORT: Final = 161  # RFC 3417 §3.2
MQTT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}  # as registered with IANA
WEB_PORTS: Final = {"http": 80, "https": 443}  # RFC 9110 §4.2
TARGET: Final = re.compile(r"/[!-~]{0,2000}")  # path and query; blanks and umlauts as %20, %C3%BC
HOST_CHARACTERS_MAX: Final = 253  # RFC 1035 §2.3.4, as text
SHAPE: Final = re.compile(r"(?:\[(?P<six>[^][]+)\]|(?P<host>[^][:]+))(?::(?P<port>[0-9]{1,5}))?")
LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # RFC 1123 §2.1


class AddressError(ValueError):
    """A text that names no place to send to; the message shows how to write one."""


class Address(NamedTuple):
    """A host, as an IP address in its shortest form or a name in lower case, and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, port: int | None, *, port_min: int = 1) -> Self:
        """Read an address; `port` is for one that has none. Raises: AddressError."""
        if text.count(":") > 1 and "[" not in text:
            raise AddressError(
                f'{text!r} is ambiguous; write IPv6 in brackets and quotes: "[{text}]"'
            )
        found = SHAPE.fullmatch(text)
        if not found or not (found["port"] or port is not None):
            want = "HOST:PORT" if port is None else "HOST or HOST:PORT"
            raise AddressError(f"{text!r} is no address; write {want}")
        number = int(found["port"]) if found["port"] else port
        if number is None or not port_min <= number <= 65535:
            raise AddressError(f"port {number} does not exist; want {port_min} to 65535")
        return cls(_host(found["six"] or found["host"], six=bool(found["six"])), number)

    @property
    def is_loopback(self) -> bool:
        """Say whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_device(self) -> bool:
        """Say whether one device can have it: it is neither everywhere nor a group."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return True
        return not (address.is_multicast or address.is_unspecified)

    def __str__(self) -> str:
        """Return it as it would be written in a floor file."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _host(text: str, *, six: bool) -> str:
    """Return a host in its one canonical spelling. Raises: AddressError."""
    labels = text.removesuffix(".").split(".")
    numeric = labels[-1].isdecimal() or ":" in text
    if six or numeric:
        try:
            address = ipaddress.IPv6Address(text) if six else ipaddress.IPv4Address(text)
        except ValueError:
            raise AddressError(f"{text!r} is not an IPv{6 if six else 4} address") from None
        return str(address)
    if len(text) > HOST_CHARACTERS_MAX or not all(map(LABEL.fullmatch, labels)):
        raise AddressError(f"{text!r} is neither an IP address nor a host name")
    return text.removesuffix(".").lower()


class BrokerAddress(NamedTuple):
    """Where a broker answers, and whether in TLS."""

    address: Address
    encrypted: bool


def parse_broker(url: str) -> BrokerAddress:
    """Return where a broker's URL leads. Raises: AddressError."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in MQTT_PORTS:
        raise AddressError("want mqtts://HOST:PORT, or mqtt://HOST:PORT without TLS")
    if "@" in rest:
        raise AddressError("a URL must not hold a user or password; write them beside it")
    if rest.rstrip("/") != rest.partition("/")[0]:
        raise AddressError("a broker's URL ends with its host and port; remove the path")
    address = Address.parse(rest.rstrip("/"), MQTT_PORTS[scheme])
    return BrokerAddress(address, scheme == "mqtts")


class WebAddress(NamedTuple):
    """Where a program takes messages over HTTP."""

    address: Address
    encrypted: bool
    target: str  # path and query; part of it may be a secret of the receiver's

    @property
    def host(self) -> str:
        """Return what the request's Host says: with its port where that is not the usual one."""
        usual = WEB_PORTS["https" if self.encrypted else "http"]
        text = str(self.address)
        return text.removesuffix(f":{usual}") if self.address.port == usual else text


def parse_web(url: str) -> WebAddress:
    """Return where a receiver's URL leads. Raises: AddressError.

    >>> parse_web("https://mes.example/hooks/rackproof").host
    'mes.example'
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in WEB_PORTS:
        raise AddressError("want http://HOST/PATH or https://HOST/PATH")
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    target = rest[len(place) :] or "/"
    if "@" in place:
        raise AddressError("a URL must not hold a user or password; messages are signed instead")
    if "#" in target:
        raise AddressError("what stands after # is never sent; remove it")
    if not TARGET.fullmatch(target):
        raise AddressError("after its host a URL goes on with / and visible ASCII, at most 2000")
    return WebAddress(Address.parse(place, WEB_PORTS[scheme]), scheme == "https", target)
