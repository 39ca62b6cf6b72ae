"""What happens in a bay: heat into liquid and air, pumps against a strainer, amperes on six lines.

A small model of one liquid-cooled rack and the bay around it. Every joule that the feeds deliver
goes into the liquid or the air, and every joule the liquid carries away was stored or delivered
before: the balance that the agent checks closes here by construction, not by tuning.

`advance` is pure: the same state, faults, step and generator give the same next state. Units are
in the names: watts, kelvin, degrees Celsius, litres a minute, kilopascal, volts, amperes.
"""

import math
import random
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

STEP_SECONDS_MAX: Final = 0.5  # the fastest lag is 4 s; explicit Euler is stable far above this
AIR_J_PER_M3_K: Final = 1.2 * 1006.0  # density times heat capacity of room air
WATER_W_PER_LPM_K: Final = 4180.0 / 60.0  # facility water near 20 degC, 1 kg a litre
MAGNUS: Final = (17.62, 243.12)  # dew point over water; Sonntag 1990, valid -45 to 60 degC


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What the bay was built for; half of a 132 kW rack, with parameters scaled to it."""

    power_w: float = 66_000.0
    liquid_share: float = 0.87
    supply_degc: float = 40.0
    flow_lpm: float = 86.25  # 1.5 litres a minute for each kilowatt into liquid
    line_volts: float = 240.0
    breaker_amps: float = 125.0
    power_factor: float = 0.99
    feed_shares: tuple[float, float] = (0.503, 0.497)
    phase_shares: tuple[float, float, float] = (0.338, 0.334, 0.328)
    room_degc: float = 24.0
    room_humidity: float = 45.0
    primary_degc: float = 30.0
    primary_lpm_max: float = 140.0
    exchanger_w_per_k: float = 7_500.0
    chip_j_per_k: float = 17_500.0
    chip_k_per_w: float = 0.6e-3
    plates_litres: float = 10.0
    loop_litres: float = 60.0
    door_m3_s: float = 0.75
    door_water_lpm: float = 18.0
    door_water_degc: float = 14.0
    pump_kpa: float = 320.0  # at full speed without flow
    pump_curve: float = 0.0120  # kPa a (L/min)^2, likewise the four below
    rack_curve: float = 0.0148
    exchanger_curve: float = 0.00336
    strainer_curve: float = 0.0020


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is broken now; the fields are sizes, and zero or False is health."""

    leak_lpm: float = 0.0
    strainer_times: float = 1.0  # its resistance over that of a clean one
    feed_lost: tuple[bool, bool] = (False, False)
    primary_rise_k: float = 0.0
    sensor_dead: bool = False  # a leak rope is broken and a return probe is open


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The bay at one moment, as it is and not as an instrument shows it."""

    seconds: float = 0.0
    load: float = 1.0
    mains: float = 1.0  # supply voltage over nominal
    chip_degc: float = 84.0
    return_degc: float = 50.0
    supply_degc: float = 40.0
    primary_degc: float = 30.0
    valve: float = 0.75  # opening of the primary valve, 0 to 1
    valve_sum: float = 0.75  # what the supply controller has integrated
    pump: float = 0.865  # speed over full speed
    strainer_times: float = 1.0
    door_w: float = 8_580.0
    leaked_litres: float = 0.0
    energy_kwh: tuple[float, float] = (1_240.0, 1_238.0)
    room_degc: float = 24.0
    room_humidity: float = 45.0
    flow_lpm: float = 86.25
    removed_w: float = 57_420.0  # what the exchanger takes out of the loop
    feed_w: tuple[float, float] = (33_000.0, 33_000.0)

    @property
    def power_w(self) -> float:
        """Return what both feeds deliver together."""
        return sum(self.feed_w)


class Drift(NamedTuple):
    """How a value of the outside world wanders."""

    mean: float
    spread: float  # standard deviation
    seconds: float  # time constant of its memory


def coolant_j_per_litre_k(degc: float) -> float:
    """Return density times heat capacity of a 25 vol % propylene glycol coolant.

    Source: fit to Melinder's coefficients, 15 to 65 degC, within 0.1 %.
    """
    density = 1027.31 - 0.31696 * degc - 0.0026412 * degc * degc  # kg/m3
    return density * (3863.97 + 2.41695 * degc) / 1000.0


def dew_point_degc(degc: float, humidity: float) -> float:
    """Return the dew point of air at a relative humidity in percent."""
    slope, offset = MAGNUS
    gamma = math.log(humidity / 100.0) + slope * degc / (offset + degc)
    return offset * gamma / (slope - gamma)


def advance(design: Design, state: State, faults: Faults, dt: float, rng: random.Random) -> State:
    """Return the bay `dt` seconds later. Cost: about 20 µs a half-second step."""
    steps = max(1, math.ceil(dt / STEP_SECONDS_MAX))
    for _ in range(steps):
        state = _step(design, state, faults, dt / steps, rng)
    return state


def settled(design: Design, rng: random.Random) -> State:
    """Return a bay that has run long enough at full load for its temperatures to stand still."""
    return replace(advance(design, State(), Faults(), 900.0, rng), seconds=0.0)


def _step(design: Design, state: State, faults: Faults, dt: float, rng: random.Random) -> State:
    """Take one explicit Euler step; all rates are taken from the state before it."""
    feed_w = _feeds(design, state, faults)
    heat_w = sum(feed_w) * design.liquid_share
    air_w = sum(feed_w) - heat_w
    flow, pump = _hydraulics(design, state, dt)
    carrier = coolant_j_per_litre_k((state.supply_degc + state.return_degc) / 2) * flow / 60.0
    removed = _exchanger(design, state, carrier)
    from_chips = (state.chip_degc - state.return_degc) / design.chip_k_per_w
    carried = carrier * (state.return_degc - state.supply_degc)
    litre = coolant_j_per_litre_k(45.0)
    valve, valve_sum = _supply_control(design, state, dt)
    return replace(
        state,
        seconds=state.seconds + dt,
        load=_wander(state.load, Drift(1.0, 0.004, 120.0), dt, rng),
        mains=_wander(state.mains, Drift(1.0, 0.002, 300.0), dt, rng),
        room_degc=_wander(state.room_degc, Drift(design.room_degc, 0.3, 900.0), dt, rng),
        room_humidity=_wander(
            state.room_humidity, Drift(design.room_humidity, 1.0, 900.0), dt, rng
        ),
        primary_degc=_lag(
            state.primary_degc, design.primary_degc + faults.primary_rise_k, 10.0, dt
        ),
        strainer_times=_lag(state.strainer_times, faults.strainer_times, 6.0, dt),
        chip_degc=state.chip_degc + (heat_w - from_chips) * dt / design.chip_j_per_k,
        return_degc=state.return_degc
        + (from_chips - carried) * dt / (litre * design.plates_litres),
        supply_degc=state.supply_degc + (carried - removed) * dt / (litre * design.loop_litres),
        valve=valve,
        valve_sum=valve_sum,
        pump=pump,
        flow_lpm=flow,
        removed_w=removed,
        door_w=_lag(state.door_w, air_w, 60.0, dt),
        leaked_litres=state.leaked_litres + faults.leak_lpm * dt / 60.0,
        feed_w=feed_w,
        energy_kwh=(
            state.energy_kwh[0] + feed_w[0] * dt / 3.6e6,
            state.energy_kwh[1] + feed_w[1] * dt / 3.6e6,
        ),
    )


def _feeds(design: Design, state: State, faults: Faults) -> tuple[float, float]:
    """Share the load between the feeds that are there; with neither, the rack is dark."""
    alive = [
        0.0 if lost else share
        for share, lost in zip(design.feed_shares, faults.feed_lost, strict=True)
    ]
    total = sum(alive)
    demand = design.power_w * state.load
    return (demand * alive[0] / total, demand * alive[1] / total) if total else (0.0, 0.0)


def _hydraulics(design: Design, state: State, dt: float) -> tuple[float, float]:
    """Return the flow that pump and loop agree on, and the speed the flow controller asks for."""
    resistance = (
        design.pump_curve
        + design.rack_curve
        + design.exchanger_curve
        + design.strainer_curve * state.strainer_times
    )
    flow = state.pump * math.sqrt(design.pump_kpa / resistance)
    wanted = state.pump * design.flow_lpm / flow
    return flow, min(1.0, _lag(state.pump, wanted, 4.0, dt))


def _exchanger(design: Design, state: State, carrier: float) -> float:
    """Return the heat through a counter-flow plate exchanger by effectiveness and NTU."""
    primary_lpm = design.primary_lpm_max * math.pow(
        50.0, state.valve - 1.0
    )  # equal percentage, R 50
    primary = WATER_W_PER_LPM_K * primary_lpm
    small, large = sorted((carrier, primary))
    ratio = small / large
    decay = math.exp(-design.exchanger_w_per_k / small * (1.0 - ratio))
    effectiveness = (1.0 - decay) / (1.0 - ratio * decay) if ratio < 0.999 else 0.5
    return effectiveness * small * (state.return_degc - state.primary_degc)


def _supply_control(design: Design, state: State, dt: float) -> tuple[float, float]:
    """Move the primary valve: proportional 4 %/K, integral 60 s, stroke 60 s, no wind-up."""
    error = state.supply_degc - design.supply_degc
    total = min(1.0, max(0.05, state.valve_sum + 0.04 * error * dt / 60.0))
    wanted = min(1.0, max(0.05, total + 0.04 * error))
    travel = dt / 60.0
    return state.valve + min(travel, max(-travel, wanted - state.valve)), total


def _lag(value: float, target: float, seconds: float, dt: float) -> float:
    """Move towards a target with one time constant; exact for any step."""
    return target + (value - target) * math.exp(-dt / seconds)


def _wander(value: float, drift: Drift, dt: float, rng: random.Random) -> float:
    """Move a value about its mean, with the spread and the memory of `drift`."""
    kept = math.exp(-dt / drift.seconds)
    noise = drift.spread * math.sqrt(1 - kept * kept) * rng.gauss(0, 1)
    return drift.mean + (value - drift.mean) * kept + noise
