"""Rules of the house that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(p for top in ("agent", "collectors") for p in (ROOT / top).rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
VAGUE = {"utils", "util", "helpers", "common", "core", "misc", "manager", "base"}
LINES_MAX = 400
FUNCTION_LINES_MAX = 50
REQUIRED = (
    "LICENSE",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_is_small_named_and_introduced(path: Path) -> None:
    """At most 400 lines, functions below 50, a docstring, and a name that says something."""
    source = path.read_text()
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert ast.get_docstring(tree)
    assert source.count("\n") <= LINES_MAX
    long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= FUNCTION_LINES_MAX]
    assert long == []
    assert not VAGUE & set(path.relative_to(ROOT).with_suffix("").parts)


def test_every_module_is_on_the_map() -> None:
    """ARCHITECTURE.md names every file, so the map never lies."""
    told = (ROOT / "ARCHITECTURE.md").read_text()

    names = [p.name for p in MODULES if not p.name.startswith("__")]
    assert [name for name in names if not re.search(rf"\b{re.escape(name)}\b", told)] == []


@pytest.mark.parametrize("name", REQUIRED)
def test_what_visitors_look_for_is_there(name: str) -> None:
    """A project without these looks abandoned, or is not theirs to use."""
    assert (ROOT / name).stat().st_size > 500


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Documentation moves; a link that does not move with it is worse than none."""
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_nothing_that_is_sent_can_be_a_set() -> None:
    """The package encodes reads alone: 0xA3 is the identifier of a SetRequest (RFC 3416 §3)."""
    ours = [path for path in MODULES if not {"twin", "demo"} & {*path.parts}]
    sources = "\n".join(path.read_text().lower() for path in ours)

    assert "0xa3" not in sources
    assert sources.count(".publish(") == 1  # of what a socket lets pass only if a floor file does
