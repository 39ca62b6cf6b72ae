"""Which profile fits a device."""

import pytest

from collectors.fingerprint import AmbiguousError, candidates, identify, questions
from collectors.profile import Profile, load_profiles

MARKS = {
    "standard": "{}",
    "family": "{sys_object_id: [1.3.6.1.4.1.9]}",
    "special": "{sys_object_id: [1.3.6.1.4.1.9.12]}",
    "linux_a": "{sys_object_id: [1.3.6.1.4.1.8072.3.2.10], sys_descr: Cumulus}",
    "linux_b": "{sys_object_id: [1.3.6.1.4.1.8072.3.2.10], sys_descr: SONiC}",
    "plain": "{sys_object_id: [1.3.6.1.4.1.476]}",
    "metered": "{sys_object_id: [1.3.6.1.4.1.476], exists: [1.3.6.1.4.1.476.1.0]}",
    "rival_a": "{sys_object_id: [1.3.6.1.4.1.5]}",
    "rival_b": "{sys_object_id: [1.3.6.1.4.1.5]}",
}


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, ...]:
    """Load one profile for each of the marks."""
    folder = tmp_path_factory.mktemp("profiles")
    for name, marks in MARKS.items():
        head = f"profile: rackproof.profile/1\nname: {name}\nkind: other\nvendor: ''\ntitle: t\n"
        (folder / f"{name}.yaml").write_text(head + f"fingerprint: {marks}\n")
    return load_profiles(folder)


@pytest.mark.parametrize(
    ("sys_object_id", "sys_descr", "has", "fits"),
    [
        ("1.3.6.1.4.1.9.12.3.1", "", "", "special"),
        ("1.3.6.1.4.1.9.1", "", "", "family"),
        (".1.3.6.1.4.1.9.1", "", "", "family"),
        ("1.3.6.1.4.1.99", "", "", "standard"),
        ("", "", "", "standard"),
        ("1.3.6.1.4.1.8072.3.2.10", "Linux Cumulus 4", "", "linux_a"),
        ("1.3.6.1.4.1.8072.3.2.10", "SONiC 2023", "", "linux_b"),
        ("1.3.6.1.4.1.8072.3.2.10", "Debian", "", "standard"),
        ("1.3.6.1.4.1.476.1.42", "", "", "plain"),
        ("1.3.6.1.4.1.476.1.42", "", "1.3.6.1.4.1.476.1", "metered"),
    ],
)
def test_the_profile_that_pins_down_most_is_taken(
    profiles: tuple[Profile, ...], sys_object_id: str, sys_descr: str, has: str, fits: str
) -> None:
    """A longer sysObjectID, then a sysDescr, then more objects; else the standard MIBs."""
    assert identify(profiles, sys_object_id, sys_descr, {has}.__contains__).name == fits


def test_a_tie_is_refused_with_both_names(profiles: tuple[Profile, ...]) -> None:
    """A guess would read a device with another's factors."""
    with pytest.raises(AmbiguousError, match="rival_a and rival_b"):
        identify(profiles, "1.3.6.1.4.1.5", "", lambda _: False)


def test_only_what_can_decide_is_asked_of_a_device(profiles: tuple[Profile, ...]) -> None:
    """An object is named by the node to walk, for a walk does not return where it starts."""
    fitting = candidates(profiles, "1.3.6.1.4.1.476.1.42", "")
    assert questions(fitting) == ("1.3.6.1.4.1.476.1",)
    assert questions(candidates(profiles, "1.3.6.1.4.1.9", "")) == ()
