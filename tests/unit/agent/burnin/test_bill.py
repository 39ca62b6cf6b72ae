"""Serials, models and firmware against a bill of materials."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given
from packaging.version import Version

from agent.burnin.bill import firmware, serials
from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.release import key, made_as, release
from agent.burnin.spec import load_spec
from collectors.readings import Identity

NUMBERS = st.lists(st.integers(0, 300), min_size=1, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)


@pytest.fixture(scope="module")
def design(shared: Path) -> Design:
    """Return the example."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    return expand(load_spec(file.read_bytes(), file.name))


def shelf(number: int, **more: str) -> Identity:
    """Return a power shelf as it names itself."""
    told = {"serial": f"PS{number}", "firmware": "PMC 2.08 PSU 1.14", **more}
    return Identity("orv3_pmc", "pdu", "Maker", **told)


def shelves(**odd: Identity) -> dict[str, Identity]:
    """Return all shelves, some of them odd."""
    return {f"power_shelf{n}": shelf(n) for n in range(1, 9)} | odd


@given(one=NUMBERS, other=NUMBERS)
def test_versions_are_ordered_as_packages_are(one: str, other: str) -> None:
    """Compare numbers as numbers; an end of zeros is nothing."""
    assert (key(one) < key(other)) == (Version(one) < Version(other))
    assert (key(one) == key(other)) == (Version(one) == Version(other))


@pytest.mark.parametrize(
    ("wanted", "said", "met"),
    [
        ("PSU >= 1.14, PMC >= 2.08", "PMC 2.08, PSU 1.14", True),
        ("PSU >= 1.14, PMC >= 2.08", "PMC: v2.10 / PSU: 1.9", False),  # 1.9 is older than 1.14
        ("PSU >= 1.14, PMC >= 2.08", "PMC 2.10", None),
        ("PSU >= 1.14, PMC >= 2.08", "2.10", None),  # of which part?
        ("PSU >= 1.14, PMC >= 2.08", "PMC 1.0", False),  # one is known to be wrong
        (">= 4.0.10", "SONiC 4.0.9", False),
        (">= 4.0.10", "4.0.10-p1", True),
        ("== 1.2.0", "1.2", True),
        ("!= 3.1", "3.1", False),
        ("< 2", "1.99", True),
        ("bundle C.3", "bundle C.3", True),
        ("bundle C.3", "BUNDLE C.3 (b12)", True),
        ("bundle C.3", "bundle C.31", None),
        ("bundle C.3", "C.2", None),  # words are for a person to compare
        ("PSU >= 1.14", "APSU 0.1 PSU-1.20", True),
    ],
)
def test_firmware_is_met_missed_or_not_told(wanted: str, said: str, met: bool | None) -> None:  # noqa: FBT001 -- a case of a table
    """Read what a bill demands, and what a device says."""
    assert release(wanted).met(said).answer is met


@given(wanted=st.text(max_size=60), said=st.text(max_size=600))
def test_any_words_are_read(wanted: str, said: str) -> None:
    """Never break on a device's words, and never find an empty one right."""
    release(wanted).met(said)
    made_as([wanted], "", said)
    assert release(">= 1").met("").answer is None


@pytest.mark.parametrize(
    ("models", "vendor", "model", "made"),
    [
        (["raritan PX4", "servertech PRO4X"], "Raritan", "PX4-5493U", True),
        (["schneider AP8xxx"], "Schneider", "AP8853", True),
        (["GB200 or GB300 1U compute tray"], "NVIDIA", "GB300 1U compute tray", True),
        (["33 kW ORv3 HPR 6x5.5 kW"], "Maker", "ES9-33K", None),
        (["PX4-*", "PX3-54??"], "Raritan", "PX3-5493", True),
        (["PX4-*"], "Raritan", "PX3-5493", False),
        (["PX4-*"], "Raritan", "", None),
        (["PX4-*", "any shelf"], "Raritan", "PX3-5493", None),  # words leave it open
        (["raritan PX4"], "Raritan", "XPX4", None),
    ],
)
def test_a_model_is_of_the_bill_or_not_or_nobody_can_tell(
    models: list[str],
    vendor: str,
    model: str,
    made: bool | None,  # noqa: FBT001 -- a case of a table
) -> None:
    """Hold patterns against devices, and words as far as words go."""
    assert made_as(models, vendor, model) is made


def test_firmware_that_is_too_old_is_named_and_the_rest_waits_for_a_person(design: Design) -> None:
    """Find the shelf; trays that do not tell are not found wrong."""
    look = firmware(design, shelves(power_shelf3=shelf(3, firmware="PMC 2.08 PSU 1.13")))
    assert look.wrong == ["power_shelf3: PSU 1.13, wanted >= 1.14"]
    assert look.right == 7
    assert len(look.unknown) == 27
    assert look.answer is False


def test_a_serial_that_two_have_is_told_with_both(design: Design) -> None:
    """In one rack, and in two of the floor."""
    known = shelves(power_shelf2=shelf(1))
    look = serials(design, known, "SN-1", {"PS7": ["bay-02/power_shelf4"], "X": ["bay-03/cdu"]})
    assert look.wrong == [
        "power_shelf1 has serial PS1, and so has power_shelf2",
        "power_shelf7 has serial PS7, and so has bay-02/power_shelf4",
    ]


def test_serials_are_read_when_every_part_that_needs_one_has_it(design: Design) -> None:
    """The rack's own is that of the run; what nobody told leaves the need open."""
    known = {device: shelf(n) for n, device in enumerate(design.roles)}
    assert serials(design, known, "SN-1", {}).answer is True
    del known["compute_tray4"]
    assert serials(design, known, "SN-1", {}).answer is None
    assert serials(design, known, "SN-1", {}).unknown == ["compute_tray4: it has not answered"]
    known["compute_tray4"] = shelf(4, serial="")
    assert "read it off the part" in serials(design, known, "SN-1", {}).text
