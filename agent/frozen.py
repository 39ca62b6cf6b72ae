"""Who the devices of a rack said they are when a run first heard of them; a new part is another."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from agent.burnin.event import Event, Kind

TELLING: Final = ("model", "serial", "firmware")  # what a part does not change by itself


class Frozen:
    """The identities of one run. `past`: its events so far."""

    def __init__(self, past: Iterable[Event] = ()) -> None:
        self._known: dict[str, dict[str, str]] = {}
        for event in past:
            if event.kind is Kind.BOUND:
                self.seen(event.data["device"], event.data.get("identity", {}))

    def seen(self, device: str, now: Mapping[str, str]) -> dict[str, Any] | None:
        """Take in what a device says; return what has changed. What it does not say is no change.

        >>> frozen = Frozen()
        >>> frozen.seen("shelf", {"serial": "A"}), frozen.seen("shelf", {"serial": ""})
        (None, None)
        >>> frozen.seen("shelf", {"serial": "B"})
        {'device': 'shelf', 'was': {'serial': 'A'}, 'now': {'serial': 'B'}}
        """
        known = self._known.setdefault(device, {})
        said = {key: now[key] for key in TELLING if now.get(key)}
        other = {key: known[key] for key in said if known.get(key, said[key]) != said[key]}
        known |= said
        if not other:
            return None
        return {"device": device, "was": other, "now": {key: said[key] for key in other}}
