"""Faults as people write them."""

from pathlib import Path

import pytest

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.twin.faults import Placed, Reader
from collectors.document import DocumentError
from collectors.twin.faults import Fault, FaultError


@pytest.fixture(scope="module")
def design(shared: Path) -> Design:
    """Return the example."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    return expand(load_spec(file.read_bytes(), file.name))


def test_a_file_and_the_command_line_say_the_same(design: Design, tmp_path: Path) -> None:
    """Write the same faults in all the forms that there are."""
    reader = Reader(design, 8)
    file = tmp_path / "faults.yaml"
    file.write_text(
        "- {kind: leak, zone: 2, at: 20 min, for: 10 min, bay: 3}\n"
        "- leak zone=2 at=20min for=10min bay=3\n"
        "- kind: psu_failure\n  shelf: 5\n  psu: 1\n  stage: full_soak\n  bay: bay-02\n"
    )
    leak = Placed(2, Fault.parse("leak zone=2 at=1200s for=600s"))
    failure = Placed(1, Fault.parse("psu_failure shelf=5 psu=1"), "full_soak")
    assert reader.file(file) == [leak, leak, failure]
    said = [
        "bay=3 leak at=20min for=10min zone=2",
        "psu_failure bay=02 psu=1 shelf=5 stage=full_soak",
    ]
    assert reader.said(said) == [leak, failure]


def test_every_mistake_of_a_file_is_told_with_its_line(design: Design, tmp_path: Path) -> None:
    """Make one mistake a fault."""
    file = tmp_path / "faults.yaml"
    file.write_text(
        "- {kind: leek}\n"
        "- kind: leak\n  sise: 0.5\n"
        "- {kind: leak, at: soon}\n"
        "- kind: leak\n  bay: 9\n"
        "- kind: leak\n  stage: full_soap\n"
        "- 7\n"
        "- {kind: leak}\n"
    )
    with pytest.raises(DocumentError) as caught:
        Reader(design, 8).file(file)
    told = {
        problem.line: str(problem).partition(f"{file}:")[2] for problem in caught.value.problems
    }
    assert list(told) == [1, 3, 4, 6, 8, 9]
    assert "write leak, " in told[1]
    assert told[3].startswith("3: 1.sise: leak: 'sise' is no key of it")
    assert "write 90s" in told[4]
    assert "there are 1 to 8" in told[6]
    assert "did you mean 'full_soak'?" in told[8]


@pytest.mark.parametrize(
    "text", ["", "zone=2", "leak pump", "leak zone=1 zone=2", "leak bay=2", "leak stage=nowhere"]
)
def test_what_cannot_be_meant_is_refused(design: Design, text: str) -> None:
    """Say nothing, too much, or what is not there."""
    with pytest.raises(FaultError):
        Reader(design, 1).said([text])


def test_a_file_that_is_no_list_is_refused(design: Design, tmp_path: Path) -> None:
    """Forget the dashes."""
    file = tmp_path / "faults.yaml"
    file.write_text("kind: leak\n")
    with pytest.raises(DocumentError, match="want a list"):
        Reader(design, 1).file(file)
