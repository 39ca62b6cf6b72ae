"""Lines: a channel of a device as it is bound, and all that is needed to read it at every poll."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from collectors.profile_format import Meaning
from collectors.readings import Channel
from collectors.rows import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One channel and how to read it: value = (raw * scale) + offset, in the canonical unit."""

    channel: Channel
    suffix: str  # the row's index
    scale: float
    offset: float
    light: bool  # a power in mW that is to be told in dBm
    meaning: Meaning
    remap: Mapping[int, int] = field(default_factory=dict)  # raw state -> value; others are faults
    available: str | None = None  # the object that says whether the value can be believed
    guards: Mapping[str, Value] = field(default_factory=dict)  # object -> what it said at binding
