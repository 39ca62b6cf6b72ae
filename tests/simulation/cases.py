"""The faults that telemetry can show, each with the verdict and the channels that must be named.

The rows are those of the fault table that the example spec was written against, in its order. A
fault is written as `rackproof twin` takes it. It begins two minutes after its stage began to count,
so that it means the same in a plan of 34 hours and in one of half an hour.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from agent.burnin.verdict import Verdict
from agent.rehearsal.rig import Planned
from collectors.twin.faults import Fault

AFTER_S: Final = 120.0  # that a stage has counted
FAIL, INCONCLUSIVE, PASS = Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS

Stages = Mapping[str, float | None]  # those of a plan that are kept, and how long they last
SOAK: Final[Stages] = MappingProxyType({"full_soak": 900.0})
RAMP: Final[Stages] = MappingProxyType({"power_on": 60.0, "ramp": 180.0})
HOT: Final[Stages] = MappingProxyType({"full_soak": 180.0, "hot_coolant": 1800.0})
SHORT: Final[Stages] = MappingProxyType(
    {  # every stage of the plan, cut short
        "inventory": 60.0,
        "pressure_decay": None,
        "fill_flush": 300.0,
        "power_on": 120.0,
        "idle_soak": 120.0,
        "ramp": 180.0,
        "full_soak": 900.0,
        "hot_coolant": 600.0,
        "load_steps": 300.0,
        "feed_loss": 300.0,
        "psu_pull": 300.0,
        "pump_failover": 300.0,
        "network": 600.0,
        "cool_down": 300.0,
        "sign_off": 60.0,
    }
)


BRIEF: Final[Stages] = MappingProxyType(  # the same, as short as its windows allow
    {
        **SHORT,
        "power_on": 60.0,
        "full_soak": 300.0,
        "hot_coolant": 300.0,
        "load_steps": 120.0,
        "feed_loss": 120.0,
        "psu_pull": 120.0,
        "pump_failover": 120.0,
        "network": 300.0,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault and what must come of it. `{size}` in it stands for one of `sizes`."""

    name: str
    faults: tuple[str, ...]
    stage: str | None = "full_soak"  # in which it begins; None: it is there from the beginning
    verdict: Verdict = FAIL
    names: tuple[str, ...] = ()  # that the reasons must speak of, with this verdict
    within: tuple[str, ...] = ()  # no others may fail
    stages: Stages = field(default_factory=lambda: SOAK)
    sizes: tuple[float, ...] = ()  # to be studied; ascending, the last is the one that is judged
    unit: str = ""

    @property
    def stated(self) -> float | None:
        """Return the size that the fault table names."""
        return self.sizes[-1] if self.sizes else None

    def planned(self, size: float | None = None, later: float = 0.0) -> list[Planned]:
        """Return the faults, at the stated size or another, so many seconds `later` than usual."""
        size = self.stated if size is None else size
        parsed = [Fault.parse(text.format(size=size)) for text in self.faults]
        after = 0.0 if self.stage is None else AFTER_S + later
        return [Planned(fault=fault.after(after), stage=self.stage) for fault in parsed]


CASES: Final = (
    Case(
        name="leak",
        faults=("leak zone=2 size={size}",),
        names=("rack.leak[zone2]",),
        sizes=(0.003, 0.005, 0.01, 0.6),
        unit="L/min",
    ),
    Case(name="pump fails", faults=("pump_failure pump=1",), names=("cdu.pump_ok[pump1]",)),
    Case(
        name="the other pump fails",
        faults=("pump_failure pump=2",),
        stage="pump_failover",
        names=("rack.flow",),
        stages={"pump_failover": 300.0},
    ),
    Case(
        name="strainer clogs",
        faults=("filter_clog size={size}",),
        names=("cdu.filter_dp",),
        sizes=(2.0, 3.0, 3.5, 4.0, 8.0),
        unit="x",
    ),
    Case(
        name="cold plates clog",
        faults=("plates_clog size={size}",),
        names=("derived.hydraulic_resistance", "rack.dp"),
        sizes=(1.1, 1.15, 1.2, 1.5),
        unit="x",
    ),
    Case(
        name="valve sticks",
        faults=("stuck_valve size=40",),
        names=("rack.supply_temp",),
    ),
    Case(
        name="phase lost",
        faults=("phase_loss feed=A phase=2",),
        names=("feedA.line_voltage[phase2]",),
    ),
    Case(
        name="overload",
        faults=("overload size={size}",),
        names=("feedA.power", "derived.rack_power"),
        sizes=(1.0, 2.0, 3.0, 4.0, 25.0),
        unit="%",
    ),
    Case(
        name="overload on one feed",
        faults=("overload size=25",),
        stage="feed_loss",
        names=("feedB.power",),
        stages={"feed_loss": 300.0},
    ),
    Case(
        name="supply fails",
        faults=("psu_failure shelf=3 psu=2",),
        names=(
            "power_shelf3.psu_ok[psu2]",
            "power_shelf3.psu_faults[psu2]",
            "power_shelf3.psu_share[psu2]",
        ),
    ),
    Case(  # by plausibility only: its own limits stay green
        name="probe is off",
        faults=("sensor_offset channel=rack.supply_temp size={size} for=2h",),
        names=("derived.energy_residual",),
        within=(
            "derived.energy_residual",
            "derived.supply_disagreement",
            "derived.liquid_fraction",
        ),
        stages={"full_soak": 1800.0},
        sizes=(0.4, 0.6, 0.8, 1.5),
        unit="K",
    ),
    Case(
        name="gauge is stuck",
        faults=("sensor_stale channel=rack.dp",),
        verdict=INCONCLUSIVE,
        names=("rack.dp",),
    ),
    Case(
        name="probe is stuck",  # the soak's clock stands, and in the end the stage with it
        faults=("sensor_stale channel=rack.return_temp",),
        verdict=INCONCLUSIVE,
        names=("rack.return_temp", "end"),
    ),
    Case(
        name="probe is noisy",
        faults=("sensor_noise channel=rack.return_temp size={size}",),
        stage=None,
        names=("end",),
        stages={"power_on": 300.0, "full_soak": 900.0},
        sizes=(5.0, 7.0, 10.0),
        unit="x",
    ),
    Case(
        name="fan stands",
        faults=("fan_failure device=power_shelf4 fan=5",),
        names=("power_shelf4.fan_speed[psu5]", "power_shelf4.psu_temp[psu5]"),
    ),
    Case(
        name="door fan stands",
        faults=("fan_failure device=rear_door fan=3",),
        names=("rear_door.fan_ok[fan3]",),
    ),
    Case(
        name="link flaps",
        faults=("link_flap device=mgmt_switch1 port=swp3 for=1min",),
        stage="network",
        names=("mgmt_switch1.flaps[swp3]",),
        stages={"network": 600.0},
    ),
    Case(
        name="link decays",
        faults=("fec_decay device=mgmt_switch1 port=swp49 size={size}",),
        stage="network",
        names=(
            "mgmt_switch1.errors[swp49]",
            "mgmt_switch1.pre_fec_ber[swp49] (not required)",
            "mgmt_switch1.fec_uncorrectable[swp49] (not required)",
        ),
        stages={"network": 1800.0},
        sizes=(0.5, 0.75, 0.9, 1.0),
        unit="decades/5 min",
    ),
    Case(
        name="cables crossed",
        faults=("miscabling device=mgmt_switch1 port=swp1 with=swp2",),
        stage=None,
        names=("cabling_match",),
        stages={"power_on": 300.0},
    ),
    Case(
        name="feeds swapped",
        faults=("feed_swap",),
        stage=None,
        names=("power_shelf5.psu_ok[psu1]", "end"),
        stages={"full_soak": 600.0, "feed_loss": 300.0},
    ),
    Case(
        name="drop-out of a switch",
        faults=("drop_out device=mgmt_switch1 for={size}s",),
        verdict=INCONCLUSIVE,
        names=("mgmt_switch1.fan_speed[fan1]", "mgmt_switch1.psu_ok[psu1]"),
        sizes=(15.0, 30.0, 60.0, 120.0),
        unit="s",
    ),
    Case(
        name="drop-out that may hide a trip",
        faults=("drop_out device=feedA for=6s",),
        verdict=INCONCLUSIVE,
        names=("feedA.line_voltage[phase1]",),
    ),
    Case(
        name="drop-out within hold",
        faults=("drop_out device=mgmt_switch1 for=6s",),
        verdict=PASS,
    ),
    Case(
        name="leak ropes silent within gap",
        faults=("drop_out device=compute_tray7 for=6s",),
        verdict=PASS,
    ),
    Case(
        name="late by 9 s",
        faults=(
            "late device=mgmt_switch1 size=9 for=300s",
            "late device=cdu size=9 for=300s name=too",
        ),
        verdict=PASS,
    ),
    Case(
        name="late",
        faults=("late device=mgmt_switch1 size={size} for=300s",),
        verdict=INCONCLUSIVE,
        names=("mgmt_switch1.fan_speed[fan1]",),
        sizes=(10.0, 14.0, 18.0, 60.0),
        unit="s",
    ),
    Case(
        name="sent twice",
        faults=(
            "duplicate device=mgmt_switch1 for=600s",
            "duplicate device=cdu for=600s name=too",
            "duplicate device=rack for=600s name=three",
        ),
        verdict=PASS,
    ),
    Case(
        name="out of order",
        faults=(
            "reorder device=mgmt_switch1 size=7 for=600s",
            "reorder device=feedA size=7 for=600s name=too",
        ),
        verdict=PASS,
    ),
    Case(name="switch starts anew", faults=("reboot device=mgmt_switch1",), verdict=PASS),
    Case(name="clock steps", faults=("clock_step device=rack",), verdict=PASS),
    Case(
        name="meter shows a multiple",
        faults=("scale channel=feedA.power size={size}",),
        names=("feedA.power",),
        sizes=(1.01, 1.02, 1.03, 10.0),
        unit="x",
    ),
    Case(
        name="shelf shows a tenth",
        faults=("scale channel=power_shelf2.input_power size=0.1",),
        names=(
            "power_shelf2.input_power",
            "derived.meter_disagreement",
            "derived.shelf_imbalance",
        ),
    ),
)
DRIFT: Final = Case(  # takes a day to show
    name="probe drifts",
    faults=("sensor_drift channel=rack.return_temp size=-0.2",),
    names=("derived.energy_residual",),
    stages={"full_soak": None},
)
INSTRUMENTS: Final = (  # that are wrong from the beginning: what is plausible must tell
    Case(
        name="flow meter x10",
        faults=("scale channel=rack.flow size=10",),
        stage=None,
        names=("derived.flow_disagreement",),
        stages=RAMP,
    ),
    Case(
        name="shelf meter x10",
        faults=("scale channel=power_shelf2.input_power size=10",),
        stage=None,
        names=("derived.meter_disagreement",),
        stages=RAMP,
    ),
    Case(
        name="degF for degC",
        faults=("fahrenheit channel=cdu.supply_temp",),
        stage=None,
        names=("cdu.supply_temp", "derived.supply_disagreement"),
        stages=RAMP,
    ),
    Case(
        name="supply and return swapped",
        faults=("swapped_probes device=rack",),
        stage=None,
        names=("derived.supply_disagreement",),
        stages=RAMP,
    ),
    Case(
        name="wrong phase order",
        faults=("phase_order feed=A phases=1,2",),
        stage=None,
        verdict=INCONCLUSIVE,  # the load cannot be confirmed: the clock stands
        names=("end",),
        stages=RAMP,
    ),
    Case(
        name="dead current transformer",
        faults=("dead_ct feed=A phase=1",),
        stage=None,
        verdict=INCONCLUSIVE,
        names=("end",),
        stages=RAMP,
    ),
    Case(
        name="frozen value",
        faults=("sensor_stuck channel=rack.return_temp",),
        names=("derived.energy_residual",),
        stages=HOT,
    ),
    Case(
        name="wrong coolant",
        faults=("wrong_coolant",),
        stage=None,
        verdict=INCONCLUSIVE,  # nearer to the limit than its uncertainty
        names=("derived.hydraulic_resistance",),
        stages=RAMP,
    ),
)
