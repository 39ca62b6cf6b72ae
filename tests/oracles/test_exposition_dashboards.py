"""Tests of the dashboards, as far as they go without a Grafana: PromQL, names, layout."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.exposition.names import FAMILIES
from agent.exposition.own import Own

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
BOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
UNITS = {  # ids from Grafana's list of units that the boards may use
    "none", "watt", "amp", "volt", "hertz", "celsius", "flowlpm", "pressurekpa", "percentunit",
    "rotrpm", "dBm", "s", "cps", "bytes",
}  # fmt: skip
VARIABLES = {
    "$__rate_interval": "1m",
    "$bay": "bay-01",
    "$device": "feedA",
}

Board = dict[str, Any]


@pytest.fixture(params=BOARDS, ids=lambda path: path.stem)
def board(request: pytest.FixtureRequest) -> Board:
    """Return one dashboard."""
    loaded: Board = json.loads(request.param.read_text())
    return loaded


def _expressions(board: Board) -> Iterator[str]:
    """Yield every query of a board, with its variables set."""
    queries = [t["expr"] for panel in board["panels"] for t in panel.get("targets", ())]
    queries += [annotation["expr"] for annotation in board["annotations"]["list"]]
    for query in queries:
        for variable, value in VARIABLES.items():
            query = query.replace(variable, value)  # noqa: PLW2901 -- one after the other
        assert "$" not in query, query
        yield query


def _exported() -> set[str]:
    """Return the name of every series the agent can export, and Prometheus' own two."""
    own = Own(version="0")
    lines = own.render().decode().splitlines()
    names = {line.partition("{")[0].split()[0] for line in lines if line[0] != "#"}
    declared = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    return names | declared | {family.name for family in FAMILIES} | {"up", "ALERTS"}


def test_every_query_is_promql(board: Board, tmp_path: Path) -> None:
    """As recording rules, Prometheus' own tool reads them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    rules = [{"record": f"q{n}", "expr": expr} for n, expr in enumerate(_expressions(board))]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    checked = subprocess.run(
        [promtool, "check", "rules", str(file)], capture_output=True, timeout=30, check=False
    )

    assert checked.returncode == 0, (checked.stdout + checked.stderr).decode()
    assert f"{len(rules)} rules found" in checked.stdout.decode()


def test_every_metric_is_exported(board: Board) -> None:
    """A panel on a name that nothing exports stays empty, and nobody is told why."""
    exported = _exported()
    variables = [v["definition"] for v in board["templating"]["list"] if v["type"] == "query"]
    for expr in [*_expressions(board), *variables]:
        used = re.findall(r"\b(?:rackproof|process)_[a-z_]+\b(?!=)", re.sub(r'"[^"]*"', '""', expr))
        assert used or "ALERTS" in expr, expr
        assert set(used) <= exported, expr


def test_panels_are_laid_out_and_named(board: Board) -> None:
    """Unique ids, no overlap, units that Grafana knows, and one data source for all."""
    cells: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in board["panels"]:
        at = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not covered & cells, panel["title"]
        cells |= covered
        if panel["type"] != "row":
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
            assert panel["title"]
            assert {t["datasource"]["uid"] for t in panel["targets"]} == {"${datasource}"}
            assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"])
    rows = sorted(panel["gridPos"]["y"] for panel in board["panels"])
    assert all(below - above < 20 for above, below in pairwise(rows))


def test_boards_can_be_provisioned() -> None:
    """Fixed uids that link to each other, no question at import, and a provider that reads them."""
    boards = {board["uid"]: board for board in (json.loads(p.read_text()) for p in BOARDS)}
    assert set(boards) == {"rackproof-floor", "rackproof-bay"}
    for board in boards.values():
        assert board["id"] is None
        assert board["schemaVersion"] == 39
        assert "__inputs" not in board
        linked = re.findall(r'"/d/([\w-]+)', json.dumps(board))
        assert set(linked) <= set(boards)
    provisioning = FOLDER / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards/rackproof.yml").read_text())[
        "providers"
    ]
    (source,) = yaml.safe_load((provisioning / "datasources/rackproof.yml").read_text())[
        "datasources"
    ]
    assert provider["type"] == "file"
    assert source["type"] == "prometheus"
