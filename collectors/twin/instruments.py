"""What the instruments of a bay show: the plant's state, seen through noise and broken sensors.

One flat mapping of names to numbers, `feedA.amps.1` or `rack.supply_degc`, is all that the faces of
the twin know about the plant; a device's tables say which name stands at which object or topic.
"""

import random
from typing import Final

from collectors.twin.plant import (
    AIR_J_PER_M3_K,
    WATER_W_PER_LPM_K,
    Design,
    Faults,
    State,
)

FEEDS: Final = ("feedA", "feedB")
PORTS: Final = 8  # of the management switch; the last is its uplink
WET_LITRES: Final = 0.02  # what a leak rope needs to see; it stays wet until somebody dries it
RESERVOIR_LITRES: Final = 20.0
KPA_PER_LITRE: Final = 45.0  # static pressure lost with each litre; the vessel is small
TEMPERATURE_NOISE_K: Final = 0.03
FLOW_NOISE: Final = 0.003
POWER_NOISE: Final = 0.001
UPTIME: Final = "uptime"  # seconds since every device's management card was started
STARTED_BEFORE_S: Final = 3_600.0
DEAD: Final = float("nan")  # the instrument is there and has no value to show

Shown = dict[str, float]


def show(design: Design, state: State, faults: Faults, rng: random.Random) -> Shown:
    """Read every instrument once."""
    shown: Shown = {UPTIME: state.seconds + STARTED_BEFORE_S}
    for position in range(len(FEEDS)):
        shown |= _feed(design, state, faults, position, rng)
    shown |= _loop(design, state, rng)
    shown |= _leaks(state, faults)
    shown |= _air(design, state, rng)
    shown |= _switch(state, rng)
    if faults.sensor_dead:
        shown["rack.return_degc"] = DEAD
    return shown


def _feed(design: Design, state: State, faults: Faults, position: int, rng: random.Random) -> Shown:
    """Show one rack PDU: three lines and their sum; a lost feed reads zero, its meter lives on."""
    feed = FEEDS[position]
    lost = faults.feed_lost[position]
    shown = {
        f"{feed}.hertz": 0.0 if lost else 50.0 + rng.gauss(0, 0.01),
        f"{feed}.breaker_closed": 1.0,
        f"{feed}.kwh": state.energy_kwh[position],
        f"{feed}.power_factor": 0.0 if lost else design.power_factor,
    }
    total = 0.0
    for line, share in enumerate(design.phase_shares, start=1):
        watts = 0.0 if lost else state.feed_w[position] * share * rng.gauss(1, POWER_NOISE)
        open_volts = design.line_volts * state.mains * rng.gauss(1, 0.0003)
        amps = watts / (open_volts * design.power_factor)
        volts = 0.0 if lost else open_volts * (1 - 0.01 * amps / design.breaker_amps)
        shown[f"{feed}.watts.{line}"] = watts
        shown[f"{feed}.volts.{line}"] = volts
        shown[f"{feed}.amps.{line}"] = amps
        total += watts
    shown[f"{feed}.watts"] = total
    shown[f"{feed}.voltamperes"] = total / design.power_factor
    return shown


def _loop(design: Design, state: State, rng: random.Random) -> Shown:
    """Show the coolant loop twice: at the rack's manifold and at the cooling unit."""

    def degc(true: float) -> float:
        return true + rng.gauss(0, TEMPERATURE_NOISE_K)

    def near(true: float, spread: float = FLOW_NOISE) -> float:
        return true * rng.gauss(1, spread)

    flow = state.flow_lpm
    speed = 100.0 * state.pump
    return {
        "rack.supply_degc": degc(state.supply_degc),
        "rack.return_degc": degc(state.return_degc),
        "rack.flow_lpm": near(flow),
        "rack.dp_kpa": near(design.rack_curve * flow * flow),
        "rack.valve_percent": 62.0 + rng.gauss(0, 0.1),
        "rack.kilowatts": near(state.power_w / 1000.0, POWER_NOISE),
        "cdu.supply_degc": degc(state.supply_degc),
        "cdu.return_degc": degc(state.return_degc),
        "cdu.primary_in_degc": degc(state.primary_degc),
        "cdu.flow_lpm": near(flow),
        "cdu.pressure_kpa": max(0.0, near(250.0 - KPA_PER_LITRE * state.leaked_litres, 0.002)),
        "cdu.strainer_kpa": near(design.strainer_curve * state.strainer_times * flow * flow, 0.01),
        "cdu.valve_percent": 100.0 * state.valve,
        "cdu.pump_percent.1": min(100.0, near(speed, 0.001)),
        "cdu.pump_percent.2": min(100.0, near(speed, 0.001)),
        "cdu.pump_running.1": 1.0,
        "cdu.pump_running.2": 1.0,
        "cdu.level_percent": max(0.0, 85.0 - 100.0 * state.leaked_litres / RESERVOIR_LITRES),
    }


def _leaks(state: State, faults: Faults) -> Shown:
    """Show the leak ropes; a broken one reads dry, and says beside it that it is broken."""
    wet = state.leaked_litres > WET_LITRES
    return {
        "rack.leak": float(wet and not faults.sensor_dead),
        "rack.leak_fault": float(faults.sensor_dead),
        "cdu.leak": 0.0,
    }


def _air(design: Design, state: State, rng: random.Random) -> Shown:
    """Show the rear door, which takes the rack's air heat into facility water, and the room."""
    rise = state.power_w * (1 - design.liquid_share) / (AIR_J_PER_M3_K * design.door_m3_s)
    drop = state.door_w / (AIR_J_PER_M3_K * design.door_m3_s)
    warmed = state.door_w / (WATER_W_PER_LPM_K * design.door_water_lpm)
    room = state.room_degc + rng.gauss(0, TEMPERATURE_NOISE_K)
    return {
        "door.watts": state.door_w * rng.gauss(1, FLOW_NOISE),
        "door.air_in_degc": room + rise,
        "door.air_out_degc": room + rise - drop,
        "door.water_in_degc": design.door_water_degc + rng.gauss(0, TEMPERATURE_NOISE_K),
        "door.water_out_degc": design.door_water_degc + warmed,
        "door.water_lpm": design.door_water_lpm * rng.gauss(1, FLOW_NOISE),
        "door.air_m3_s": design.door_m3_s,
        "door.fan_percent": 60.0,
        "door.valve_percent": 48.0,
        "room.degc": room,
        "room.humidity": state.room_humidity + rng.gauss(0, 0.1),
    }


def _switch(state: State, rng: random.Random) -> Shown:
    """Show the management switch: fans, supplies, air, optics, and ports that count octets."""
    shown = {
        "switch.inlet_degc": state.room_degc + 4.0 + rng.gauss(0, 0.2),
        "switch.asic_degc": state.room_degc + 23.0 + rng.gauss(0, 0.3),
        "switch.psu_watts.1": 31.0 + rng.gauss(0, 0.4),
        "switch.psu_watts.2": 29.0 + rng.gauss(0, 0.4),
        "switch.rx_dbm": -1.8 + rng.gauss(0, 0.05),
    }
    for fan in range(1, 5):
        shown[f"switch.fan_rpm.{fan}"] = 9_600.0 + 60.0 * fan + rng.gauss(0, 25.0)
    for port in range(1, PORTS + 1):
        rate = 4.0e6 if port == PORTS else 0.4e6 + 0.05e6 * port  # octets a second
        shown[f"switch.in_octets.{port}"] = rate * (state.seconds + STARTED_BEFORE_S)
        shown[f"switch.out_octets.{port}"] = 0.6 * rate * (state.seconds + STARTED_BEFORE_S)
    return shown
