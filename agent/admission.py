"""Whether a run may begin: a rack, in a bay whose spec has a plan, on a clock that is kept."""

from collections.abc import Iterable, Mapping
from typing import Any

from agent.acts import Refused, Start
from agent.bay import Bay
from agent.burnin.design import Design
from agent.clock import Synchrony
from agent.open_run import state_of
from collectors.profile import is_draft


def admit(
    home: Bay,
    start: Start,
    *,
    racks: Iterable[Mapping[str, Any]],
    clock: Synchrony,
    doubt: str = "",
) -> None:
    """Raise Refused, saying what to do, unless a run may begin. `racks`: of runs not over.

    `doubt`: why the parts in the bay cannot be believed.
    """
    spec = home.design.spec
    if spec.plan is None:
        raise Refused(409, f"spec {spec.id} has no plan; add one to run it")
    if start.spec_hash not in (None, spec.canonical_hash):
        raise Refused(409, f"the bay has another spec, of hash {spec.canonical_hash}")
    if other := next((rack for rack in racks if rack["serial"] == start.serial), None):
        raise Refused(409, f"rack {start.serial} is in {other['bay']}, in run {other['run']}")
    if spec.plan.wall_clock != "any" and not clock.synchronised:
        text = "synchronise it (chrony, systemd-timesyncd), or let the spec's plan say "
        raise Refused(409, f"the wall clock is {state_of(clock)}; {text}`wall_clock: any`")
    if doubt:
        raise Refused(409, f"{doubt}; one of them was copied, or is not where the floor file says")
    if drafted := [d for d, known in home.devices.items() if is_draft(known.told["profile"])]:
        text = "a draft that nobody has reviewed judges no rack; go through it, and remove "
        raise Refused(409, f"{', '.join(drafted)}: {text}`draft: true` from the profile")
    if slow := too_slow(home.design, home.intervals):
        raise Refused(409, f"polled too seldom: {'; '.join(slow)}; correct the floor file")


def too_slow(design: Design, intervals: Mapping[str, float | None]) -> list[str]:
    """Say which devices are polled more seldom than the spec must have their channels read."""
    found = []
    for device, where in design.places.items():
        interval = intervals.get(device)
        rows = [c.row for c in design.channels[where] if c.row.required and c.row.rungs.judged]
        every = min((row.every for row in rows), default=None)
        if interval is not None and every is not None and interval > every:
            found.append(f"{device} every {interval:g} s, to be read every {every:g} s")
    return found
