"""What a bill of materials demands of firmware and models, and whether a device's words meet it.

>>> release("PSU >= 1.14, PMC >= 2.08").met("PMC 2.08, PSU 1.9")
Met(answer=False, text='PSU 1.9, wanted >= 1.14')
>>> made_as(["raritan PX4", "apc AP8xxx"], "APC", "AP8853"), made_as(["PX4-*"], "Raritan", "PX3-55")
(True, False)
"""

import fnmatch
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

VERSION: Final = r"[vV]?(?P<version>\d+(?:[.\-_]?[0-9A-Za-z])*)"
CONSTRAINT: Final = re.compile(
    rf"(?:(?P<part>[A-Za-z][\w /-]*?)\s*)?(?P<how>>=|<=|==|=|!=|>|<)\s*{VERSION}"
)
TEXT_CHARACTERS_MAX: Final = 500  # of a device's words, that patterns are tried on
Key = tuple[tuple[int, int, str], ...]
EARLY: Final = ("a", "alpha", "b", "beta", "dev", "pre", "rc")  # before the version that they name
HOW: Final[Mapping[str, Callable[[Key, Key], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


class Met(NamedTuple):
    """Whether a demand is met; None: the device's words do not tell."""

    answer: bool | None
    text: str


class Constraint(NamedTuple):
    """One demand: of one part of a device, or of the only firmware that it has."""

    part: str
    how: str
    version: str

    def met(self, said: str) -> Met:
        """Compare with what a device says of its firmware."""
        found = self._version(said)
        name = self.part or "firmware"
        if found is None:
            return Met(
                None, f"it does not say which {name} it has, wanted {self.how} {self.version}"
            )
        answer = HOW[self.how](key(found), key(self.version))
        return Met(answer, f"{name} {found}, wanted {self.how} {self.version}")

    def _version(self, said: str) -> str | None:
        """Return the version that a device's words give this part."""
        text = said[:TEXT_CHARACTERS_MAX]
        before = rf"(?<![A-Za-z0-9]){re.escape(self.part)}[\s:=_-]*" if self.part else r"(?<![\w.])"
        found = re.search(before + VERSION, text, re.IGNORECASE)
        return found["version"] if found else None


class Release(NamedTuple):
    """What the firmware of a device must be. `named`: in words that only a person can compare."""

    constraints: tuple[Constraint, ...]
    named: str

    def met(self, said: str) -> Met:
        """Compare with what a device says of its firmware; what is worst counts."""
        if not self.constraints:
            pattern = rf"(?<!\w){re.escape(self.named)}(?![\w.])"
            there = self.named.strip() and re.search(pattern, said, re.IGNORECASE)
            text = f"it says {said!r}, wanted {self.named}"
            return Met(True if there else None, text)
        found = [constraint.met(said) for constraint in self.constraints]
        worst = [one for one in found if one.answer is False] or [
            one for one in found if one.answer is None
        ]
        kept = worst or found
        return Met(kept[0].answer, "; ".join(one.text for one in kept))


def release(text: str) -> Release:
    """Read what a bill of materials demands; words that compare nothing are a name."""
    parts = [part.strip() for part in text.split(",")]
    found = [CONSTRAINT.fullmatch(part) for part in parts]
    read = tuple(Constraint(m["part"] or "", m["how"], m["version"]) for m in found if m)
    return Release(read, "") if len(read) == len(parts) else Release((), text)


def key(version: str) -> Key:
    """Return what versions are compared by: numbers as numbers, and zeros at the end are nothing.

    >>> key("1.14") > key("1.9"), key("2.0") == key("2"), key("1.2rc1") < key("1.2")
    (True, True, True)
    """
    pieces = re.findall(r"\d+|[A-Za-z]+", version)
    parts = [
        (1, int(p), "") if p.isdecimal() else (-1 if p.casefold() in EARLY else 0, 1, p.casefold())
        for p in pieces
    ]
    while parts and parts[-1] == (1, 0, ""):
        parts.pop()
    return (*parts, (0, 0, ""))


def made_as(models: Sequence[str], vendor: str, model: str) -> bool | None:
    """Say whether a device is of one of these models; None: the words cannot be compared.

    A model with `*` or `?` is a pattern: a device that fits no pattern, and no words, is another
    one. Plain words must all be in what the device says; an `xxx` at their end stands for anything.
    """
    said = f"{vendor} {model}"[:TEXT_CHARACTERS_MAX].casefold()
    patterns = [each.casefold() for each in models if re.search(r"[*?]", each)]
    words = [w for each in models for w in re.split(r"\bor\b", each) if w.strip()]
    if any(fnmatch.fnmatchcase(name, p) for p in patterns for name in (said, model.casefold())):
        return True
    if model and any(all(_within(word, said) for word in each.split()) for each in words):
        return True
    return False if model and len(patterns) == len(models) else None


def _within(word: str, said: str) -> bool:
    """Say whether a word of a bill of materials is among a device's words."""
    stem = re.sub(r"x{2,}$", "", word.casefold())
    return re.search(rf"(?<![a-z0-9]){re.escape(stem)}", said) is not None
