"""Which family plays each device of a twin, and at which address."""

from pathlib import Path

import pytest

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.twin.places import FAMILIES, PlaceError, families, octets
from collectors.profile import load_profiles

PROFILES = load_profiles()


@pytest.fixture(scope="module")
def content(shared: Path) -> bytes:
    """Return the example as it is written."""
    return (shared / "examples" / "nvl72-lc-132kw.yaml").read_bytes()


@pytest.fixture(scope="module")
def design(content: bytes) -> Design:
    """Return the example."""
    return expand(load_spec(content, "spec.yaml"))


def test_devices_get_the_addresses_that_their_spec_names(design: Design) -> None:
    """Count on from a role's offset."""
    found = octets(design, ["feedA", "feedB", "rear_door", "mgmt_switch1", "mgmt_switch2"])
    assert found == {
        "feedA": 10, "feedB": 11, "rear_door": 42, "mgmt_switch1": 50, "mgmt_switch2": 51,
    }  # fmt: skip


@pytest.mark.parametrize("offset", [0, 10, 49, 94, 236, 254, 255, 400])
def test_no_two_devices_share_an_address_whatever_a_spec_says(content: bytes, offset: int) -> None:
    """Move a role onto another, or beyond what an address can hold."""
    moved = content.replace(b"compute_tray: 90", b"compute_tray: %d" % offset)
    design = expand(load_spec(moved, "spec.yaml"))
    found = octets(design, (device for device in design.places if device != "agent"))
    assert len({*found.values()}) == len(found)
    assert all(0 < octet < 255 for octet in found.values())


def test_the_two_meters_of_a_rack_are_of_two_families(design: Design) -> None:
    """Choose by role, and otherwise what provides it."""
    found = families(design, PROFILES, {})
    assert (found["feedA"].name, found["feedB"].name) == ("raritan_pdu2", "sentry4")
    assert "agent" not in found
    assert found.keys() == design.places.keys() - {"agent"}
    usual = {name for names in FAMILIES.values() for name in names}
    assert {profile.name for profile in found.values()} <= usual


def test_a_device_is_of_the_family_that_is_wished_for(design: Design) -> None:
    """Let one meter be another's twin."""
    found = families(design, PROFILES, {"feedA": "sentry4"})
    assert found["feedA"].name == found["feedB"].name == "sentry4"


@pytest.mark.parametrize(
    ("wished", "told"),
    [
        ({"feedC": "sentry4"}, "no device 'feedC'; did you mean 'feedB'?"),
        ({"feedA": "sentry5"}, "no simulated family 'sentry5'; did you mean 'sentry4'?"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(
    design: Design, wished: dict[str, str], told: str
) -> None:
    """Say what may have been meant."""
    with pytest.raises(PlaceError) as caught:
        families(design, PROFILES, wished)
    assert told in str(caught.value)


def test_a_role_that_no_profile_provides_asks_for_one(content: bytes) -> None:
    """Rename a role."""
    renamed = content.replace(b"rear_door", b"side_cooler").replace(b"rear-door", b"side-cooler")
    design = expand(load_spec(renamed, "spec.yaml"))
    with pytest.raises(PlaceError, match="--family side_cooler"):
        families(design, PROFILES, {})
    assert families(design, PROFILES, {"side_cooler": "rittal_cmc3"})
