"""Credentials of SNMPv3 in a floor file: what they mean, and what is refused and where."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import FloorConfig, Snmp, load_floor
from collectors.document import DocumentError
from collectors.profile import load_profiles
from collectors.snmp.keys import AUTH, PRIVACY
from collectors.snmp.usm import User

AUTH_WORD, PRIVACY_WORD = b"maplesyrup", b"treefrogs of the hall"
FLOOR = """\
floor: rackproof.floor/1
credentials:
  secure:
    version: 3
    user: burnin
    auth: {protocol: SHA-256, password: {file: auth}}
    privacy: {protocol: AES-128, password: {env: PRIVACY}}
bays:
  bay-01:
    devices:
      feedA: {address: 127.0.0.9, credentials: secure}
"""
DAMAGE = {
    "no user": ("    user: burnin\n", "", "credentials.secure", "user is missing"),
    "a long user": ("burnin", "b" * 33, "credentials.secure.user", "1 to 32 characters"),
    "a community": ("user: burnin", "user: burnin\n    community: public", "credentials.secure",
                    "version 3 has no community"),
    "privacy alone": ("    auth: {protocol: SHA-256, password: {file: auth}}\n", "",
                      "credentials.secure", "privacy needs auth"),
    "no such hash": ("SHA-256", "SHA-3", "credentials.secure.auth.protocol", "one of MD5, SHA-1,"),
    "no such cipher": ("AES-128", "3DES", "credentials.secure.privacy.protocol", "DES, AES-128,"),
    "a cipher that signs": ("SHA-256", "AES", "credentials.secure.auth.protocol", "want one of"),
    "a literal password": ("{file: auth}", "maplesyrup", "credentials.secure.auth.password",
                           "must not stand in this file"),
    "a public password": ("{file: auth}", "public", "credentials.secure.auth.password",
                          "less than 8 characters"),
    "a short password": ("{file: auth}", "{file: short}", "credentials.secure.auth.password",
                         "less than 8 characters"),
    "no password": (", password: {file: auth}", "", "credentials.secure.auth", "missing"),
    "a key too many": ("protocol: SHA-256,", "protocol: SHA-256, salt: 1,",
                       "credentials.secure.auth", "salt"),
    "an unset variable": ("env: PRIVACY", "env: SECRECY", "credentials.secure.privacy.password",
                          "SECRECY is not set"),
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _loaded_once() -> Iterator[None]:
    """Load the profiles once: they take most of the time, and are not what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.config.load_profiles", functools.cache(load_profiles))
        yield


def load(folder: Path, text: str = FLOOR) -> FloorConfig:
    """Load a floor file beside its secrets."""
    for name, word in (("auth", AUTH_WORD), ("short", AUTH_WORD[:7])):
        (folder / name).write_bytes(word + b"\n")
        (folder / name).chmod(0o600)
    (folder / "floor.yaml").write_text(text)
    return load_floor(folder / "floor.yaml", {"PRIVACY": PRIVACY_WORD.decode()})


def problems(folder: Path, text: str) -> list[str]:
    """Return what is wrong, each as `line: key: text`."""
    with pytest.raises(DocumentError) as refused:
        load(folder, text)
    return [f"{p.line}: {p.key}: {p.text}" for p in refused.value.problems]


def source(floor: FloorConfig) -> Snmp:
    """Return how the one device is asked."""
    found = floor.bays["bay-01"].devices["feedA"].source
    assert isinstance(found, Snmp)
    return found


def test_a_device_is_asked_as_the_user_that_stands_in_the_file(tmp_path: Path) -> None:
    """The user, and both passwords from where they lie."""
    floor = load(tmp_path)
    expected = User.of(b"burnin", auth=("SHA-256", AUTH_WORD), privacy=("AES", PRIVACY_WORD))

    assert source(floor).version == "3"
    assert source(floor).user == expected
    assert not floor.warnings


def test_a_bay_is_the_same_until_one_of_its_passwords_changes(tmp_path: Path) -> None:
    """So that a reload lets polls go on, or asks with the new one."""
    first, again = load(tmp_path), load(tmp_path)
    changed = load_floor(tmp_path / "floor.yaml", {"PRIVACY": "another word"})

    assert first.bays == again.bays
    assert first.bays != changed.bays


@pytest.mark.parametrize("auth", [*AUTH, "SHA-1"])
@pytest.mark.parametrize("privacy", [*PRIVACY, "AES-128"])
def test_each_pair_of_protocols_may_be_written(tmp_path: Path, auth: str, privacy: str) -> None:
    """By its short name or its long one."""
    text = FLOOR.replace("AES-128", privacy).replace("SHA-256", auth)

    user = source(load(tmp_path, text)).user

    assert user is not None
    assert user.level == 3


@pytest.mark.parametrize("name", DAMAGE)
def test_each_mistake_is_refused_at_its_key(tmp_path: Path, name: str) -> None:
    """With what to do about it, and no more complaints than mistakes."""
    old, new, key, complaint = DAMAGE[name]
    assert old in FLOOR

    found = problems(tmp_path, FLOOR.replace(old, new))

    assert len(found) == 1
    assert found[0].split(": ")[1].startswith(key)
    assert complaint in found[0]


def test_all_mistakes_of_a_credential_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    """One look, one mending."""
    text = FLOOR.replace("SHA-256", "SHA-3").replace("AES-128", "3DES").replace("auth}", "none}")

    found = problems(tmp_path, text)

    assert [each.partition(":")[0] for each in found] == ["6", "6", "7"]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("SHA-256", "MD5", {6: "use SHA-256"}),
        ("AES-128", "DES", {7: "use AES-128"}),
        ("    privacy: {protocol: AES-128, password: {env: PRIVACY}}\n", "", {3: "no privacy"}),
    ],
)
def test_what_protects_little_is_a_warning(
    tmp_path: Path, old: str, new: str, lines: dict[int, str]
) -> None:
    """It is allowed, for there are devices that can do nothing else."""
    floor = load(tmp_path, FLOOR.replace(old, new))

    assert [warning.line for warning in floor.warnings] == list(lines)
    assert all(text in str(w) for w, text in zip(floor.warnings, lines.values(), strict=True))
