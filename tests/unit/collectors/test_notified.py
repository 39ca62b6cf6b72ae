"""Traps are called as their MIB calls them, and lead to the channels that they are about."""

from pathlib import Path

import pytest

from collectors.document import DocumentError
from collectors.notified import NOBODYS, Meaning, Vocabulary
from collectors.profile import Profile, load_profiles
from collectors.quantity import Quantity
from collectors.readings import Channel
from collectors.snmp.ber import Value
from collectors.snmp.notification import STANDARD, Notification

PROFILES = {profile.name: profile for profile in load_profiles()}
RARITAN = "1.3.6.1.4.1.13742.6"
IF = "1.3.6.1.2.1.2.2.1"


def meaning(
    profile: str, name: str, sources: dict[str, str], *objects: tuple[str, Value]
) -> Meaning:
    """Say what a notification means to a device with channels of such names and sources."""
    channels = [Channel(text, Quantity.STATE, oid) for text, oid in sources.items()]
    told = Notification(name, 0, objects)
    return Vocabulary(PROFILES[profile].notifications, channels).of(told)


def test_a_breaker_that_tripped_leads_to_its_channel() -> None:
    """The notification holds the very object that is polled."""
    state = f"{RARITAN}.5.3.3.1.3.1.1.15"
    sources = {"breaker/1/breaker": state, "breaker/2/breaker": f"{RARITAN}.5.3.3.1.3.1.2.15"}

    found = meaning(
        "raritan_pdu2", f"{RARITAN}.0.65", sources, (state, 0), ("1.3.6.1.2.1.1.5.0", b"")
    )

    assert found == Meaning("overCurrentProtectorSensorStateChange", ("breaker/1/breaker",))


@pytest.mark.parametrize("column", ["1", "7", "8"])
def test_a_link_is_found_by_its_row(column: str) -> None:
    """Some agents tell ifOperStatus, others nothing but ifIndex."""
    sources = {"port/swp3/link": f"{IF}.8.7", "port/swp4/link": f"{IF}.8.8"}

    found = meaning("cumulus", f"{STANDARD}.3", sources, (f"{IF}.{column}.7", 7))

    assert found == Meaning("linkDown", ("port/swp3/link",))


def test_every_device_may_say_that_it_was_started() -> None:
    """Whatever its profile; and its vendor may have a word of its own for it."""
    for name in PROFILES:
        assert meaning(name, f"{STANDARD}.1", {}) == Meaning("coldStart", (), restart=True)
    assert meaning("raritan_pdu2", f"{RARITAN}.0.1", {}).restart


def test_what_nobody_knows_is_called_by_its_number() -> None:
    """Also of a device that is not identified yet."""
    told = Notification("1.3.6.1.4.1.9999.0.1", 0, ())

    assert NOBODYS.of(told) == Meaning("1.3.6.1.4.1.9999.0.1")


def own(tmp_path: Path, *lines: str) -> tuple[Profile, ...]:
    """Load a profile with notifications of its own."""
    head = [
        "profile: rackproof.profile/1",
        "name: mine",
        "kind: other",
        "vendor: Us",
        "title: Ours",
    ]
    head += ["fingerprint: {sys_object_id: [1.3.6.1.4.1.9999]}", "notifications:"]
    (tmp_path / "mine.yaml").write_text("\n".join([*head, *lines]) + "\n")
    return load_profiles(tmp_path)


def test_a_profile_may_name_its_own_and_rename_a_common_one(tmp_path: Path) -> None:
    """Its own lines win."""
    lines = "  tooHot: 1.3.6.1.4.1.9999.0.1", f"  started: {STANDARD}.1"

    (mine,) = [profile for profile in own(tmp_path, *lines) if profile.name == "mine"]

    assert mine.notifications["1.3.6.1.4.1.9999.0.1"].name == "tooHot"
    assert mine.notifications[f"{STANDARD}.1"].name == "started"
    assert mine.notifications[f"{STANDARD}.3"].name == "linkDown"


@pytest.mark.parametrize(
    ("lines", "line", "text"),
    [
        (("  hot: 1.2.3", "  warm: 1.2.3"), 9, "is hot as well"),
        (("  hot: here",), 8, "is no OID"),
        (("  too hot: 1.2.3",), 8, "too hot"),
        (("  hot: {oid: 1.2.3, channel: x}",), 8, "channel"),
    ],
)
def test_what_a_profile_says_wrongly_is_refused_at_its_line(
    tmp_path: Path, lines: tuple[str, ...], line: int, text: str
) -> None:
    """Two names for one, no OID, no name, a key that there is not."""
    with pytest.raises(DocumentError) as found:
        own(tmp_path, *lines)

    assert [(each.line, text in str(each)) for each in found.value.problems] == [(line, True)]
