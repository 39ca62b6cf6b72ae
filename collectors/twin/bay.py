"""One simulated bay: its plant, its instruments, and what has been broken on purpose.

>>> bay = Bay(seed=1)
>>> bay.raise_fault("leak")
>>> for _ in range(10):
...     bay.step(1.0)
>>> bay.shown["rack.leak"]
1.0
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from collectors.twin.instruments import show
from collectors.twin.plant import Design, Faults, advance, settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to break a bay: what changes in the plant, and which devices fall silent."""

    story: str  # what happened, for the person at the terminal
    plant: Mapping[str, Any] = field(default_factory=dict)  # fields of Faults
    silent: frozenset[str] = frozenset()  # devices that stop answering


FAULTS: Final[Mapping[str, Fault]] = {
    "leak": Fault(
        story="a coupling drips 0.6 L/min onto the leak rope",
        plant={"leak_lpm": 0.6},
    ),
    "flow_low": Fault(
        story="debris clogs the strainer until the pumps cannot hold flow",
        plant={"strainer_times": 24.0},
    ),
    "feed_loss": Fault(
        story="feed B is dead; feed A carries the whole rack",
        plant={"feed_lost": (False, True)},
    ),
    "hot": Fault(
        story="facility water warms by 12 K, the coolant supply follows",
        plant={"primary_rise_k": 12.0},
    ),
    "silent": Fault(
        story="the PDU on feed B stops answering; the rack runs on",
        silent=frozenset({"feedB"}),
    ),
    "sensor_fault": Fault(
        story="the leak rope is broken and the return probe is open",
        plant={"sensor_dead": True},
    ),
}


class Bay:
    """A bay that lives: `step` moves it on, `shown` is what its instruments read now."""

    def __init__(self, *, seed: int = 0, design: Design | None = None) -> None:
        self.design = design or Design()
        self.rng = random.Random(seed)  # noqa: S311 -- a simulation must repeat, not surprise
        self.state = settled(self.design, self.rng)
        self.faults = Faults()
        self.silent: frozenset[str] = frozenset()
        self.shown = show(self.design, self.state, self.faults, self.rng)

    def step(self, dt: float) -> None:
        """Let `dt` seconds pass. `shown` stays the same mapping, so readers may keep it."""
        self.state = advance(self.design, self.state, self.faults, dt, self.rng)
        self.shown.update(show(self.design, self.state, self.faults, self.rng))

    def raise_fault(self, name: str) -> None:
        """Break something, from now on; several faults may stand together."""
        fault = FAULTS[name]
        self.faults = replace(self.faults, **fault.plant)
        self.silent |= fault.silent

    def repair(self) -> None:
        """End all faults; what has leaked is still on the floor, and ropes stay wet."""
        self.faults = Faults()
        self.silent = frozenset()
