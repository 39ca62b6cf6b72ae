"""Who the devices of a rack say they are, against its bill of materials."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agent.burnin.design import Design
from agent.burnin.format import Bom
from agent.burnin.release import made_as, release
from collectors.readings import Identity

SERIALS: Final = "serials_read"  # needs of a plan that an agent may answer by itself
FIRMWARE: Final = "firmware_match"
RACK: Final = "rack"  # the role whose serial is that of the run
TEXT_CHARACTERS_MAX: Final = 500  # of one finding, in which a device may have its say
SHOWN_MAX: Final = 100  # findings that are kept of one look; a spec has as many devices


@dataclass(slots=True)
class Look:
    """What was found for one need of a plan. `answer`: None where not all of it can be known."""

    need: str
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)  # what mends it, in order

    @property
    def answer(self) -> bool | None:
        """Say whether the need is met."""
        if self.wrong:
            return False
        return True if self.right and not self.unknown else None

    @property
    def text(self) -> str:
        """Say in one line what was found."""
        first = (self.wrong or self.unknown or [f"{self.right} as designed"])[0]
        more = len(self.wrong or self.unknown) - 1
        return first + (f"; and {more} more" if more > 0 else "")

    def note(self, *, met: bool | None, text: str) -> None:
        """Add one finding."""
        if met:
            self.right += 1
        else:
            (self.unknown if met is None else self.wrong).append(text)

    @property
    def document(self) -> dict[str, Any]:
        """Return it as JSON, as a journal keeps it."""
        return {
            "need": self.need,
            "found": {True: "yes", False: "no", None: "unknown"}[self.answer],
            "right": self.right,
            "wrong": _shown(self.wrong),
            "unknown": _shown(self.unknown),
            "todo": _shown(self.todo),
        }


def _shown(texts: Sequence[str]) -> list[str]:
    r"""Return texts as a journal can hold them, whatever devices say.

    >>> _shown(["tray4 is a \ud800"])
    ['tray4 is a ?']
    """
    some = texts[:SHOWN_MAX]
    return [each[:TEXT_CHARACTERS_MAX].encode(errors="replace").decode() for each in some]


def serials(
    design: Design,
    known: Mapping[str, Identity],
    rack: str,
    others: Mapping[str, Iterable[str]],
) -> Look:
    """Look whether every part that must be known by serial is, and is of a model of the bill.

    `rack`: the serial that the run was begun with; `others`: serials of all other racks of the
    floor, and who has each.
    """
    look = Look(SERIALS)
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for device, bom in _billed(design):
        who = known.get(device)
        serial = rack if design.roles[device] == RACK else who.serial if who else ""
        if serial:
            holders[serial].append(device)
        if bom.serial == "required":
            text = f"{device}: {_silent(who)}" if not serial else device
            look.note(met=True if serial else None, text=text)
        if who is not None and made_as(bom.models, who.vendor, who.model) is False:
            models = " or ".join(bom.models)
            look.note(met=False, text=f"{device} is a {who.vendor} {who.model}, wanted {models}")
    for serial, here in holders.items():
        there = [*here[1:], *others.get(serial, ())]
        if there:
            look.wrong.append(f"{here[0]} has serial {serial}, and so has {', '.join(there)}")
    return look


def firmware(design: Design, known: Mapping[str, Identity]) -> Look:
    """Look whether firmware is what the bill demands."""
    look = Look(FIRMWARE)
    for device, bom in _billed(design):
        if bom.firmware is None:
            continue
        who = known.get(device)
        said = who.firmware if who else ""
        if not said:
            text = "it tells no firmware" if who else "it has not answered"
            look.note(met=None, text=f"{device}: {text}, wanted {bom.firmware}")
            continue
        met = release(bom.firmware).met(said)
        look.note(met=met.answer, text=f"{device}: {met.text}")
    return look


def _billed(design: Design) -> Iterable[tuple[str, Bom]]:
    """Yield the devices that have a bill of materials."""
    for device, role in design.roles.items():
        bom = design.spec.roles[role].bom
        if bom is not None:
            yield device, bom


def _silent(who: Identity | None) -> str:
    """Say why no serial is known."""
    return "it has not answered" if who is None else "it tells no serial; read it off the part"
