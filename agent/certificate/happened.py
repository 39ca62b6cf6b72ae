"""What a run's events tell a reader: units, answers, dispositions, and all that interrupted it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agent.burnin.design import Design
from agent.burnin.event import Event, Kind
from agent.certificate.wording import iso

CALIBRATED: Final = "calibration_in_date"  # what a plan's `needs` calls the question
SIGNED: Final = "signatures"  # likewise

Json = dict[str, Any]


def happened(design: Design, events: Sequence[Event], zero: float) -> Json:
    """Return the parts of a summary that the journal alone decides; `zero`: Unix time of start."""
    answers = list(_answers(events, zero))
    over = _last(events, Kind.RUN_OVER)
    return {
        "outcome": {key: over.get(key) for key in ("outcome", "by", "reason")},
        "devices": _devices(design, events, answers),
        "answers": answers,
        "dispositions": [
            {**event.data, **_at(event, zero)} for event in _of(events, Kind.DISPOSITION)
        ],
        "signatures": [
            {"by": answer["by"], "meaning": answer["note"] or "signed", "at": answer["at"]}
            for answer in answers
            if answer["need"].split()[0] == SIGNED and answer["answer"] == "yes"
        ],
        "gaps": [
            {"start_s": e.data["start"], "end_s": e.data["end"], "why": e.data["why"]}
            for e in _of(events, Kind.GAP)
        ],
        "reboots": [{**e.data, **_at(e, zero)} for e in _of(events, Kind.REBOOT)],
        "clock_events": [{**e.data, **_at(e, zero)} for e in _of(events, Kind.CLOCK)],
        "pauses": list(_pauses(events)),
    }


def _of(events: Sequence[Event], *kinds: Kind) -> Iterator[Event]:
    """Yield the events of some kinds."""
    return (event for event in events if event.kind in kinds)


def _last(events: Sequence[Event], kind: Kind) -> Mapping[str, Any]:
    """Return the data of the last event of a kind; nothing where there was none."""
    return next((event.data for event in reversed(events) if event.kind is kind), {})


def _at(event: Event, zero: float) -> Json:
    """Return when something happened, on both clocks."""
    return {"at_s": event.at, "at": iso(zero + event.at)}


def _answers(events: Sequence[Event], zero: float) -> Iterator[Json]:
    """Yield what people confirmed, and in which stage."""
    stage = None
    for event in _of(events, Kind.STAGE_STARTED, Kind.STAGE_OVER, Kind.ANSWERED):
        if event.kind is Kind.ANSWERED:
            note = event.data["note"] or ""
            yield {**event.data, "note": note, "stage": stage, **_at(event, zero)}
        else:
            stage = event.data["stage"] if event.kind is Kind.STAGE_STARTED else None


def _pauses(events: Sequence[Event]) -> Iterator[Json]:
    """Yield each pause, from its beginning to its end or the run's."""
    begun: Event | None = None
    for event in _of(events, Kind.PAUSED, Kind.RESUMED, Kind.RUN_OVER):
        if begun is not None:
            said = {key: begun.data[key] or "" for key in ("by", "reason")}
            yield {"start_s": begun.at, "end_s": event.at, **said}
        begun = event if event.kind is Kind.PAUSED else None


def _devices(design: Design, events: Sequence[Event], answers: Sequence[Json]) -> list[Json]:
    """Return every device of the spec, with the identity it showed last."""
    bound = {event.data["device"]: event.data for event in _of(events, Kind.BOUND)}
    confirmed = [a["by"] for a in answers if a["need"] == CALIBRATED and a["answer"] == "yes"]
    devices = []
    for device, role in design.roles.items():
        bom = design.spec.roles[role].bom
        data = bound.get(device, {})
        identity = data.get("identity", {})
        calibration = None
        if bom and bom.calibration:
            said = f"confirmed by {confirmed[-1]}" if confirmed else "not confirmed"
            calibration = f"{bom.calibration}, {said}"
        devices.append(
            {
                "device": device,
                "role": role,
                "fixture": bool(bom and bom.kind == "fixture"),
                "calibration": calibration,
                "profile": data.get("profile"),
                "profile_hash": data.get("profile_hash"),
                **{k: identity.get(k) for k in ("vendor", "model", "serial", "firmware")},
            }
        )
    return devices
