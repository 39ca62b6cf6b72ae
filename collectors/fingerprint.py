"""Which profile fits a device: by sysObjectID, sysDescr and objects that must exist.

All that a fingerprint states must hold. The better fit is the one that pins down more: the longer
sysObjectID, then a sysDescr pattern, then more objects. Two that fit equally well are refused.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from collectors.profile import Profile
from collectors.rule import below

STANDARD: Final = "standard"  # the profile for a device that no other fits


class AmbiguousError(ValueError):
    """Several profiles fit equally well; the message names them."""


def candidates(
    profiles: Iterable[Profile], sys_object_id: str, sys_descr: str
) -> tuple[Profile, ...]:
    """Return the profiles that sysObjectID and sysDescr do not rule out."""
    return tuple(p for p in profiles if _outline(p, sys_object_id, sys_descr) is not None)


def questions(profiles: Iterable[Profile]) -> tuple[str, ...]:
    """Return the columns and objects whose existence decides between these profiles."""
    return tuple(dict.fromkeys(oid for p in profiles for oid in p.fingerprint.exists))


def identify(
    profiles: Sequence[Profile],
    sys_object_id: str,
    sys_descr: str,
    present: Callable[[str], bool],
) -> Profile:
    """Return the profile that fits best, or the standard one where none fits.

    `present` says of each of `questions` whether the device has it, or something below it.
    Raises: AmbiguousError naming the profiles that fit equally well.
    """
    scored = []
    for profile in profiles:
        outline = _outline(profile, sys_object_id, sys_descr)
        if outline is not None and all(map(present, profile.fingerprint.exists)):
            scored.append(((*outline, len(profile.fingerprint.exists)), profile))
    if not scored:
        return next(p for p in profiles if p.name == STANDARD)
    best = max(score for score, _ in scored)
    fits = [profile for score, profile in scored if score == best]
    if len(fits) > 1:
        names = " and ".join(sorted(profile.name for profile in fits))
        raise AmbiguousError(f"{names} fit equally well; name the profile to use")
    return fits[0]


def _outline(profile: Profile, sys_object_id: str, sys_descr: str) -> tuple[int, int] | None:
    """Return how much of both a profile pins down; None where one of them rules it out."""
    marks = profile.fingerprint
    said = sys_object_id.lstrip(".")  # some devices send it as a text, with a dot before it
    arcs = [oid.count(".") + 1 for oid in marks.sys_object_id if below(said, oid)]
    if marks.sys_object_id and not arcs:
        return None
    if marks.sys_descr is not None and not re.search(marks.sys_descr, sys_descr):
        return None
    if not (marks.sys_object_id or marks.sys_descr or marks.exists):
        return None
    return max(arcs, default=0), int(marks.sys_descr is not None)
