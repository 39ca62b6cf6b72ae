"""Tests of the alert rules: Prometheus' own tool runs them, and each is explained."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.exposition.names import FAMILIES
from agent.exposition.own import Own

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for file in sorted((FOLDER / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
TESTS: list[dict[str, Any]] = [
    expected
    for file in sorted((FOLDER / "tests").glob("*.yml"))
    for case in yaml.safe_load(file.read_text())["tests"]
    for expected in case["alert_rule_test"]
]


@pytest.fixture(scope="module")
def promtool() -> str:
    """Return where Prometheus' tool is."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    return found


def _run(*command: str) -> None:
    """Run a command in the folder of the Prometheus files; what it says is the failure."""
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_the_configuration_and_its_rules_are_valid(promtool: str) -> None:
    """The file that the guide tells people to start Prometheus with."""
    _run(promtool, "check", "config", "prometheus.yml")


def test_the_rules_do_what_their_tests_say(promtool: str) -> None:
    """Firing and silent, with labels and annotations as a person will read them."""
    _run(promtool, "test", "rules", *(f"tests/{p.name}" for p in (FOLDER / "tests").glob("*.yml")))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_is_tested_both_ways_and_explained(rule: dict[str, Any]) -> None:
    """An alert that was never seen to fire, or that nobody can look up, is no alert."""
    expected = [test["exp_alerts"] for test in TESTS if test["alertname"] == rule["alert"]]
    runbook, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / runbook).read_text(), re.MULTILINE)

    assert any(expected)
    assert not all(expected)
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert {"summary", "description"} <= set(rule["annotations"])
    assert anchor in {heading.lower() for heading in headings}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_reads_a_metric_that_is_exported(rule: dict[str, Any]) -> None:
    """An alert on a name that nothing exports stays silent for ever."""
    page = Own(version="0").render().decode()
    exported = set(re.findall(r"^# TYPE (\S+)|^(\w+_(?:bucket|total))\b", page, re.MULTILINE))
    names = {name for pair in exported for name in pair} | {family.name for family in FAMILIES}
    used = re.findall(r"\b(?:rackproof_\w+|up)\b", re.sub(r'"[^"]*"', '""', rule["expr"]))

    assert used
    assert set(used) <= names | {"up"}
