"""Tests for the metrics of runs: what alerts and dashboards read of a bay that is on."""

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from agent.exposition.floor import Floor
from agent.exposition.own import Own
from agent.exposition.runs import RunView

ON = RunView(
    run="r1",
    serial='SN"1',
    sku=None,
    stage="full_soak",
    attempt=2,
    phase="dwell",
    judging="qualified",
    qualified_s=60.5,
    required_s=86400.0,
    coverage=np.float64(0.998),
    coverage_min=0.995,
    verdict="PASS",
)


@pytest.fixture
def floor() -> Floor:
    """Return a bay that is judged by a spec."""
    floor = Floor()
    floor.add("bay-01", [])
    floor.rack("bay-01", {"spec": "nvl72", "revision": "C.3"})
    return floor


def _samples(floor: Floor) -> dict[str, dict[str, float]]:
    """Read the page as Prometheus does: family -> what tells its samples apart -> value."""
    found: dict[str, dict[str, float]] = {}
    for family in parse(floor.render(openmetrics=True).decode()):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k != "bay"}
            found.setdefault(sample.name, {})[",".join(labels.values())] = sample.value
    return found


def test_a_run_that_is_on_shows_where_it_is_and_how_it_stands(floor: Floor) -> None:
    """One series is 1 for the verdict, the others are 0: a rule need not know which came before."""
    floor.run("bay-01", ON)
    shown = _samples(floor)

    assert shown["rackproof_rack_info"] == {'nvl72,C.3,SN"1,,r1,full_soak': 1}
    assert shown["rackproof_run_stage_info"] == {"full_soak,2,dwell": 1}
    verdicts = {"PASS": 1, "INCONCLUSIVE": 0, "ABORTED": 0, "FAIL": 0}
    assert shown["rackproof_run_verdict"] == verdicts
    assert shown["rackproof_run_judging"] == {"none": 0, "always": 0, "qualified": 1}
    assert shown["rackproof_run_qualified_seconds"] == {"": 60.5}
    assert shown["rackproof_run_required_seconds"] == {"": 86400}
    assert shown["rackproof_run_coverage_ratio"] == {"": 0.998}
    assert shown["rackproof_run_coverage_required_ratio"] == {"": 0.995}
    assert shown["rackproof_run_held"] == {"": 0}


def test_a_run_that_is_over_leaves_its_verdict_alone(floor: Floor) -> None:
    """The rack may be gone; how it stands no longer moves, so nothing of that can stall."""
    floor.run("bay-01", replace(ON, verdict="FAIL", over=True))
    shown = {name: lines for name, lines in _samples(floor).items() if "rack" in name}

    assert shown.keys() == {"rackproof_rack_info", "rackproof_run_verdict"}
    assert shown["rackproof_rack_info"] == {"nvl72,C.3": 1}
    assert shown["rackproof_run_verdict"]["FAIL"] == 1


def test_what_is_not_known_is_not_shown(floor: Floor) -> None:
    """Coverage before anything was judged is no number; a bay that never had a run shows none."""
    floor.run("bay-01", replace(ON, coverage=None))
    assert "rackproof_run_coverage_ratio" not in _samples(floor)
    floor.run("bay-01", None)
    assert not [name for name in _samples(floor) if name.startswith("rackproof_run")]


def test_the_agent_says_whether_it_can_store_and_what_became_of_messages() -> None:
    """A full disk is a person's to mend, and a receiver that is down somebody else's."""
    own, counts = Own(version="0"), {("mes", "delivered"): 3}
    own.storage_of(lambda: False)
    own.deliveries_of(lambda: counts)
    page = own.render().decode()

    assert "\nrackproof_storage_ok 0.0\n" in page
    wanted = 'rackproof_agent_webhook_deliveries_total{outcome="delivered",webhook="mes"} 3.0'
    assert wanted in page
