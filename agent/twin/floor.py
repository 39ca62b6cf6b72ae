"""Simulated racks in bays, their people, and what is to go wrong: a floor without a socket."""

from collections.abc import Sequence
from typing import Final

from agent.burnin.attempt import required_s
from agent.burnin.design import Design
from agent.rehearsal.crew import COOLER_K, Crew, feeds_of, setups
from agent.rehearsal.points import build, points
from agent.twin.faults import Placed
from agent.twin.operator import SERIAL, Post
from agent.twin.places import BAY
from collectors.twin import breaking
from collectors.twin.faults import FaultError
from collectors.twin.racks import Racks

TEMPERED_K: Final = 1.0  # from its set point, a loop is tempered
SETTLE_S: Final = 3600.0  # until a rack at full load is as warm as it gets
PATIENCE_S: Final = 480.0  # at most, until people have answered


class Floor:
    """Racks of one design, one a bay. The rack of a bay has a seed of its own, which names it."""

    def __init__(self, design: Design, bays: int, seed: int) -> None:
        self.design = design
        self.bays = [BAY.format(number=number + 1) for number in range(bays)]
        self.racks = Racks(points(design), build(design), range(seed, seed + bays))

    def warm_up(self) -> None:
        """Let every rack be in the middle of a soak: at full load, as warm as it gets."""
        plant, built = self.racks.plant, self.racks.build
        plant.load[:] = 1.0
        plant.supply_set[:] = built.supply_degc
        plant.primary_set[:] = built.supply_degc - COOLER_K
        plant.filled[:] = plant.pumps[:] = plant.feeds[:] = True
        self.racks.advance(SETTLE_S)
        self.racks.read()

    def check(self, faults: Sequence[Placed]) -> None:
        """Look whether the racks have what is to be broken. Raises: FaultError."""
        seen = set()
        for placed in faults:
            name = placed.rack, placed.fault.name
            if name in seen:
                text = (
                    f"{self.bays[placed.rack]} has two faults of this name; give one name=ANOTHER"
                )
                raise FaultError(f"{placed.fault.name}: {text}")
            seen.add(name)
            breaking.plan(self.racks, placed.fault)

    def inflict(self, faults: Sequence[Placed]) -> None:
        """Let faults count from now that do not yet. Raises: FaultError."""
        for placed in faults:
            if placed.fault.name not in self.racks.faults(placed.rack):
                self.racks.inflict(placed.rack, placed.fault.after(self.racks.seconds))

    def posts(self, faults: Sequence[Placed]) -> dict[str, Post]:
        """Return who works at every bay; its faults begin with the run that is on there."""
        there, feeds = setups(self.design), feeds_of(self.design)
        patience = _patience(self.design)
        posts = {}
        for rack, bay in enumerate(self.bays):
            crew = Crew(there, feeds, self.racks.plant, rack, patience=patience)
            serial = SERIAL.format(number=self.racks.seeds[rack])
            mine = [placed for placed in faults if placed.rack == rack]
            posts[bay] = Post(bay, serial, crew, Bay(self, rack, mine))
        return posts


class Bay:
    """One bay, whose racks come and go."""

    def __init__(self, floor: Floor, rack: int, faults: Sequence[Placed]) -> None:
        self._floor = floor
        self._rack = rack
        self._faults = faults

    def roll_in(self) -> None:
        """Let the rack be whole, dry and without power; what is to go wrong with it counts now."""
        racks, rack = self._floor.racks, self._rack
        racks.mend(rack)
        plant = racks.plant
        plant.load[rack] = 0.0
        plant.feeds[rack] = plant.pumps[rack] = plant.filled[rack] = plant.gas[rack] = False
        plant.seated[rack] = True
        self.counts(None)

    def counts(self, stage: str | None) -> None:
        """Let the faults of a stage count from now."""
        self._floor.inflict([placed for placed in self._faults if placed.stage == stage])

    def tempered(self) -> bool:
        """Say whether its coolant, where it has some, is as warm as it was set to be."""
        plant, rack = self._floor.racks.plant, self._rack
        off = plant.signals.at["cdu.supply_temp"][rack] - plant.supply_set[rack]
        return bool(not plant.filled[rack] or abs(off) < TEMPERED_K)

    def miscabled(self) -> bool:
        """Say whether some cables are not where they should be."""
        return bool(self._floor.racks.crossed[self._rack])


def _patience(design: Design) -> float:
    """Return how long people take to answer: less than the shortest stage that asks them lasts."""
    stages = design.spec.plan.stages if design.spec.plan else []
    asking = [required_s(stage) / 2 for stage in stages if stage.needs and required_s(stage)]
    return min([PATIENCE_S, *asking])
