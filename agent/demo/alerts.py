"""Which alerts fire, as Prometheus tells anybody who asks."""

import json
from typing import Any, Final, NamedTuple

FIRING_PATH: Final = "/api/v1/alerts"


class Alert(NamedTuple):
    """One alert that fires."""

    name: str
    severity: str
    about: str  # device and channel, or for others what the alert says of itself
    bay: str = ""  # where it speaks of one

    def __str__(self) -> str:
        """Return it in one line."""
        return " ".join(filter(None, (self.name, f"({self.severity})", self.bay, self.about)))


def firing(body: bytes) -> list[Alert]:
    """Return the firing alerts in an answer of Prometheus, critical ones first."""
    found: list[dict[str, Any]] = json.loads(body)["data"]["alerts"]
    alerts = {_alert(each) for each in found if each["state"] == "firing"}
    return sorted(alerts, key=lambda alert: (alert.severity != "critical", alert))


def _alert(told: dict[str, Any]) -> Alert:
    """Return one alert of the answer."""
    labels = told["labels"]
    place = " ".join(labels[key] for key in ("device", "channel") if key in labels)
    about = place or told["annotations"].get("summary", "")
    bay = labels.get("bay", "") if place else ""
    return Alert(labels.get("alertname", "?"), labels.get("severity", "?"), about, bay)
