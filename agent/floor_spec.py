"""What a bay is judged by: its design spec, and whether its devices are those it asks for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agent.burnin.cabling import links
from agent.burnin.design import Design
from agent.burnin.expand import expand, refuse
from agent.burnin.spec import load_spec
from agent.floor_check import hint, mapping, unknown
from agent.floor_format import RESERVED
from collectors.document import BYTES_MAX, Document, DocumentError, Problem

NUMBERED: Final = re.compile(r"(.*?)([0-9]+)")


class Specs:
    """The specs of one floor file, each loaded once however many bays share it."""

    def __init__(self, document: Document, folder: Path) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._document = document
        self._folder = folder
        self._designs: dict[str, Design | None] = {}
        self._texts: dict[str, bytes] = {}
        for bay, content in mapping(mapping(document.data).get("bays")).items():
            written = mapping(content).get("spec")
            if isinstance(written, str) and (design := self._design(bay, written)):
                self._fit(bay, design, mapping(mapping(content).get("devices")))
                self._wired(bay, design, mapping(mapping(content).get("macs")))

    def design(self, written: str | None) -> Design | None:
        """Return the design that a bay's `spec` leads to."""
        return None if written is None else self._designs[written]

    def text(self, written: str | None) -> bytes:
        """Return the file that a bay's `spec` leads to, as it is: a record keeps a copy."""
        return b"" if written is None else self._texts[written]

    def _design(self, bay: str, written: str) -> Design | None:
        """Load one spec; its problems are told with its own file and lines."""
        if written not in self._designs:
            self._designs[written] = None
            path = self._folder / written
            try:
                with path.open("rb") as file:
                    text = file.read(BYTES_MAX + 1)
                self._designs[written] = expand(load_spec(text, str(path)))
                self._texts[written] = text
            except OSError as error:
                why = f"{path}: {error.strerror}; check the path, it begins at this file's folder"
                self.problems.append(self._document.problem(("bays", bay, "spec"), why))
            except DocumentError as error:
                self.problems += error.problems
        return self._designs[written]

    def _fit(self, bay: str, design: Design, devices: Mapping[Any, Any]) -> None:
        """Compare the devices of a bay with those that its spec asks for."""
        for name, keys in devices.items():
            path = ("bays", bay, "devices", name)
            if name not in design.roles:
                text = "not in the spec, so it is shown and not judged; "
                self._warn(path, text + hint(name, design.roles))
                continue
            channels = [c.name for c in design.channels[: design.measured] if c.device == name]
            for channel in mapping(mapping(keys).get("map")):
                if channel not in channels:
                    text = unknown(f"{design.roles[name]} channel", channel, channels)
                    self.problems.append(self._document.problem((*path, "map", channel), text))
        absent = [name for name in design.roles if name not in {*devices, *RESERVED}]
        if absent:
            text = f"without {', '.join(ranges(absent))}: what the spec asks of them stays unknown"
            self._warn(("bays", bay, "devices"), text)
        if design.spec.status != "released":
            self._warn(("bays", bay, "spec"), f"this spec is {design.spec.status}, not released")

    def _wired(self, bay: str, design: Design, macs: Mapping[Any, Any]) -> None:
        """Compare the addresses of a bay with the cables that only an address can show."""
        cables = links(design.spec, design.roles, refuse)
        ends = {*design.roles, *(cable.far_device for cable in cables)}
        for name in macs:
            if name not in ends:
                path = ("bays", bay, "macs", name)
                self.problems.append(self._document.problem(path, unknown("device", name, ends)))
        silent = [c.far_device for c in cables if c.cable.lldp == "mac"]
        silent = [name for name in silent if name not in macs]
        if silent:
            text = "tell the MAC address of each here, or their cables stay unknown"
            self._warn(("bays", bay), f"macs of {', '.join(ranges(silent))} are missing; {text}")

    def _warn(self, path: tuple[str, ...], text: str) -> None:
        """Note what is odd but allowed."""
        self.warnings.append(self._document.problem(path, text))


def ranges(names: Sequence[str]) -> Iterator[str]:
    """Shorten numbered names that follow each other.

    >>> list(ranges(["cdu", "shelf1", "shelf2", "shelf3", "tray1"]))
    ['cdu', 'shelf1..3', 'tray1']
    """
    run: list[str] = []
    for name in [*names, ""]:
        if run and _next(run[-1]) != name:
            found = NUMBERED.fullmatch(run[-1])
            yield f"{run[0]}..{found[2]}" if found and len(run) > 1 else run[0]
            run = []
        run.append(name)


def _next(name: str) -> str | None:
    """Return the name that would follow."""
    found = NUMBERED.fullmatch(name)
    return f"{found[1]}{int(found[2]) + 1}" if found else None
