"""The faults that telemetry can show, each with the verdict and the channels that must be named.

The rows are those of the fault table that the example spec was written against, in its order.
"""

from dataclasses import dataclass
from typing import Final

from agent.burnin.verdict import Verdict
from tests.simulation import faults as f
from tests.simulation.faults import Fault

SOAK: Final = {"full_soak": 900.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault and what must come of it."""

    fault: Fault
    verdict: Verdict
    names: tuple[str, ...] = ()  # that the reasons must speak of, with this verdict
    undecided: tuple[str, ...] = ()  # of which nothing must be proven
    within: tuple[str, ...] = ()  # no others may fail
    stages: dict[str, float | None]
    says_no: frozenset[str] = frozenset()


def failing(fault: Fault, *names: str, stages: dict[str, float | None] | None = None) -> Case:
    """Return a case that fails."""
    return Case(fault=fault, verdict=Verdict.FAIL, names=names, stages=stages or dict(SOAK))


def undecided(fault: Fault, *names: str, stages: dict[str, float | None] | None = None) -> Case:
    """Return a case that proves nothing."""
    return Case(fault=fault, verdict=Verdict.INCONCLUSIVE, names=names, stages=stages or dict(SOAK))


def passing(fault: Fault, stages: dict[str, float | None] | None = None) -> Case:
    """Return a case in which the verdict is that of a healthy rack."""
    return Case(fault=fault, verdict=Verdict.PASS, stages=stages or dict(SOAK))


def soak(name: str, **what: object) -> Fault:
    """Return a fault in the soak."""
    return Fault(name=name, stage="full_soak", **what)  # type: ignore[arg-type]


CASES: Final = (
    failing(f.leak(2, 0.5), "rack.leak[zone2]"),
    failing(soak("pump dies", happen=f.pump_dies(1)), "cdu.pump_ok[pump1]"),
    failing(
        Fault(name="the other pump dies", stage="pump_failover", happen=f.pump_dies(2)),
        "rack.flow",
        stages={"pump_failover": 300.0},
    ),
    failing(
        soak("strainer clogs", happen=f.plant(strainer=16.0)),
        "cdu.filter_dp",
        "rack.flow",
    ),
    failing(
        soak("plates clog", happen=f.plant(plates=1.5)), "derived.hydraulic_resistance", "rack.dp"
    ),
    failing(soak("valve sticks", happen=f.valve_sticks), "cdu.supply_temp", "rack.supply_temp"),
    failing(soak("phase lost", happen=f.phase_lost(0, 2)), "feedA.line_voltage[phase2]"),
    failing(soak("overload", happen=f.plant(overload=1.25)), "feedA.power", "derived.rack_power"),
    failing(
        Fault(name="overload on one feed", stage="feed_loss", happen=f.plant(overload=1.25)),
        "feedB.power",
        stages={"feed_loss": 300.0},
    ),
    failing(
        soak("supply dies", happen=f.psu_dies(3, 2)),
        "power_shelf3.psu_ok[psu2]",
        "power_shelf3.psu_faults[psu2]",
        "power_shelf3.psu_share[psu2]",
    ),
    Case(  # by plausibility only: its own limits stay green
        fault=soak(
            "probe is off by 1.5 K", distort=f.offset("rack", "supply_temp", 1.5), lasts=7200.0
        ),
        verdict=Verdict.FAIL,
        names=("derived.energy_residual",),
        within=(
            "derived.energy_residual",
            "derived.supply_disagreement",
            "derived.liquid_fraction",
        ),
        stages=dict(SOAK),
    ),
    undecided(soak("gauge is stuck", distort=f.stale("rack", "dp")), "rack.dp"),
    Case(
        fault=soak("probe is stuck", distort=f.stale("rack", "return_temp")),
        verdict=Verdict.ABORTED,  # the soak's clock stands, so that somebody must end it
        undecided=("rack.return_temp",),
        stages=dict(SOAK),
    ),
    failing(
        Fault(
            name="probe is noisy",
            stage="",
            happen=f.noisy("rack", "return_temp", 10.0),
        ),
        "end",
        stages={"power_on": 300.0, "full_soak": 900.0},
    ),
    failing(
        soak(
            "fan stands",
            distort=f.together(
                f.shown("power_shelf4", "fan_speed[psu5]", 0.0),
                f.offset("power_shelf4", "psu_temp[psu5]", 30.0),
            ),
        ),
        "power_shelf4.fan_speed[psu5]",
        "power_shelf4.psu_temp[psu5]",
    ),
    failing(
        soak("door fan stands", distort=f.shown("rear_door", "fan_ok[fan3]", 1.0)),
        "rear_door.fan_ok[fan3]",
    ),
    failing(
        Fault(
            name="link flaps",
            stage="network",
            lasts=15.0,
            happen=f.counted("mgmt_switch1", "flaps[swp3]", 2),
            distort=f.shown("mgmt_switch1", "link[swp3]", 1.0),
        ),
        "mgmt_switch1.flaps[swp3]",
        stages={"network": 900.0},
    ),
    failing(
        Fault(name="link decays", stage="network", distort=f.fec_decays("mgmt_switch1", "swp49")),
        "mgmt_switch1.errors[swp49]",
        "mgmt_switch1.pre_fec_ber[swp49] (not required)",
        "mgmt_switch1.fec_uncorrectable[swp49] (not required)",
        stages={"network": 1500.0},
    ),
    Case(
        fault=Fault(name="cables crossed", stage=""),
        verdict=Verdict.FAIL,
        names=("cabling_match",),
        stages={"power_on": 300.0},
        says_no=frozenset({"cabling_match"}),
    ),
    failing(
        Fault(name="feeds swapped", stage="", happen=f.plant(swapped_feeds=True)),
        "power_shelf5.psu_ok[psu1]",
        "end",
        stages={"full_soak": 600.0, "feed_loss": 300.0},
    ),
    undecided(
        soak("drop-out of a switch", lost=("mgmt_switch1",), lasts=120.0),
        "mgmt_switch1.fan_speed[fan1]",
        "mgmt_switch1.psu_ok[psu1]",
    ),
    undecided(
        soak("drop-out that may hide a trip", lost=("feedA",), lasts=6.0),
        "feedA.line_voltage[phase1]",
    ),
    passing(soak("drop-out within hold", lost=("mgmt_switch1",), lasts=6.0)),
    passing(soak("leak ropes silent within gap", lost=("compute_tray7",), lasts=6.0)),
    passing(soak("late by 9 s", on_the_way=("mgmt_switch1", "cdu"), delays=(9.0,), lasts=300.0)),
    undecided(
        soak("late by a minute", on_the_way=("mgmt_switch1",), delays=(60.0,), lasts=300.0),
        "mgmt_switch1.fan_speed[fan1]",
    ),
    passing(
        soak("sent twice", on_the_way=("mgmt_switch1", "cdu", "rack"), twice=True, lasts=600.0)
    ),
    passing(
        soak("out of order", on_the_way=("mgmt_switch1", "feedA"), delays=(7.0, 1.0), lasts=600.0)
    ),
    passing(soak("switch starts anew", reboots=("mgmt_switch1",))),
    failing(
        soak("meter shows ten times as much", distort=f.offset("feedA", "power", 0.0, 10.0)),
        "feedA.power",
    ),
    failing(
        soak("shelf shows a tenth", distort=f.offset("power_shelf2", "input_power", 0.0, 0.1)),
        "power_shelf2.input_power",
        "derived.meter_disagreement",
        "derived.shelf_imbalance",
    ),
)
DRIFT: Final = failing(  # takes a day to show
    soak("probe drifts by 0.2 K an hour", distort=f.drift("rack", "return_temp", -0.2)),
    "derived.energy_residual",
)
