"""A bay while it is open: its spec, what its devices' arrays hold, and the run that is on there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from agent import run_view
from agent.burnin.design import Design
from agent.burnin.live import LiveBay
from agent.open_run import OpenRun
from collectors.profile import is_draft
from collectors.readings import Channel, Identity

NOT_YET: Final = "its samples are being read back; ask again in a minute"


class Device(NamedTuple):
    """What a device's arrays hold, for runs that begin later."""

    columns: tuple[int, ...]
    size: int
    told: Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Bay:
    """One bay with a spec."""

    name: str
    design: Design
    spec_text: bytes
    live: LiveBay
    intervals: Mapping[str, float | None]  # None: a broker tells of it when it likes
    profiles: Mapping[str, str]  # by which its devices are read, and their hashes
    devices: dict[str, Device] = field(default_factory=dict)
    run: OpenRun | None = None
    idle: str = NOT_YET  # why a run that is not over does not go on here
    unread: str = ""  # why what a run left cannot be read back

    @property
    def trouble(self) -> str:
        """Return why its run cannot be stored, or read back; "" while all is well."""
        return self.unread if self.run is None else self.run.trouble

    def bound(
        self,
        device: str,
        channels: Sequence[Channel],
        served: Mapping[str, str],
        identity: Identity,
    ) -> Device:
        """Keep what a device's arrays hold; `served`: its channel's name -> the spec's."""
        if is_draft(identity.profile):
            served = {}  # it is shown, but evidence of nothing
        columns = tuple(n for n, channel in enumerate(channels) if channel.name in served)
        told = {
            "device": device,
            "profile": identity.profile,
            "profile_hash": self.profiles.get(identity.profile, ""),
            "identity": run_view.identity(identity),
            "interval_s": self.intervals.get(device),
            "columns": [run_view.column(channels[n], served) for n in columns],
        }
        self.devices[device] = known = Device(columns, len(channels), told)
        return known
