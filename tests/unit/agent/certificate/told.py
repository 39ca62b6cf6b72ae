"""A run of one stage of a small rack as its journal and its samples tell it, with a pause in it."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from agent.burnin.block import Block
from agent.burnin.design import AS_CABLED, Design, SpecChannel
from agent.burnin.event import Event, Kind
from agent.burnin.limits import Rung
from collectors.quantity import Quantity
from collectors.readings import Quality

END: Final = 3720.0
ASKED: Final = np.arange(0.0, END, 2.0)
GOOD: Final = 20  # the number of every good state
STRAY: Final = "not_in_the_spec"


def events(design: Design) -> list[Event]:
    """Tell what happened."""
    stage = {"stage": "soak", "attempt": 1}
    phase = {**stage, "step": None, "phase": "dwell", "load": 1.0, "part": None}
    over = {**stage, "outcome": "completed", "complete": True, "qualified_s": 3550.0, "text": ""}
    return [
        Event(0.0, Kind.RUN_STARTED, _opened(design)),
        *(Event(0.0, Kind.BOUND, _bound(design, device)) for device in design.places),
        Event(20.0, Kind.STAGE_STARTED, stage),
        Event(20.0, Kind.PHASE, phase),
        Event(40.0, Kind.WINDOW, {"judging": "qualified", "why": []}),
        Event(2000.0, Kind.PAUSED, {"by": "m.okafor", "reason": "fire drill"}),
        Event(2000.0, Kind.WINDOW, {"judging": "none", "why": ["paused"]}),
        Event(2100.0, Kind.RESUMED, {"by": "m.okafor", "reason": None}),
        Event(2100.0, Kind.WINDOW, {"judging": "qualified", "why": []}),
        Event(2200.0, Kind.CLOCK, {"state": "synchronised", "offset_s": 0.001, "step_s": 3600.0}),
        Event(3690.0, Kind.STAGE_OVER, over),
        Event(END, Kind.RUN_OVER, {"outcome": "completed", "by": None, "reason": ""}),
    ]


def blocks(
    design: Design, lost: tuple[float, float] = (0.0, 0.0), size: int = 100
) -> Iterator[Block]:
    """Make samples near nominal; `lost`: when the rack is silent."""
    rng = np.random.default_rng(4)
    for start in range(0, len(ASKED), size):
        asked = ASKED[start : start + size]
        for device, where in design.places.items():
            channels = design.channels[where][::-1]
            middle = np.array([_middle(channel) for channel in channels])
            noise = rng.standard_normal((len(asked), len(channels)))
            still = [c.row.scale.is_state or not c.row.rungs.nominal for c in channels]
            values = middle * (1 + 0.001 * np.where(still, 0.0, noise))
            values = np.column_stack([np.full(len(asked), 1e9), values])
            quality = np.full(values.shape, Quality.GOOD, np.uint8)
            if device == "rack":
                quality[(asked >= lost[0]) & (asked < lost[1])] = Quality.COMM_LOST
            values[quality != Quality.GOOD] = np.nan
            yield Block(
                device=device,
                binding=1,
                asked=asked,
                taken=asked + 0.1,
                values=values,
                quality=quality,
                raw=values,
            )


def column_of(design: Design, device: str, name: str) -> int:
    """Return where a channel stands in its device's arrays."""
    where = design.places[device]
    names = [channel.name for channel in design.channels[where][::-1]]
    return 1 + names.index(name)


def _opened(design: Design) -> dict[str, Any]:
    """Return the data of a run's first event."""
    spec = design.spec
    return {
        "run": "20260301T080000Z-bay12-0a41c7",
        "bay": "bay-12",
        "serial": "EX-1",
        "sku": None,
        "by": "m.okafor",
        "spec": {"id": spec.id, "revision": spec.revision, "hash": spec.canonical_hash},
        "software": {"rackproof": "0.4.0", "python": "3.11.2"},
        "clock": {"state": "synchronised", "offset_s": 0.0004},
        "wall": "2026-03-01T08:00:00Z",
    }


def _bound(design: Design, device: str) -> dict[str, Any]:
    """Return what a device's arrays hold: a column of no concern, then its channels backwards."""
    columns: list[dict[str, Any]] = [
        {
            "name": channel.name,
            "channel": channel.name,
            "quantity": channel.row.quantity.label if channel.row.quantity else "",
            "source": "",
            "kind": channel.row.kind.value,
            "states": {str(GOOD): _state(channel)} if channel.row.scale.is_state else {},
            "good_states": [],
        }
        for channel in design.channels[design.places[device]][::-1]
    ]
    stray = {**columns[0], "name": STRAY, "channel": STRAY, "quantity": "power", "states": {}}
    return {
        "device": device,
        "binding": 1,
        "profile": "raritan_pdu2",
        "profile_hash": "ab" * 32,
        "identity": {"vendor": "Example", "model": "X", "serial": device.upper(), "firmware": "1"},
        "interval_s": 2.0,
        "columns": [stray, *columns],
    }


def _state(channel: SpecChannel) -> str:
    """Return a state that a channel's limits allow."""
    bounds = channel.row.rungs.limits[Rung.FAIL]
    name = min(bounds.names) if bounds and bounds.names else "ok"
    return channel.cabled or name if name == AS_CABLED else name


def _middle(channel: SpecChannel) -> float:
    """Return a value that is well inside a channel's limits."""
    row = channel.row
    if row.scale.is_state:
        return GOOD
    if row.rungs.nominal is not None:
        return row.rungs.nominal
    if row.quantity is Quantity.COUNT:
        return 7.0
    found = (row.rungs.limits[rung] for rung in (Rung.WARN, Rung.FAIL))
    bounds = next((bounds for bounds in found if bounds is not None), None)
    if bounds is None:
        return 20.0
    if np.isfinite(bounds.low) and np.isfinite(bounds.high):
        return (bounds.low + bounds.high) / 2
    return 0.8 * bounds.high if np.isfinite(bounds.high) else 1.2 * bounds.low
