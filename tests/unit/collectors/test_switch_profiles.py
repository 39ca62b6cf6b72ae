"""Switch profiles on objects that no recording has: sister models, newer releases, other lanes."""

from collections.abc import Callable, Mapping

import pytest

from collectors.rows import Value

ENTITY = "1.3.6.1.2.1.47.1.1.1.1"
SENSOR = "1.3.6.1.2.1.99.1.1.1"
ARUBA = "1.3.6.1.4.1.47196.4.1.1.3.11"
DOM = "1.3.6.1.4.1.2636.3.60.1"
CISCO = "1.3.6.1.4.1.9.9"
OCNOS = "1.3.6.1.4.1.36673.100.1.2"
SONIC_DELL = b"SONiC Software Version: SONiC.4.4.1-Lite - HwSku: DELL-E3248P - Distribution: Debian"
SONIC = b"SONiC Software Version: SONiC.202305.1 - HwSku: DELL-Z9332f - Distribution: Debian"


def tachometer(descr: bytes) -> dict[str, Value]:
    """Return a fan's sensor as SONiC tells it, of type `unknown`."""
    says = {"1": 2, "2": 9, "3": 0, "4": 60, "5": 1}
    rows: dict[str, Value] = {f"{SENSOR}.{column}.9": value for column, value in says.items()}
    return {**rows, f"{ENTITY}.7.9": b"Tachometers for FAN 2", "1.3.6.1.2.1.1.1.0": descr}


def lane(name: bytes, value: int, kind: int = 14) -> dict[str, Value]:
    """Return a transceiver's sensor as NX-OS tells it, in thousandths."""
    says = {"1": kind, "2": 8, "3": 0, "4": value, "5": 1}
    rows: dict[str, Value] = {f"{CISCO}.91.1.1.1.1.{c}.7": said for c, said in says.items()}
    return {**rows, f"{ENTITY}.7.7": name}


CASES: list[tuple[str, Mapping[str, Value], Mapping[str, float | str]]] = [
    (
        "arista_eos",
        {
            f"{ENTITY}.2.1": b"PowerSupply2",
            f"{ENTITY}.2.2": b"Fan Tray 3 Fan 1",
            "1.3.6.1.2.1.131.1.1.1.3.1": 3,
            "1.3.6.1.2.1.131.1.1.1.3.2": 2,
        },
        {"psu/2/state": "ok", "fan/3/state": "disabled"},
    ),
    (
        "aruba_cx",
        {
            f"{ARUBA}.5.1.1.8.1.2.1": 5100,
            f"{ARUBA}.5.1.1.10.1.2.1": 5,
            f"{ARUBA}.2.1.1.3.1.2": b"1/2",
            f"{ARUBA}.2.1.1.4.1.2": b"fault_input",  # an older release: the word alone
        },
        {"fan/1-2-1/tachometer": 5100, "fan/1-2-1/state": "fault", "psu/1-2/state": "input_lost"},
    ),
    (
        "junos",
        {
            "1.3.6.1.2.1.31.1.1.1.1.530": b"et-0/0/48",
            f"{DOM}.1.1.1.5.530": 0,  # the module's own is 0 where each lane has one
            f"{DOM}.1.1.1.9.530": 340,
            f"{DOM}.1.1.1.25.530": 3301,
            f"{DOM}.2.1.1.6.530.0": -230,
            f"{DOM}.2.1.1.7.530.3": 6588,
            "1.3.6.1.4.1.2636.3.1.15.1.6.2.3.0.0": 7,  # a chassis has a supply's place in l1
            "1.3.6.1.4.1.2636.3.1.15.1.8.2.3.0.0": 2,
        },
        {
            "port/et-0-0-48/lane/1/rx_power": -2.30,
            "port/et-0-0-48/lane/4/tx_bias": 0.006588,
            "port/et-0-0-48/rx_power": "sentinel",
            "port/et-0-0-48/module_voltage": 3.301,
            "psu/3/state": "empty",
        },
    ),
    (
        "nxos",
        lane(b"Ethernet1/53 Lane 4 Transceiver Receive Power Sensor", -2230),
        {"port/ethernet1-53/lane/4/rx_power": -2.23},
    ),
    (
        "nxos",
        lane(b"Ethernet1/3 Transceiver Temperature Sensor", 31000, kind=8),
        {"port/ethernet1-3/module_temp": 31.0},
    ),
    (
        "nxos",
        {
            f"{ENTITY}.7.534": b"Fan Module-2",
            f"{CISCO}.117.1.4.2.1.1.534": 8700,
            f"{ENTITY}.7.22": b"Module-1",
            f"{CISCO}.117.1.2.1.1.2.22": 7,
        },
        {"fan/2/speed": 8700, "module/module-1/state": "failed"},
    ),
    (
        "ocnos",
        {f"{OCNOS}.9.1.2.1.1.2": 9400, f"{OCNOS}.9.1.5.1.1.2": 4, f"{OCNOS}.10.1.3.1.5": 4150},
        {
            "fan_tray/1/fan/2/speed": 9400,
            "fan_tray/1/fan/2/state": "stalled",
            "temperature/1-5": 41.5,
        },
    ),
    ("sonic", tachometer(SONIC), {"fan/2/speed_percent": 60}),
    ("sonic", {**tachometer(SONIC_DELL), f"{SENSOR}.4.9": 5698}, {"fan/2/speed": 5698}),
    (
        "sonic",
        {**tachometer(SONIC), f"{SENSOR}.4.9": 5698},
        {"fan/2/speed_percent": "out_of_range"},
    ),
    ("sonic", {f"{CISCO}.117.1.1.2.1.2.2": 8}, {"psu/2/state": "failed"}),
    (
        "cumulus",
        {
            "1.3.6.1.4.1.2021.13.16.2.1.2.9": b"front panel 007",
            "1.3.6.1.4.1.2021.13.16.2.1.3.9": 0,
            "1.3.6.1.4.1.2021.13.16.2.1.3.1": 2**32 - 5000,
        },
        {"lm/temperature/front-panel-007": "sentinel", "lm/temperature/1": -5.0},
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
