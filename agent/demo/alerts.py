"""Which alerts fire, as Prometheus tells anybody who asks."""

import json
from typing import Any, Final, NamedTuple

FIRING_PATH: Final = "/api/v1/alerts"


class Alert(NamedTuple):
    """One alert that fires."""

    name: str
    severity: str
    summary: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.name} ({self.severity}): {self.summary}"


def firing(body: bytes) -> list[Alert]:
    """Return the firing alerts in an answer of Prometheus, critical ones first."""
    found: list[dict[str, Any]] = json.loads(body)["data"]["alerts"]
    alerts = {
        Alert(
            each["labels"].get("alertname", "?"),
            each["labels"].get("severity", "?"),
            each["annotations"].get("summary", ""),
        )
        for each in found
        if each["state"] == "firing"
    }
    return sorted(alerts, key=lambda alert: (alert.severity != "critical", alert))
