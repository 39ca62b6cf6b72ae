"""What a newcomer is told: what there is to see, and what each stage of the example plan is for."""

from collections.abc import Mapping, Sequence
from typing import Final

INTRODUCTION: Final[Sequence[str]] = (
    "A rack that is not there goes through its burn-in, {pace}.",
    "{devices} simulated devices speak SNMP and MQTT; simulated people fill in coolant, set",
    "the load, open a breaker, stop a pump, as the plan asks. The agent reads it all,",
    "judges every value by the limits of a design spec, and signs a certificate.",
    "It is on this machine alone, and gone when it ends: Ctrl-C.",
)
STAGES: Final[Mapping[str, str]] = {
    "inventory": "is everything there that was ordered? nothing has power yet",
    "pressure_decay": "dry gas in the closed loop: is it tight?",
    "fill_flush": "coolant goes in, air and dirt come out",
    "power_on": "first power, at a fifth of the load",
    "ramp": "more and more load: does cooling follow?",
    "soak": "full load for long: what will fail early, fails here",
    "load_steps": "work comes and goes: does the cooling stay in hand?",
    "feed_loss": "one of two power feeds is switched off: does the other carry all?",
    "psu_pull": "a power supply is pulled: do the others take over?",
    "pump_failover": "a coolant pump is stopped: does the other take over?",
    "cool_down": "no load: do couplings stay tight when they shrink?",
    "sign_off": "people look once more, and two of them sign",
}


def minutes(seconds: float) -> str:
    """Return a time as clocks show it.

    >>> minutes(65.4), minutes(4210.0)
    ('1:05', '70:10')
    """
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"
