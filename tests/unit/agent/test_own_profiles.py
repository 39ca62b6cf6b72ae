"""A floor's own profiles, beside those that are shipped."""

from pathlib import Path

import pytest

from agent.config import load_floor
from collectors.document import DocumentError

FLOOR = """\
floor: rackproof.floor/1
profiles: profiles
credentials: {lab: {version: 2c, community: public}}
defaults: {credentials: lab}
bays: {bay-01: {devices: {feedA: {address: 10.1.1.10, profile: acme}}}}
"""
PROFILE = """\
profile: rackproof.profile/1
draft: true
name: acme
kind: pdu
vendor: Acme
title: Acme
fingerprint: {sys_object_id: [1.3.6.1.4.1.99999]}
channels:
  power: {value: 1.3.6.1.4.1.99999.1.0, quantity: power, unit: W, drafted: {sure: guess, why: "so"}}
"""


def floor(folder: Path, profile: str | None) -> Path:
    """Write a floor that has one profile of its own, or no folder of them."""
    if profile is not None:
        (folder / "profiles").mkdir()
        (folder / "profiles" / "acme.yaml").write_text(profile)
    (folder / "floor.yaml").write_text(FLOOR)
    return folder / "floor.yaml"


def test_a_profile_of_the_floors_own_can_be_named(tmp_path: Path) -> None:
    """It stands beside the shipped ones, and a draft is marked as one."""
    config = load_floor(floor(tmp_path, PROFILE))
    labels = {profile.label for profile in config.profiles}
    assert {"acme (draft)", "raritan_pdu2", "standard"} <= labels
    (warning,) = config.warnings
    assert "floor.yaml:5: bays.bay-01.devices.feedA.profile: acme is a draft" in str(warning)


def test_a_draft_is_one_until_its_last_mark_is_gone(tmp_path: Path) -> None:
    """Whoever removes one line has gone through none of the channels."""
    half = PROFILE.replace("draft: true\n", "")
    labels = {profile.label for profile in load_floor(floor(tmp_path, half)).profiles}
    assert "acme (draft)" in labels
    whole = half.replace(', drafted: {sure: guess, why: "so"}', "")
    (tmp_path / "profiles" / "acme.yaml").write_text(whole)
    labels = {profile.label for profile in load_floor(tmp_path / "floor.yaml").profiles}
    assert "acme" in labels


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (None, "floor.yaml:2: profiles: profiles is no folder"),
        (PROFILE.replace("name: acme", "name: raritan_pdu2"), "acme.yaml:3: name: 'raritan_pdu2'"),
        (PROFILE.replace("sure: guess", "sure: maybe"), "acme.yaml:9: "),
    ],
)
def test_what_is_wrong_with_it_is_told_with_its_line(
    tmp_path: Path, profile: str | None, text: str
) -> None:
    """No folder, a name that is taken, a word that is none."""
    with pytest.raises(DocumentError, match=text):
        load_floor(floor(tmp_path, profile))
