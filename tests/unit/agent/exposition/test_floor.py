"""Tests for the floor's page: what a person who scrapes it relies on."""

import re

import numpy as np
import pytest

from agent.exposition.device import SERIES_MAX
from agent.exposition.floor import Floor
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Kind, Quality, Readings


def _channel(name: str, quantity: Quantity = Quantity.TEMPERATURE) -> Channel:
    """Make a channel; where its value lies does not matter here."""
    kind = Kind.COUNTER if quantity is Quantity.ENERGY else Kind.GAUGE
    return Channel(name, quantity, "1.3", kind, states={0: "dry", 1: "wet"})


def _put(floor: Floor, device: str, values: list[float], quality: dict[int, Quality]) -> None:
    """Put one poll; `quality` names the readings that are not good."""
    array = np.array(values)
    codes = np.array([quality.get(i, Quality.GOOD) for i in range(len(values))], np.uint8)
    floor.put(Readings(device=device, taken_at=0.0, values=array, quality=codes, raw=array))


def _lines(floor: Floor, name: str, bay: str | None = None) -> dict[str, float]:
    """Return the samples of one family: labels -> value."""
    text = floor.render(bay).decode()
    return {
        labels: float(value)
        for labels, value in re.findall(rf"^{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
    }


@pytest.fixture
def floor() -> Floor:
    """Return two bays; the first has a CDU with four channels, the second a silent PDU."""
    floor = Floor()
    quantities = {
        "supply": Quantity.TEMPERATURE,
        "flow": Quantity.FLOW,
        "energy": Quantity.ENERGY,
        "leak": Quantity.LEAK,
    }
    channels = [_channel(name, quantity) for name, quantity in quantities.items()]
    floor.add("bay-01", ["cdu"])
    floor.bind("bay-01", "cdu", channels, {"supply": "supply_temp"})
    floor.add("bay-02", ["feedA"])
    return floor


def test_derived_channels_are_no_device_that_could_be_down(floor: Floor) -> None:
    """They are shown like a device's, but nobody polls them: an alert on silence would be false."""
    floor.bind("bay-01", "derived", [_channel("delta_t", Quantity.TEMPERATURE_DELTA)], {})
    _put(floor, "bay-01/derived", [10.0], {})

    here = 'bay="bay-01",device="derived",channel='
    assert _lines(floor, "rackproof_temperature_delta_kelvin") == {f'{here}"delta_t"': 10.0}
    assert not [labels for labels in _lines(floor, "rackproof_device_up") if "derived" in labels]
    assert [device.name for device in floor.overview()[0].devices] == ["cdu"]


def test_readings_are_shown_in_base_units_under_the_specs_names(floor: Floor) -> None:
    """172.5 L/min are 2.875 L/s, 1 kWh is 3.6 MJ, and the spec's word wins over the profile's."""
    _put(floor, "bay-01/cdu", [40.2, 172.5, 1.5, 0.0], {})

    here = 'bay="bay-01",device="cdu",channel='
    assert _lines(floor, "rackproof_temperature_celsius") == {f'{here}"supply_temp"': 40.2}
    assert _lines(floor, "rackproof_flow_liters_per_second") == {f'{here}"flow"': 2.875}
    assert _lines(floor, "rackproof_energy_joules_total") == {f'{here}"energy"': 5_400_000.0}
    assert _lines(floor, "rackproof_state") == {f'{here}"leak"': 0.0}
    assert _lines(floor, "rackproof_state_info") == {f'{here}"leak",state="dry"': 1.0}


def test_a_reading_that_is_not_good_is_not_shown(floor: Floor) -> None:
    """A number left on the page would look measured, whatever its value."""
    _put(floor, "bay-01/cdu", [40.2, 172.5, -3.0, np.nan], {0: Quality.STALE, 3: Quality.COMM_LOST})

    assert not _lines(floor, "rackproof_temperature_celsius")
    assert len(_lines(floor, "rackproof_flow_liters_per_second")) == 1
    assert not _lines(floor, "rackproof_energy_joules_total"), "a counter below zero is no count"
    assert not _lines(floor, "rackproof_state_info")


def test_a_lost_device_takes_only_its_own_readings_with_it(floor: Floor) -> None:
    """The last values of a device that fell silent do not stand there for ever."""
    floor.bind("bay-02", "feedA", [_channel("inlet")], {})
    _put(floor, "bay-02/feedA", [30.0], {})
    _put(floor, "bay-01/cdu", [40.2, 172.5, 1.5, 0.0], {})
    floor.put(Readings.lost("bay-01/cdu", 1.0, 4, Quality.COMM_LOST))

    assert list(_lines(floor, "rackproof_temperature_celsius").values()) == [30.0]


def test_a_judged_channel_always_has_a_status(floor: Floor) -> None:
    """Absence is a value: -1 before the first judgement, whether the device answers or not."""
    rows = [("cdu", "supply_temp"), ("derived", "heat_balance")]
    floor.bind_status("bay-01", rows)
    before = _lines(floor, "rackproof_channel_status")
    floor.put_status("bay-01", np.array([2, -1], np.int8), np.array([1.25, np.nan]))
    after = _lines(floor, "rackproof_channel_status")

    supply, balance = (f'bay="bay-01",device="{d}",channel="{c}"' for d, c in rows)
    assert before == {supply: -1, balance: -1}
    assert after == {supply: 2, balance: -1}
    assert _lines(floor, "rackproof_deviation_ratio") == {supply: 1.25}


def test_polls_tell_who_answers(floor: Floor) -> None:
    """A device is down until it answers, and down again when it stops; its last answer is kept."""
    feed = 'bay="bay-02",device="feedA"'
    assert _lines(floor, "rackproof_device_up", "bay-02") == {feed: 0.0}
    floor.polled("bay-02/feedA", "ok", up=True, seconds=0.021, at=1_700_000_000.0)
    assert _lines(floor, "rackproof_device_up", "bay-02") == {feed: 1.0}
    floor.polled("bay-02/feedA", "timeout", up=False, seconds=8.0, at=1_700_000_010.0)

    assert _lines(floor, "rackproof_device_up", "bay-02") == {feed: 0.0}
    assert _lines(floor, "rackproof_device_last_success_timestamp_seconds") == {feed: 1.7e9}
    assert _lines(floor, "rackproof_device_poll_seconds") == {feed: 8.0}
    assert _lines(floor, "rackproof_device_polls_total") == {
        f'{feed},outcome="ok"': 1.0,
        f'{feed},outcome="timeout"': 1.0,
    }


def test_a_serial_stands_only_with_its_rack(floor: Floor) -> None:
    """Series live on from rack to rack; what changes with the rack is in one info line."""
    floor.identify("bay-01", "cdu", Identity("demo", "cooling", "Vendor", "CDU 1\n", serial="S-1"))
    floor.rack("bay-01", {"serial": "R-77", "sku": "NVL72", "spec": "nvl72", "run": ""})

    text = floor.render("bay-01").decode()
    assert "S-1" not in text
    assert text.count("R-77") == 1
    assert 'vendor="Vendor",model="CDU 1"' in text


def test_one_bay_is_shown_alone_and_each_family_in_one_piece(floor: Floor) -> None:
    """Prometheus refuses a family that comes twice."""
    floor.bind("bay-02", "feedA", [_channel("inlet"), _channel("outlet")], {})
    _put(floor, "bay-01/cdu", [40.2, 172.5, 1.5, 0.0], {})
    _put(floor, "bay-02/feedA", [30.0, 31.0], {})

    text = floor.render().decode()
    types = re.findall(r"# TYPE (\S+)", text)
    assert len(set(types)) == len(types)
    order = [line.partition("{")[0] for line in text.splitlines() if line[0] != "#"]
    assert [name for i, name in enumerate(order) if i == 0 or name != order[i - 1]] == types
    assert "bay-01" not in floor.render("bay-02").decode()


def test_a_device_with_too_many_channels_is_cut_and_counted(floor: Floor) -> None:
    """One device that grows without end cannot take the page away from the others."""
    many = [_channel(f"port/{index}") for index in range(SERIES_MAX + 3)]
    floor.bind("bay-02", "feedA", many, {})
    _put(floor, "bay-02/feedA", [1.0] * len(many), {})

    assert len(_lines(floor, "rackproof_temperature_celsius", "bay-02")) == SERIES_MAX
    assert list(_lines(floor, "rackproof_agent_series_dropped_total").values()) == [3.0]
    assert floor.series == SERIES_MAX + 4


def test_what_was_taken_away_is_gone_and_late_readings_do_no_harm(floor: Floor) -> None:
    """A poll may still be under way when a bay leaves the floor file."""
    floor.unbind("bay-01", "cdu")
    assert not _lines(floor, "rackproof_temperature_celsius")
    floor.remove("bay-01")
    _put(floor, "bay-01/cdu", [40.2, 172.5, 1.5, 0.0], {})
    floor.polled("bay-01/cdu", "ok", up=True, seconds=0.1, at=0.0)

    assert floor.bays == ("bay-02",)
    assert floor.render("bay-01") == b""


def test_the_overview_weighs_the_unknown_above_a_warning(floor: Floor) -> None:
    """What is not known may be a failure; it is not overlooked for a warning beside it."""
    floor.bind_status("bay-01", [("cdu", "supply_temp"), ("cdu", "flow"), ("derived", "x")])
    floor.put_status("bay-01", np.array([1, -1, 0], np.int8), np.zeros(3))
    _put(floor, "bay-01/cdu", [40.2, 172.5, np.nan, 0.0], {})

    bay, other = floor.overview()
    assert (bay.worst, other.worst) == ("unknown", "")
    assert bay.counts == {"warn": 1, "unknown": 1, "inside": 1}
    assert (bay.devices[0].good, bay.devices[0].channels, bay.devices[0].worst) == (3, 4, "unknown")
    assert other.devices[0].last_success is None
    assert [(finding.channel, finding.status) for finding in bay.findings] == [
        ("flow", "unknown"),
        ("supply_temp", "warn"),
    ]
