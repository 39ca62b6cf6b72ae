"""PDU profiles on objects that no recording has: three phases, wye and delta, probes, chains."""

from collections.abc import Callable, Mapping

import pytest

from collectors.rows import Value

APC = "1.3.6.1.4.1.318.1.1.26"
EATON = "1.3.6.1.4.1.534.6.6.7"
ENLOGIC = "1.3.6.1.4.1.38446.1"
GEIST = "1.3.6.1.4.1.21239.5.2"
PANDUIT = "1.3.6.1.4.1.19536.10.1"
RARITAN = "1.3.6.1.4.1.13742.4"
SENTRY3 = "1.3.6.1.4.1.1718.3.2"
SENTRY4 = "1.3.6.1.4.1.1718.4.1"

CASES: list[tuple[str, Mapping[str, Value], Mapping[str, float | str]]] = [
    (
        "apc_rpdu2",
        {
            f"{APC}.6.3.1.6.3": 239,
            f"{APC}.13.1.1.3.1": 415,
            f"{APC}.9.2.3.1.5.4": 1,
            "1.3.6.1.4.1.318.1.1.4.4.2.1.3.4": 2,  # the older table counts the other way round
            f"{APC}.9.4.3.1.7.4": 184,
            f"{APC}.10.2.2.1.3.1": b"Room",
            f"{APC}.10.2.2.1.6.1": 2,
            f"{APC}.10.2.2.1.8.1": 243,
            f"{APC}.10.2.2.1.6.2": 3,
            f"{APC}.10.2.2.1.8.2": 999,
            f"{APC}.10.4.2.1.3.7": b"under the rack",
            f"{APC}.10.4.2.1.5.7": 7,
            f"{APC}.10.4.2.1.6.7": 2,
            f"{APC}.10.4.2.1.8.7": 2,
        },
        {
            "phase/3/voltage": 239,
            "inlet/1/voltage/l1-l2": 415,
            "outlet/4/state": "off",
            "outlet/4/power": 184,
            "temperature/room": 24.3,
            "temperature/2": "sensor_fault",
            "leak/under-the-rack": "wet",
        },
    ),
    (
        "eaton_epdu",
        {
            f"{EATON}.1.2.1.9.0": 1,
            f"{EATON}.1.2.1.30.0": 0,
            f"{EATON}.1.2.1.30.1": 1,  # a unit of the chain that is lost
            **{f"{EATON}.3.2.1.2.0.1.{row}": row + 1 for row in range(1, 7)},
            **{f"{EATON}.3.2.1.3.0.1.{row}": 239_000 + row for row in range(1, 7)},
            **{f"{EATON}.3.3.1.2.0.1.{row}": row + 1 for row in range(1, 5)},
            **{f"{EATON}.3.3.1.4.0.1.{row}": 20_000 + row for row in range(1, 5)},
            f"{EATON}.3.4.1.2.0.1.4": 4,
            f"{EATON}.3.4.1.4.0.1.4": 14_321,
            f"{EATON}.6.4.1.3.1.2": 800,
            f"{EATON}.7.1.1.2.0.1": b"Room",
            f"{EATON}.7.1.1.3.0.1": 1,
            f"{EATON}.7.1.1.4.0.1": 770,
            f"{EATON}.5.1.1.4.0.1": 1,
            f"{EATON}.5.1.1.5.0.1": 2,
        },
        {
            "unit/0/inlet/1/phase/3/voltage": 239.003,
            "unit/0/inlet/1/voltage/l1-l2": 239.004,
            "unit/0/inlet/1/neutral/current": 20.001,
            "unit/0/inlet/1/line/1/current": 20.002,
            "unit/0/inlet/1/power": 14_321,
            "unit/1/outlet/2/current": "sensor_fault",
            "temperature/room": 25,
            "unit/0/group/1/breaker": "open",
        },
    ),
    (
        "enlogic_pdu",
        {
            **{f"{ENLOGIC}.6.2.1.6.1.{n}": kind for n, kind in ((1, 1), (2, 1), (3, 6))},
            **{f"{ENLOGIC}.6.2.1.7.1.{n}": 1 for n in (1, 2)},
            **{f"{ENLOGIC}.6.4.1.4.1.{n}": 2 for n in (1, 2, 3)},
            f"{ENLOGIC}.6.4.1.6.1.1": 24,
            f"{ENLOGIC}.6.4.1.8.1.1": 243,
            f"{ENLOGIC}.6.4.1.6.1.2": 25,
            f"{ENLOGIC}.6.4.1.5.1.3": 1,
        },
        {"temperature/1-1": 24.3, "temperature/1-2": 25, "leak/1-3": "wet"},
    ),
    (
        "vertiv_v5",
        {
            f"{GEIST}.3.1.1.5.1": 1,
            f"{GEIST}.3.1.1.6.1": 1,
            f"{GEIST}.3.1.1.9.1": 13_250,  # beyond what the MIB allows
            f"{GEIST}.3.2.1.8.1": 1000,
            f"{GEIST}.3.4.1.4.1": 1732,
            f"{GEIST}.1.7.0": 0,
            f"{GEIST}.4.1.3.1": b"Room",
            f"{GEIST}.4.1.4.1": 1,
            f"{GEIST}.4.1.5.1": 770,
        },
        {
            "inlet/1/power": 13_250,
            "phase/1/current": 10,
            "line/1/current": 17.32,
            "temperature/room": 25,
        },
    ),
    (
        "panduit_g5",
        {
            f"{PANDUIT}.2.2.1.1.1.2": 2,
            f"{PANDUIT}.2.2.1.2.1.2": 3,
            f"{PANDUIT}.2.2.1.3.1.2": 2305,
            f"{PANDUIT}.2.2.1.9.1.2": 4,
            f"{PANDUIT}.2.2.1.11.1.2": 1212,
            f"{PANDUIT}.4.1.1.1.1": 2,
            f"{PANDUIT}.4.2.1.2.1.1": b"Room",
            f"{PANDUIT}.4.2.1.3.1.1": 2,
            f"{PANDUIT}.4.2.1.4.1.1": 77,
        },
        {
            "unit/1/phase/2/voltage": 230.5,
            "unit/1/line/2/current": 12.12,
            "temperature/room": 25,
        },
    ),
    (
        "raritan_px1",
        {
            f"{RARITAN}.1.1.32.0": b"No",
            f"{RARITAN}.1.20.2.1.3.1": 4,
            f"{RARITAN}.1.20.2.1.12.1": 0,
            f"{RARITAN}.1.20.2.1.15.1": b"NA",
            f"{RARITAN}.1.21.2.1.4.1.3": 239_500,
            f"{RARITAN}.1.5.2.1.3.2": 1,
            f"{RARITAN}.1.2.2.1.9.5": 97,
            f"{RARITAN}.3.3.1.2.1": 17,
            f"{RARITAN}.3.3.1.4.1": b"floor",
            f"{RARITAN}.3.3.1.40.1": 9,
        },
        {
            "inlet/1/energy": "sensor_fault",
            "inlet/1/current_imbalance": "sentinel",
            "inlet/1/line/3/voltage": 239.5,
            "breaker/2/state": "open",
            "outlet/5/power_factor": 0.97,
            "leak/floor": "wet",
        },
    ),
    (
        "sentry3",
        {
            f"{SENTRY3}.2.1.18.1.2": 2394,
            f"{SENTRY3}.2.1.16.1.2": 12_345,
            f"{SENTRY3}.3.1.18.1.2.7": 12_345,
            f"{SENTRY3}.5.1.3.1.1": b"Room",
            f"{SENTRY3}.5.1.4.1.1": 0,
            f"{SENTRY3}.5.1.6.1.1": 770,
            f"{SENTRY3}.5.1.13.1.1": 1,
            f"{SENTRY3}.5.1.3.1.2": b"Rear",
            f"{SENTRY3}.5.1.4.1.2": 0,
            f"{SENTRY3}.5.1.6.1.2": 315,
        },
        {
            "tower/1/infeed/2/voltage": 239.4,
            "tower/1/infeed/2/energy": 1234.5,
            "tower/1/infeed/2/outlet/7/energy": 12.345,
            "temperature/room": 25,
            "temperature/rear": 31.5,
        },
    ),
    (
        "sentry4",
        {
            f"{SENTRY4}.9.1.10.0": 1,
            f"{SENTRY4}.9.2.1.3.1.1": b"Room",
            f"{SENTRY4}.9.3.1.1.1.1": 770,
            f"{SENTRY4}.9.3.1.2.1.1": 0,
            f"{SENTRY4}.9.2.1.3.1.2": b"Rear",
            f"{SENTRY4}.9.3.1.1.1.2": -410,
            f"{SENTRY4}.9.3.1.2.1.2": 0,
            f"{SENTRY4}.6.3.1.1.1.1.2": 12,
            f"{SENTRY4}.8.3.1.14.1.1.9": 4567,
            f"{SENTRY4}.11.2.1.3.1.1": b"floor",
            f"{SENTRY4}.11.3.1.1.1.1": 18,
        },
        {
            "temperature/room": 25,
            "temperature/rear": "sentinel",
            "unit/1/inlet/1/breaker/2/state": "open",
            "unit/1/inlet/1/outlet/9/energy": 4.567,
            "leak/floor": "wet",
        },
    ),
]


@pytest.mark.parametrize(("name", "rows", "expected"), CASES, ids=[c[0] for c in CASES])
def test_what_no_recording_has_is_read_with_the_right_scale(
    read_as: Callable[..., dict[str, object]],
    name: str,
    rows: Mapping[str, Value],
    expected: Mapping[str, float | str],
) -> None:
    """A number is a value, a word is a state or why there is no value."""
    assert read_as(name, rows, expected) == expected
