"""Tests for secrets: where they may come from, and that nothing can spell them out."""

import copy
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.credentials import CredentialError, Secret, Vault

CANARY = b"Zq7-canary-Kx9"


def vault(folder: Path, **environment: str) -> Vault:
    """Make a vault of a folder."""
    return Vault(folder, environment)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_no_way_of_showing_a_secret_tells_it_from_another(one: bytes, other: bytes) -> None:
    """Logs, pages, dumps and debuggers all go through one of these; not even the length shows."""

    def shown(content: bytes) -> list[object]:
        secret = Secret(content)
        texts = [
            repr(secret),
            str(secret),
            f"{secret}",
            f"{secret:.99}",
            f"{[secret]}",
            str([secret]),
        ]
        return [*texts, json.dumps({"a": secret}, default=str), pickle.dumps(secret), hash(secret)]

    assert shown(one) == shown(other)
    assert not hasattr(Secret(one), "__dict__")


def test_a_copied_configuration_still_has_its_secrets() -> None:
    """A pickle is masked, for it leaves the process; a copy does not."""
    secret = Secret(CANARY)

    assert copy.deepcopy([secret])[0].reveal() == copy.copy(secret).reveal() == CANARY
    assert pickle.loads(pickle.dumps(secret)).reveal() != CANARY  # noqa: S301 -- our own


def test_a_changed_secret_is_seen_as_changed() -> None:
    """A reload compares configurations to know which devices to ask anew."""
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret(b"other")
    assert hash(Secret(CANARY)) == hash(Secret(b"other"))


def test_a_secret_comes_from_a_file_beside_the_floor_file(tmp_path: Path) -> None:
    """The newline that every editor adds is not a part of it."""
    for ending in (b"", b"\n", b"\r\n"):
        path = tmp_path / "word"
        path.write_bytes(CANARY + ending)
        path.chmod(0o600)

        assert vault(tmp_path).fetch({"file": "word"}).reveal() == CANARY


def test_a_secret_comes_from_the_environment(tmp_path: Path) -> None:
    """For containers that have no better way."""
    assert vault(tmp_path, WORD="abc").fetch({"env": "WORD"}).reveal() == b"abc"


def test_public_is_the_only_literal(tmp_path: Path) -> None:
    """A floor file is reviewed and committed; the refusal must not repeat the secret."""
    assert vault(tmp_path).fetch("public").reveal() == b"public"
    with pytest.raises(
        CredentialError, match=r"must not stand in this file; write \{file: PATH\}"
    ) as why:
        vault(tmp_path).fetch(CANARY.decode())
    assert CANARY.decode() not in str(why.value)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o620, 0o666, 0o777])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that mends it."""
    path = tmp_path / "word"
    path.write_bytes(CANARY)
    path.chmod(mode)

    with pytest.raises(CredentialError, match=rf"\(mode {mode:04o}\); run: chmod 600 ") as why:
        vault(tmp_path).fetch({"file": "word"})
    assert "canary" not in str(why.value)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
def test_a_group_may_read_a_secret(tmp_path: Path, mode: int) -> None:
    """Service managers and orchestrators hand secrets to a group."""
    path = tmp_path / "word"
    path.write_bytes(CANARY)
    path.chmod(mode)

    assert vault(tmp_path).fetch({"file": "word"}).reveal() == CANARY


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"a\nb", "more than one line"),
        (b"a\0b", "more than one"),
        (b"x" * 5000, "5000 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    """The wrong file is found while loading, not by a device that stays silent."""
    path = tmp_path / "word"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(CredentialError, match=what):
        vault(tmp_path).fetch({"file": "word"})


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ({"file": "absent"}, "No such file"),
        ({"file": "."}, "not a regular file"),
        ({"env": "ABSENT"}, "ABSENT is not set"),
        ({"file": "a", "env": "b"}, "want {file: PATH} or {env: NAME}"),
        ({"file": ""}, "want {file: PATH}"),
        ({"file": 7}, "want {file: PATH}"),
        ({}, "want {file: PATH}"),
        ({"vault": "a"}, "want {file: PATH}"),
        (7, "want {file: PATH}"),
        (["public"], "want {file: PATH}"),
        (None, "want {file: PATH}"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(
    tmp_path: Path, reference: object, what: str
) -> None:
    """Each with what to write instead."""
    with pytest.raises(CredentialError) as why:
        vault(tmp_path).fetch(reference)
    assert what in str(why.value)
