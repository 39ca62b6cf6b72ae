"""Tests for addresses."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.address import SNMP_PORT, Address, AddressError, parse_broker

ports = st.integers(1, 65535)


@given(st.ip_addresses(), ports)
def test_every_ip_address_survives_being_written(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    """What is shown can be copied back into a file."""
    address = Address(str(ip), port)

    assert Address.parse(str(address), None) == address


@given(st.ip_addresses(v=6), ports)
def test_two_spellings_of_one_address_are_one(ip: ipaddress.IPv6Address, port: int) -> None:
    """Otherwise one device could stand in a file twice."""
    assert Address.parse(f"[{ip.exploded}]:{port}", None) == Address.parse(f"[{ip}]:{port}", None)
    assert Address.parse("CDU.Hall.", SNMP_PORT) == Address.parse("cdu.hall:161", SNMP_PORT)


@pytest.mark.parametrize(
    "text",
    ["", ":161", "10.0.0.300", "10.0.0", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:x", "a b", "a_b",
     "-a", "a..b", "[10.0.0.1]", "[::1", "::1", "1.2.3.4:161:2", "user@host", "http://h", "h/x",
     "é.example", "x" * 64, ".".join(["x" * 60] * 5), "1.2.3.4\n", "\uff11.2.3.4"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """With what it is, so that it can be found in a long file."""
    with pytest.raises(AddressError):
        Address.parse(text, SNMP_PORT)


def test_ipv6_needs_brackets_and_is_told_so() -> None:
    """In YAML it needs quotes as well, or the brackets begin a list."""
    with pytest.raises(AddressError, match=r'write IPv6 in brackets and quotes: "\[fe80::1\]"'):
        Address.parse("fe80::1", SNMP_PORT)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("[::1]", True), ("localhost", True),
     ("0.0.0.0", False), ("[::]", False),  # noqa: S104 -- asked about, not bound
      ("10.0.0.1", False), ("host", False)],
)  # fmt: skip
def test_what_only_this_machine_can_reach(text: str, *, loopback: bool) -> None:
    """On it depends what may be served without users and TLS."""
    assert Address.parse(text, 1).is_loopback is loopback


def test_a_broker_is_an_address() -> None:
    """With the registered port unless it says otherwise."""
    assert parse_broker("mqtt://127.0.0.1") == (Address("127.0.0.1", 1883), False)
    assert parse_broker("mqtt://hall:1884/") == (Address("hall", 1884), False)
    assert parse_broker("mqtts://[::1]") == (Address("::1", 8883), True)


@pytest.mark.parametrize(
    ("url", "what"),
    [("127.0.0.1", "want mqtts://HOST"), ("http://h", "want mqtts://HOST"),
     ("mqtts://h/topic", "remove the path"), ("mqtt://u:secret@h", "user or password"),
     ("mqtt://h/topic", "remove the path"), ("mqtt://", "no address")],
)  # fmt: skip
def test_a_url_that_is_no_broker_is_refused(url: str, what: str) -> None:
    """And a password in it is not repeated."""
    with pytest.raises(AddressError, match=what) as why:
        parse_broker(url)
    assert "secret" not in str(why.value)
