"""The floor as metrics: arrays are taken in at every poll, text is made when somebody scrapes.

>>> from collectors.quantity import Quantity
>>> floor = Floor()
>>> floor.bind("bay-01", "cdu", [Channel("supply", Quantity.TEMPERATURE, "1.3.6.1")], {})
>>> values, quality = np.array([40.2]), np.zeros(1, np.uint8)
>>> floor.put(Readings(device="bay-01/cdu", taken_at=0, values=values, quality=quality, raw=values))
>>> [line.decode() for line in floor.render().splitlines() if b"celsius{" in line]
['rackproof_temperature_celsius{bay="bay-01",device="cdu",channel="supply"} 40.2']
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.exposition.bay import Bay, Section
from agent.exposition.device import Device
from agent.exposition.names import FAMILIES
from agent.exposition.overview import (
    FINDINGS_MAX,
    STATUS_NAMES,
    BayView,
    DeviceView,
    Finding,
    weight,
    worst,
)
from agent.exposition.runs import RunView
from collectors.readings import Channel, Identity, Readings

EOF: Final = b"# EOF\n"  # how an OpenMetrics text ends


class Floor:
    """All bays of one agent. Names of bays and devices are those of the floor file."""

    def __init__(self) -> None:
        self._bays: dict[str, Bay] = {}
        self._devices: dict[str, Device] = {}  # by "bay/device", as readings name them

    @property
    def bays(self) -> tuple[str, ...]:
        """Return the names of all bays."""
        return tuple(self._bays)

    @property
    def series(self) -> int:
        """Return how many series of readings are held."""
        return sum(len(device.values) for device in self._devices.values())

    def add(self, bay: str, devices: Iterable[str]) -> None:
        """Show a bay and its devices from now on, down until they answer."""
        self._bays.setdefault(bay, Bay(bay))
        for device in devices:
            self._device(bay, device).asked = True

    def remove(self, bay: str) -> None:
        """Show nothing more of a bay."""
        for device in self._bays.pop(bay, Bay(bay)).devices:
            del self._devices[f"{bay}/{device}"]

    def bind(
        self, bay: str, device: str, channels: Sequence[Channel], labels: Mapping[str, str]
    ) -> None:
        """Say which channels a device's arrays hold; `labels` gives some of them other names."""
        self._device(bay, device).bind(channels, labels)
        self._bays[bay].changed()

    def unbind(self, bay: str, device: str) -> None:
        """Show no readings of a device until it is bound again."""
        self.bind(bay, device, (), {})

    def identify(self, bay: str, device: str, identity: Identity) -> None:
        """Show what a device says it is."""
        self._device(bay, device).identify(identity)

    def rack(self, bay: str, info: Mapping[str, str]) -> None:
        """Say by what racks in the bay are judged: spec, revision."""
        self._bays[bay].rack = dict(info)

    def run(self, bay: str, view: RunView | None) -> None:
        """Say how the run stands that is in the bay, or was the last one; None: there was none."""
        self._bays[bay].run = view

    def cabling(self, bay: str, counts: Mapping[str, int]) -> None:
        """Say how many cables of a bay were found how; nothing while they were not looked at."""
        self._bays[bay].cables = counts

    def put(self, readings: Readings) -> None:
        """Take in one poll of one device; one that is no longer bound is passed over."""
        if device := self._devices.get(readings.device):
            device.put(readings)

    def polled(self, device: str, outcome: str, *, up: bool, seconds: float, at: float) -> None:
        """Count a poll of "bay/device" that took `seconds` and ended `at` (Unix time)."""
        if known := self._devices.get(device):
            known.polled(outcome, up=up, seconds=seconds, at=at)

    def heard(self, device: str, *, up: bool, at: float) -> None:
        """Note whether "bay/device", which nobody polls, is there as of `at` (Unix time)."""
        if known := self._devices.get(device):
            known.heard(up=up, at=at)

    def bind_status(self, bay: str, rows: Sequence[tuple[str, str]]) -> None:
        """Say which (device, channel) each row of the status arrays judges."""
        self._bays.setdefault(bay, Bay(bay)).judge(rows)

    def put_status(
        self, bay: str, status: NDArray[np.int8], deviation: NDArray[np.float64]
    ) -> None:
        """Take in a judgement. Shapes: status int8[L], deviation float64[L], NaN where unknown."""
        self._bays[bay].status[:] = status
        self._bays[bay].deviation[:] = deviation

    def section(self, bay: str) -> Section:
        """Return the text of one bay by family, for `page`: work for one turn of the loop."""
        known = self._bays.get(bay)  # it may go while a page is being put together
        return known.section() if known else {}

    def render(self, bay: str | None = None, *, openmetrics: bool = False) -> bytes:
        """Return the page of one bay, or of the whole floor."""
        bays = self._bays if bay is None else [bay]
        pieces = page(map(self.section, bays), openmetrics=openmetrics)
        return b"".join(pieces) + (EOF if openmetrics else b"")

    def _device(self, bay: str, name: str) -> Device:
        """Return a device, adding it where it is new."""
        key = f"{bay}/{name}"
        if key not in self._devices:
            home = self._bays.setdefault(bay, Bay(bay))
            self._devices[key] = home.devices[name] = Device(bay, name)
            home.changed()
        return self._devices[key]

    def overview(self) -> list[BayView]:
        """Return what the start page shows."""
        return [_view(bay) for bay in self._bays.values()]


def page(sections: Iterable[Section], *, openmetrics: bool) -> Iterator[bytes]:
    """Join bays to one page, in pieces, still open at its end: each family once, under a header."""
    held = list(sections)
    for index, family in enumerate(FAMILIES):
        if lines := [section[index] for section in held if index in section]:
            yield family.header(openmetrics=openmetrics)
            yield from lines


def _view(bay: Bay) -> BayView:
    """Look at one bay."""
    status = bay.status.tolist()
    by_device: dict[str, list[int]] = {}
    for (device, _), code in zip(bay.rows, status, strict=True):
        by_device.setdefault(device, []).append(code)
    counts = Counter(status)
    return BayView(
        name=bay.name,
        rack=bay.about_rack,
        run=bay.run,
        worst=worst(status),
        counts={STATUS_NAMES[c]: counts[c] for c in sorted(counts, key=weight, reverse=True)},
        findings=tuple(_findings(bay)),
        devices=tuple(
            DeviceView(
                name=device.name,
                profile=device.profile,
                up=device.up,
                worst=worst(by_device.get(device.name, ())),
                good=int(np.isfinite(device.values).sum()),
                channels=len(device.values),
                last_success=_known(device.last_success),
            )
            for device in bay.devices.values()
            if device.asked
        ),
    )


def _findings(bay: Bay) -> Iterator[Finding]:
    """Yield the judged channels that are not inside, the weightiest first, as many as are shown."""
    status = bay.status.tolist()
    outside = sorted(np.flatnonzero(bay.status).tolist(), key=lambda row: -weight(status[row]))
    for row in outside[:FINDINGS_MAX]:
        device, channel = bay.rows[row]
        yield Finding(
            device=device,
            channel=channel,
            status=STATUS_NAMES[status[row]],
            deviation=_known(bay.deviation[row]),
        )


def _known(value: float) -> float | None:
    """Return a number, or None where there is none."""
    return float(value) if np.isfinite(value) else None
