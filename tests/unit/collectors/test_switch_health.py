"""What a spec may ask of a switch's ports is served by every family that tells it."""

from pathlib import Path

import pytest

from collectors.binding import bind
from collectors.profile import load_profiles
from collectors.provided import serving
from collectors.quantity import Quantity
from collectors.recording import identified, read

ALWAYS = ("link[{port}]", "speed[{port}]", "errors[{port}]", "flaps[{port}]", "in_octets[{port}]")
OPTICS = ("rx_power[{port},lane1]", "rx_light[{port},lane1]", "module_temp[{port}]")
LIMITS = ("rx_power_limits[{port},lane1]", "module_temp_limits[{port}]")
PORTS = {  # a recording, one of its ports, and what is known of that one
    "arista_eos": ("Ethernet1", OPTICS + LIMITS),
    "arubaos-cx_8360": ("1/1/1", ()),
    "cumulus_edgecore-as4610-54p": ("swp1", ()),
    "dell-os10": ("ethernet1/1/1", ()),
    "dell-sonic": ("Eth1/53", ()),  # its optics are called Ethernet52, so a floor file maps them
    "dnos_z9100-on": ("TenGigabitEthernet 1/1/1", OPTICS),
    "edgecos_dcs203": ("Eth11/3(Port12)", OPTICS),
    "junos_qfx5100": ("xe-0/0/0", OPTICS + LIMITS),
    "nxos_n9k-c93180yc-fx3": ("Ethernet1/25", OPTICS + LIMITS),
    "ocnos_s9600-32x": ("xe1", ()),
    "srlinux": ("ethernet-1/1", ()),
}


@pytest.mark.parametrize("name", PORTS)
def test_the_ports_of_a_switch_are_served(shared: Path, name: str) -> None:
    """By the names that a spec and its cabling use for them."""
    rows = read(shared / "recordings" / "switch" / f"{name}.snmprec")
    profile = identified(rows, load_profiles())
    channels = {channel.name: channel for channel in bind(profile, rows).channels}
    port, more = PORTS[name]
    missing = []
    for pattern in (*ALWAYS, *more):
        wanted = pattern.replace("{port}", port)
        found = [each for each in serving(wanted, profile.provides["port"]) if each in channels]
        if not found:
            missing.append(wanted)
        elif pattern.startswith(("rx_light", "rx_power_limits")):
            assert channels[found[0]].quantity is Quantity.STATE
    assert not missing, [each for each in channels if each.startswith("port/")][:40]
