"""A run as OCP test and validation output: JSON lines that factories' other tools read already.

A stage's attempt is a test step, a channel in it a measurement with its limits as validators, and
its verdict a diagnosis. Validators know no uncertainty, no hold and no budget: where they and the
diagnosis differ, the diagnosis stands.
Source: OCP Test and Validation Output Specification 2.0.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from agent import canonical

Json = dict[str, Any]
Artifact = tuple[float, Json]  # run seconds, what is told
VERSION: Final = {"major": 2, "minor": 0}
DIAGNOSES: Final = {"PASS": "PASS", "FAIL": "FAIL"}  # all else is UNKNOWN
ENDS: Final = {  # run's verdict -> status and result, in the only four pairs that are valid
    "PASS": ("COMPLETE", "PASS"),
    "FAIL": ("COMPLETE", "FAIL"),
    "INCONCLUSIVE": ("ERROR", "NOT_APPLICABLE"),
    "ABORTED": ("SKIP", "NOT_APPLICABLE"),
}
STATISTICS: Final = ("min", "mean", "max", "p99", "u", "margin", "margin_at_s", "coverage")
COUNTS: Final = ("slots", "complete", "longest_gap_s", "excursions")


def output(summary: Mapping[str, Any]) -> bytes:
    """Return a whole run, one artifact a line; `summary`: that of the record."""
    started = datetime.fromisoformat(summary["started"])
    lines = []
    for number, (at, artifact) in enumerate(_artifacts(summary)):
        time = started + timedelta(seconds=at)
        stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        lines.append(canonical.encode({**artifact, "sequenceNumber": number, "timestamp": stamp}))
    return b"\n".join(lines) + b"\n"


def _artifacts(summary: Mapping[str, Any]) -> Iterator[Artifact]:
    """Yield everything in order, without number and time stamp."""
    hardware = {device["device"]: str(n) for n, device in enumerate(summary["devices"])}
    yield 0.0, {"schemaVersion": VERSION}
    yield 0.0, _run({"testRunStart": _start(summary, hardware)})
    end = 0.0
    for number, stage in enumerate(summary["stages"]):
        for at, artifact in _stage(stage, hardware):
            end = max(end, at)
            yield at, {"testStepArtifact": {"testStepId": str(number), **artifact}}
    status, result = ENDS[summary["verdict"]]
    if status == "ERROR":
        yield end, _run({"error": {"symptom": "inconclusive", "message": summary["text"]}})
    else:
        yield end, _run({"log": {"severity": "INFO", "message": summary["text"]}})
    yield end, _run({"testRunEnd": {"status": status, "result": result}})


def _run(artifact: Json) -> Json:
    """Return what concerns the whole run."""
    return {"testRunArtifact": artifact}


def _start(summary: Mapping[str, Any], hardware: Mapping[str, str]) -> Json:
    """Return what is tested, by what, against what."""
    spec = summary["spec"]
    return {
        "name": "rackproof",
        "version": summary["software"]["rackproof"],
        "commandLine": "rackproof run",
        "parameters": {
            "spec": spec["id"],
            "revision": spec["revision"],
            "spec_sha256": spec["hash"],
            "decision_rule": summary["decision"]["rule"],
        },
        "dutInfo": {
            "dutInfoId": "0",
            "name": summary["serial"],
            "platformInfos": [{"info": spec["title"]}],
            "hardwareInfos": [_hardware(device, hardware) for device in summary["devices"]],
            "metadata": _known(summary, ("serial", "sku", "bay", "run", "by")),
        },
        "metadata": {"evidence_root": summary["evidence"]["root"]},
    }


def _hardware(device: Mapping[str, Any], hardware: Mapping[str, str]) -> Json:
    """Return one device."""
    told = {
        "hardwareInfoId": hardware[device["device"]],
        "name": device["device"],
        "partType": device["role"],
        "manufacturer": device["vendor"],
        "manufacturerPartNumber": device["model"],
        "serialNumber": device["serial"],
        "revision": device["firmware"],
    }
    return {key: value for key, value in told.items() if value}


def _stage(stage: Mapping[str, Any], hardware: Mapping[str, str]) -> Iterator[Artifact]:
    """Yield one attempt of a stage, its step's number aside."""
    start, end = stage["started_s"], stage["ended_s"]
    end = start if end is None else end
    name = f"{stage['stage']}, attempt {stage['attempt']}"
    yield start, {"testStepStart": {"name": name}}
    for channel in stage["channels"]:
        place = _place(channel, hardware)
        if (measured := _measurement(channel)) is not None:
            yield end, {"measurement": {**measured, **place}}
        if channel["verdict"] is not None:
            yield end, {"diagnosis": {**_diagnosis(channel, stage["reason"]), **place}}
            if channel["verdict"] not in DIAGNOSES:
                yield end, _extension(_name(channel), channel["verdict"])
    reason, verdict = stage["reason"], stage["verdict"]
    told = {"verdict": f"stage-{verdict.lower()}", "type": DIAGNOSES.get(verdict, "UNKNOWN")}
    yield end, {"diagnosis": {**told, "message": reason["text"]}}
    if verdict not in DIAGNOSES:
        yield end, _extension(name, verdict)
    yield end, {"testStepEnd": {"status": ENDS[verdict][0]}}


def _name(channel: Mapping[str, Any]) -> str:
    """Return a channel's whole name."""
    return f"{channel['device']}.{channel['channel']}"


def _place(channel: Mapping[str, Any], hardware: Mapping[str, str]) -> Json:
    """Return what hardware a channel is of; a derived one is of none."""
    place: Json = {}
    if channel["device"] in hardware:
        place["hardwareInfoId"] = hardware[channel["device"]]
        if part := re.search(r"\[(.+)\]$", channel["channel"]):
            place["subcomponent"] = {"name": part[1]}
    return place


def _measurement(channel: Mapping[str, Any]) -> Json | None:
    """Return the value that decided, or stood nearest to a limit; None where none was seen."""
    values = (channel[key] for key in ("value", "max", "mean"))
    value = next((value for value in values if value is not None), None)
    if value is None:
        return None
    told: Json = {"name": _name(channel), "value": value}
    if channel["unit"]:
        told["unit"] = channel["unit"]
    if validators := _validators(channel, value):
        told["validators"] = validators
    told["metadata"] = _known(channel, (*STATISTICS, *COUNTS))
    return told


def _validators(channel: Mapping[str, Any], value: object) -> list[Json]:
    """Return the limits that a channel must keep."""
    states: Sequence[str] | None = channel["states"]
    if states and isinstance(value, str):
        if len(states) == 1:
            return [{"name": "fail", "type": "EQUAL", "value": states[0]}]
        pattern = f"^({'|'.join(map(re.escape, states))})$"
        return [{"name": "fail", "type": "REGEX_MATCH", "value": pattern}]
    sides = (("low", "GREATER_THAN_OR_EQUAL"), ("high", "LESS_THAN_OR_EQUAL"))
    return [
        {"name": f"fail {side}", "type": kind, "value": channel[side]}
        for side, kind in sides
        if channel[side] is not None and not states
    ]


def _diagnosis(channel: Mapping[str, Any], reason: Mapping[str, Any]) -> Json:
    """Return a channel's verdict, with its reason where there is more to say than `kept`."""
    verdict = channel["verdict"]
    kind = re.sub(r"\[.*", "", channel["channel"]).replace("_", "-")
    told = {"verdict": f"{kind}-{verdict.lower()}", "type": DIAGNOSES.get(verdict, "UNKNOWN")}
    parts = (part["text"] for part in reason.get("parts", ()) if part["of"] == _name(channel))
    text = next(parts, "")
    return {**told, "message": f"{_name(channel)}: {text or 'kept its limits'}"}


def _extension(of: str, verdict: str) -> Json:
    """Return a verdict that the specification has no word for."""
    return {"extension": {"name": "rackproof.verdict", "content": {"of": of, "verdict": verdict}}}


def _known(content: Mapping[str, Any], keys: Sequence[str]) -> Json:
    """Return what is known of some keys."""
    return {key: content[key] for key in keys if content.get(key) is not None}
