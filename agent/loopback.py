"""Which devices of a floor are beyond this machine: none of them can keep a false clock."""

import ipaddress

from agent.config import FloorConfig, Snmp


def beyond(config: FloorConfig) -> set[str]:
    """Return the devices and brokers that are not on this machine's loopback addresses."""
    far = {name for name, b in config.brokers.items() if not _is_here(b.address.host)}
    for bay in config.bays.values():
        for device in bay.devices.values():
            source = device.source
            if isinstance(source, Snmp) and not _is_here(source.address.host):
                far.add(f"{bay.name}/{device.name}")
    return far


def _is_here(host: str) -> bool:
    """Say whether an address is a loopback one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name may lead anywhere
        return host == "localhost"
