"""`rackproof check`: a floor file and all it refers to, without contacting anything."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agent import broker_check, clock
from agent.config import BayConfig, FloorConfig, Snmp, load_floor
from agent.exits import Exit
from agent.output import complain, count, emit, problem_dict, say, table
from collectors.document import DocumentError, Problem


@click.command
@click.argument("floor", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def check(floor: Path, *, as_json: bool) -> int:
    """Validate the file FLOOR with its specs, profiles and secrets. Nothing is contacted.

    Every problem is told at once, as `file:line: key: what is wrong; what to do`. Exit code 0 means
    that `rackproof run` would accept the file.
    """
    try:
        config = load_floor(floor)
    except DocumentError as error:
        if not as_json:
            raise
        emit({"valid": False, "problems": [problem_dict(p) for p in error.problems]})
        return Exit.INVALID
    warnings = [*config.warnings, *broker_check.warnings(config, clock.wall())]
    if as_json:
        emit(_document(config, warnings))
        return Exit.YES
    _show(config)
    for problem in warnings:
        complain(f"warning: {problem}")
    return Exit.YES


def _document(config: FloorConfig, warnings: Sequence[Problem]) -> dict[str, Any]:
    """Return the summary for a program."""
    return {
        "valid": True,
        "problems": [],
        "warnings": [problem_dict(problem) for problem in warnings],
        "listen": str(config.listen),
        "data": str(config.data),
        "bays": [
            {
                "bay": bay.name,
                "spec": _spec(bay),
                "sha256": bay.spec_hash,
                "devices": len(bay.devices),
            }
            for bay in config.bays.values()
        ],
    }


def _show(config: FloorConfig) -> None:
    """Print the summary for a person."""
    devices = sum(len(bay.devices) for bay in config.bays.values())
    say(
        f"{config.file}: valid; {count(len(config.bays), 'bay')}, {count(devices, 'device')}, "
        f"metrics at http://{config.listen}/metrics"
    )
    rows = [("BAY", "SPEC", "SNMP", "MQTT")]
    for bay in config.bays.values():
        snmp = sum(isinstance(device.source, Snmp) for device in bay.devices.values())
        rows.append((bay.name, _spec(bay) or "none", str(snmp), str(len(bay.devices) - snmp)))
    table(rows, right=(2, 3), indent=2)


def _spec(bay: BayConfig) -> str | None:
    """Return which design a bay is judged by."""
    return None if bay.spec is None else f"{bay.spec.spec.id} {bay.spec.spec.revision}"
