"""Profile files: what they may say, and how every mistake is told at its line."""

from pathlib import Path

import pytest

from collectors.document import DocumentError
from collectors.profile import load_profiles, outermost
from collectors.rule import Template, slug

HEAD = """\
profile: rackproof.profile/1
name: acme
kind: pdu
vendor: Acme
title: Acme units
prefix: 1.3.6.1.4.1.99999
"""
MISTAKES = {
    "channels: {a/power: {value: .1.0, quantity: power, unit: V}}": (7, "cannot measure power"),
    "channels: {a/power: {value: .1.0, quantity: power}}": (7, "no `unit`"),
    "channels: {a/power: {value: .1.0, quantity: strength, unit: W}}": (7, "quantity 'strength'"),
    "channels: {a/power: {value: .1.0, quantity: power, unit: W, limit: 3}}": (7, "unknown key"),
    "channels: {a/power: {value: power, quantity: power, unit: W}}": (7, "neither an OID"),
    "channels: {a/power: {quantity: power, unit: W}}": (7, "no `value`"),
    "channels: {a: {value: .1.0, quantity: state}}": (7, "needs `states`"),
    "channels: {a: {value: .1.0, quantity: state, states: {1: ok}, good: [fine]}}": (7, "'fine'"),
    "channels: {a: {value: .1.0, quantity: leak, states: {1: ok}}}": (7, "dry and wet"),
    "channels: {a: {value: .1.0, quantity: number, digits_from: d}}": (7, "'d' is no arc"),
    "channels: {'a/{b}': {value: .1.0, quantity: number}}": (7, "'b' is no arc"),
    "channels: {a: {value: .1.0, quantity: number, conversion: magic}}": (7, "signed32"),
    "channels: {a: {value: .1.0, quantity: number, by: x}}": (7, "give both or neither"),
    "channels: {a: {value: .1.0, quantity: number, pattern: '('}}": (7, "regular expression"),
    "tables:\n  t:\n    channels: {}": (8, "needs `index`"),
    "tables:\n  t:\n    extends: sensor": (9, "has a table 'sensor'"),
    "include: [nothing]": (7, "no fragment 'nothing'"),
    "provides: {cdu: {'a[{n}]': b}}": (7, "same words in braces"),
    "prefix: 1.3": (7, "duplicate key"),
    "fingerprint: {sys_object_id: [x]}": (7, "no OID"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_line_and_a_remedy(mistake: str, tmp_path: Path) -> None:
    """Who writes a profile finds out when it is loaded, not when a rack is judged."""
    (tmp_path / "acme.yaml").write_text(HEAD + mistake + "\n")
    with pytest.raises(DocumentError) as caught:
        load_profiles(tmp_path)
    line, words = MISTAKES[mistake]
    assert [p.line for p in caught.value.problems if words in p.text] == [line]


def test_an_oid_below_no_prefix_is_told_with_its_line(tmp_path: Path) -> None:
    """A leading dot is short for a prefix, and without one it leads nowhere."""
    text = HEAD.replace("prefix: 1.3.6.1.4.1.99999\n", "objects: {a: .1.0}\n")
    (tmp_path / "acme.yaml").write_text(text)
    with pytest.raises(DocumentError, match=r"acme\.yaml:6: objects\.a: .* needs `prefix`"):
        load_profiles(tmp_path)


def test_the_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    """One run of a check is enough to see all there is to mend."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(HEAD.replace("acme", name) + "wrong: 1\nalso: 2\n")
    with pytest.raises(DocumentError) as caught:
        load_profiles(tmp_path)
    assert len(caught.value.problems) == 4


def test_two_profiles_of_one_name_are_refused(tmp_path: Path) -> None:
    """A floor file names profiles; a name must mean one thing."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(HEAD)
    with pytest.raises(DocumentError, match=r"'acme' is also in .*one\.yaml"):
        load_profiles(tmp_path)


def test_shipped_profiles_load_and_the_standard_one_is_among_them() -> None:
    """A device that no profile fits is read by the standard MIBs."""
    assert "standard" in {profile.name for profile in load_profiles()}


def test_a_profile_of_another_folder_may_include_a_shipped_fragment(tmp_path: Path) -> None:
    """Who adds a switch does not copy the sensor tables."""
    (tmp_path / "acme.yaml").write_text(HEAD + "include: [entity_sensor]\n")
    (profile,) = load_profiles(tmp_path)
    assert "1.3.6.1.2.1.99.1.1.1.4" in profile.roots


def test_a_change_in_a_fragment_changes_the_hash(tmp_path: Path) -> None:
    """A record names the profile by its hash; what it includes is part of what was applied."""
    fragment = tmp_path / "part.yaml"
    text = "fragment: rackproof.fragment/1\nname: part\ntitle: one\n"
    (tmp_path / "acme.yaml").write_text(HEAD + "include: [part]\n")
    hashes = set()
    for title in ("one", "two"):
        fragment.write_text(text.replace("one", title))
        hashes.add(load_profiles(tmp_path)[0].hash)
    assert len(hashes) == 2


def test_roots_hold_nothing_that_another_covers() -> None:
    """A walk of a table and one of its columns would read the column twice."""
    assert outermost(["1.3.10", "1.3.9.1", "1.3.9", "1.3.9.10.2"]) == ("1.3.9", "1.3.10")


def test_device_text_in_a_name_is_tamed() -> None:
    """What a device calls itself can neither make new parts of a name nor a long one."""
    name = Template.of("port/{name}/in").render({"name": "../Eth 1\n{x}" + "y" * 99})
    assert name.count("/") == 2
    assert len(name) < 60
    assert slug("Ä/ö") == ""
