"""A rehearsal refuses what it could never show, before it begins."""

import pytest

from agent.burnin.design import Design
from agent.rehearsal.rehearsal import rehearse
from agent.rehearsal.rig import Planned
from collectors.twin.faults import Fault, FaultError


def test_a_fault_at_no_place_of_the_rack_is_refused(rack: Design) -> None:
    """Not hours later, in the stage in which it would begin."""
    fault = Fault.parse("scale channel=rack.nothing")
    with pytest.raises(FaultError, match=r"rack\.nothing"):
        rehearse(rack, [Planned(fault=fault, stage="network")])


def test_a_fault_in_no_stage_of_the_plan_is_refused(rack: Design) -> None:
    """It would never begin, and the rack pass."""
    with pytest.raises(KeyError, match="dance"):
        rehearse(rack, [Planned(fault=Fault.parse("leak"), stage="dance")])
