"""The page that says what is owed names tests that there are, and every test of this folder."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reliability.md"
SECTIONS = ("Replies", "Walks", "The network", "Values and texts")


def words(text: str) -> str:
    """Return a phrase as it stands in the name of a function."""
    return re.sub(r"\W+", "_", text.strip().lower()).strip("_")


def named_here() -> set[str]:
    """Return the names of all tests beside this one."""
    return {
        node.name.removeprefix("test_")
        for path in HERE.glob("test_*.py")
        if path != Path(__file__)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.name.startswith("test_")
    }


def test_each_promise_names_the_tests_that_hold_it() -> None:
    """A row without a test is a wish; a test without a row is a promise nobody knows of."""
    told = ""
    for section in PAGE.read_text().split("\n## ")[1:]:
        title, _, rest = section.partition("\n")
        if title in SECTIONS:
            rows = re.findall(r"^\|.*\| ([^|]+) \|$", rest, re.MULTILINE)
            told += " ".join(words(row) for row in rows)
    untold = {name for name in named_here() if name not in told}
    assert untold == {"a_walk_has_a_budget_by_default"}
