"""A spec becomes channels: counted, named, and with all that they inherit."""

from collections import Counter

import numpy as np
import pytest

from agent.burnin.design import Design
from agent.burnin.limits import Rung, Tolerance
from agent.burnin.show import resolved, summary


def place(design: Design, device: str, name: str) -> int:
    """Return where a channel stands."""
    (found,) = [n for n, c in enumerate(design.channels) if (c.device, c.name) == (device, name)]
    return found


def test_roles_counts_and_parts_multiply(rack: Design) -> None:
    """Eight shelves of six PSUs have 48 of whatever a PSU has; 39 ports are cabled, 4 by fibre."""
    often = Counter(channel.row.key for channel in rack.channels)

    assert rack.measured == 683
    assert len(rack.channels) == 704
    assert often["power_shelf.psu_temp"] == 48
    assert often["feed_meter.line_current"] == 6
    assert often["port.link"] == 39
    assert often["port.rx_power"] == 16
    assert often["phase_imbalance"] == 2


def test_names_are_unique_and_devices_stand_together(rack: Design) -> None:
    """A channel is found by device and name, a device by one slice."""
    assert len({(c.device, c.name) for c in rack.channels}) == len(rack.channels)
    for device, where in rack.places.items():
        assert {c.device for c in rack.channels[where]} == {device}
    assert sum(where.stop - where.start for where in rack.places.values()) == rack.measured


def test_ports_belong_to_the_switch_and_are_named_as_cabled(rack: Design) -> None:
    """`swp{i+20}` of eight rows is swp21 to swp28; both ends of the peer link are ours."""
    ports = {(c.device, c.part) for c in rack.channels if c.row.key == "port.link"}

    assert {("mgmt_switch2", f"swp{n}") for n in range(21, 29)} <= ports
    assert {("mgmt_switch1", "swp50"), ("mgmt_switch2", "swp50")} <= ports
    assert not [device for device, _ in ports if not device.startswith("mgmt_switch")]
    assert rack.channels[place(rack, "mgmt_switch1", "rx_power[swp49,lane4]")].cabled == "100G"


def test_limits_stand_in_the_canonical_unit(rack: Design) -> None:
    """73 kW are 73,000 W; 80 % of 60 A are 48 A; what is not limited is infinite."""
    power = place(rack, "feedA", "power")
    current = place(rack, "power_shelf3", "input_current[phase2]")

    assert rack.limits.high[:, power].tolist() == [70_000, 73_000, 150_000]
    assert rack.limits.low[:, power].tolist() == [-np.inf] * 3
    assert rack.limits.high[:, current].tolist() == [np.inf, 48, np.inf]
    assert rack.nominal[current] == 23.2


def test_an_excursion_ends_past_the_hysteresis(rack: Design) -> None:
    """0.5 K inside a temperature's limit, 1 % of the limit for a flow."""
    supply, flow = place(rack, "rack", "supply_temp"), place(rack, "rack", "flow")

    assert rack.limits.high_exit[Rung.FAIL, supply] == 43.5
    assert rack.limits.low_exit[Rung.FAIL, supply] == 36.5
    assert rack.limits.low_exit[Rung.FAIL, flow] == pytest.approx(151.5)


def test_inheritance_has_three_levels(rack: Design) -> None:
    """The channel goes before its quantity, and that before the defaults."""
    rows = {channel.row.key: channel.row for channel in rack.channels}

    assert rows["rack.flow"].hold == 10  # quantity
    assert rows["port.link"].hold == 30  # channel
    assert rows["feed_meter.power"].hold == 30  # defaults
    assert rows["rack.flow"].gap == 10  # its hold
    assert rows["power_shelf.psu_faults"].gap == 300
    assert rows["rack.leak"].always
    assert not rows["rack.dp"].always
    assert rows["power_shelf.output_voltage"].u == Tolerance(absolute=0.1)


def test_a_reading_speaks_for_its_slot_before_silence_begins(rack: Design) -> None:
    """Leak ropes are read every 2 s and may be silent for 15."""
    assert rack.silence[place(rack, "rack", "leak[zone1]")] == 17


@pytest.mark.parametrize(
    ("key", "absolute"),
    [
        ("rack_power", 990),  # two feeds of 1 %, each at its warn limit of 70 kW
        ("heat_to_liquid", 3453),  # 3.0 % at a difference of 10 K
        ("approach", 0.566),  # two probes of 0.4 K
    ],
)
def test_uncertainty_is_propagated(rack: Design, key: str, absolute: float) -> None:
    """First order, as if the inputs were independent."""
    (u,) = [channel.u for channel in rack.channels if channel.row.key == key]

    assert u is not None
    assert u.absolute == pytest.approx(absolute, rel=0.001)


def test_what_is_shown_can_be_json_and_names_every_limit(rack: Design) -> None:
    """A person and a program read the same resolved numbers."""
    cells = {(str(c["device"]), str(c["channel"])): c for c in resolved(rack)}

    assert len(cells) == 704
    assert cells["rack", "supply_temp"]["fail"] == "36..44"
    assert cells["rack", "supply_temp"]["trip"] == "max 50"
    assert cells["rack", "flow"]["fail"] == "min 150"
    assert cells["rack", "flow"]["u"] == "2 %"
    assert cells["mgmt_switch1", "speed[swp49]"]["fail"] == "is 100G"
    assert cells["mgmt_switch1", "errors[swp1]"]["fail"] == "max 10 per h"
    assert cells["cdu", "supply_temp"]["hysteresis"] == "0.5"
    assert cells["rack", "leak[zone1]"]["budget"] == "0 s"
    assert summary(rack)["judged"] == 698
    assert {type(value) for row in cells.values() for value in row.values()} <= {
        str,
        float,
        bool,
        type(None),
    }
