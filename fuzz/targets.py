"""All targets by name; each is imported only when it is wanted, for not all of them need all."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from fuzz.target import Target

MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "snmp": ("message", "shape"),
    "talks": ("talk",),
    "secured": ("v3_message", "v3_peer", "v3_proven"),
    "notices": ("notification", "hearing", "neighbours"),
    "mqtt": ("framing", "payload", "gateway", "bus"),
    "edge": ("protobuf", "sparkplug", "edge"),
    "documents": ("yaml", "profile", "floor", "spec", "expression", "recording"),
    "api": ("api", "negotiate"),
    "records": (
        *("canonical", "entry", "journal", "rows", "segment", "arrays", "spool", "manifest", "key"),
    ),
}
NAMES: Final = {name: module for module, names in MODULES.items() for name in names}


def load(name: str) -> Target:
    """Return a target. Raises: KeyError for one that there is not."""
    module = import_module(f"fuzz.{NAMES[name]}")
    found: dict[str, Target] = {target.name: target for target in module.TARGETS}
    return found[name]
