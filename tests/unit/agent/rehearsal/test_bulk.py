"""A bay that is read in bulk shows what one shows that takes its devices one by one."""

import numpy as np
import pytest

from agent.burnin.design import Design
from agent.burnin.live import LiveBay
from agent.rehearsal.bulk import BulkBay, groups
from agent.rehearsal.points import build, points
from agent.rehearsal.rig import SELF, device_channels
from collectors.readings import Quality, Readings
from collectors.twin.faults import Fault
from collectors.twin.racks import Racks


@pytest.mark.parametrize("fault", ["leak size=3", "psu_failure", "phase_loss", "filter_clog"])
def test_status_and_deviation_are_the_same(rack: Design, fault: str) -> None:
    """While something breaks, and some readings are not good."""
    racks = Racks(points(rack), build(rack), [1])
    plant = racks.plant
    plant.filled[:] = plant.pumps[:] = plant.feeds[:] = True
    plant.load[:], plant.supply_set[:], plant.primary_set[:] = 1.0, 40.0, 30.0
    racks.advance(3600.0)
    racks.inflict(0, Fault.parse(fault).after(racks.seconds + 20.0))
    channels = device_channels(rack)
    bulk, alone = BulkBay(rack, channels), LiveBay(rack)
    for device, there in channels.items():
        alone.bind(device, there, {})
    rng = np.random.default_rng(1)
    own = np.array([SELF.get(channel.name, 0.0) for channel in rack.channels[: rack.measured]])
    for step in range(1, 40):
        racks.advance(5.0)
        raw = own.copy()
        raw[: len(racks.points)] = racks.read()[0]
        good = rng.random(len(raw)) > 0.01
        at = 5.0 * step
        for group in groups(rack):
            values = bulk.columns(group).convert(raw[group.where])
            bulk.put(group.where, raw[group.where], values, good[group.where], at)
        for device, where in rack.places.items():
            quality = np.where(good[where], Quality.GOOD, Quality.STALE).astype(np.uint8)
            one = raw[where]
            readings = Readings(
                device=f"bay/{device}", taken_at=at, values=one, quality=quality, raw=one
            )
            alone.take(readings)
        status, deviation = bulk.judge(at)
        also, likewise = alone.judge(at)
        assert np.array_equal(status, also)
        assert np.array_equal(deviation, likewise, equal_nan=True)
    assert (status > 1).any()
