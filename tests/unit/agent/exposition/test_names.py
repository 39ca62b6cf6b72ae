"""Tests for metric names: the contract that dashboards and alert rules are written against."""

import re
from pathlib import Path

import pytest

from agent.exposition.names import FAMILIES, family
from agent.exposition.own import Own
from collectors.quantity import Quantity
from collectors.readings import Kind


@pytest.mark.parametrize(
    ("quantity", "kind", "name"),
    [
        (Quantity.TEMPERATURE, Kind.GAUGE, "rackproof_temperature_celsius"),
        (Quantity.ENERGY, Kind.COUNTER, "rackproof_energy_joules_total"),
        (Quantity.RATIO, Kind.GAUGE, "rackproof_ratio_ratio"),
        (Quantity.FLOW, Kind.GAUGE, "rackproof_flow_liters_per_second"),
        (Quantity.SPEED, Kind.GAUGE, "rackproof_speed_revolutions_per_minute"),
        (Quantity.OPTICAL_POWER, Kind.GAUGE, "rackproof_optical_power_decibel_milliwatts"),
        (Quantity.COUNT, Kind.COUNTER, "rackproof_count_total"),
        (Quantity.NUMBER, Kind.GAUGE, "rackproof_number"),
        (Quantity.STATE, Kind.GAUGE, "rackproof_state"),
        (Quantity.LEAK, Kind.GAUGE, "rackproof_state"),
        (Quantity.COUNT, Kind.GAUGE, "rackproof_count_present"),
        (Quantity.DURATION, Kind.COUNTER, "rackproof_duration_accumulated_seconds_total"),
    ],
)
def test_a_name_is_its_quantity_and_its_base_unit(
    quantity: Quantity, kind: Kind, name: str
) -> None:
    """Spelled out, because changing one breaks somebody's dashboard."""
    assert family(quantity, kind).name == name


def test_names_are_unique_also_without_what_openmetrics_takes_off() -> None:
    """OpenMetrics calls a counter by its name without `_total`; a gauge may not stand there."""
    names = [f.name.removesuffix("_total") for f in FAMILIES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("openmetrics", [False, True])
def test_headers_are_well_formed(openmetrics: bool) -> None:  # noqa: FBT001 -- a parameter of pytest's
    """A unit is said only where the name ends with it, and help is one sentence."""
    for one in FAMILIES:
        header = one.header(openmetrics=openmetrics).decode()
        name = re.findall(r"# TYPE (\S+)", header)[0]

        assert re.fullmatch(r"rackproof_[a-z_]+[a-z]", name)
        assert one.help.endswith(".")
        for unit in re.findall(r"# UNIT \S+ (\S+)", header):
            assert name.endswith(f"_{unit}")


def test_every_quantity_has_a_family() -> None:
    """A new quantity cannot be forgotten on the page."""
    assert {family(q, k) for q in Quantity for k in Kind} <= set(FAMILIES)


def test_the_documentation_names_every_family() -> None:
    """What is exported can be looked up; what can be looked up is exported."""
    unusual = {
        family(quantity, kind).name
        for quantity in Quantity
        for kind in Kind
        if re.search("_(present|accumulated)", family(quantity, kind).name)
    }
    agent = Own("0")
    agent.notifications_of(lambda: {("trap", "kept"): 1}, lambda: 0)
    own = {line.split()[2] for line in agent.render().decode().splitlines() if "# TYPE" in line}
    page = (Path(__file__).parents[4] / "docs" / "metrics.md").read_text()
    tables = set(re.findall(r"^\| `(rackproof_\w+)`", page, re.MULTILINE))

    assert {f.name for f in FAMILIES} - unusual <= tables
    assert tables <= {f.name for f in FAMILIES} | own
