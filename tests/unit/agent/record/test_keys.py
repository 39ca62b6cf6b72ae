"""Tests for keys: made once, kept private, never exchanged unseen."""

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.record.keys import KeyFileError, PublicKey, SigningKey, read_public


def test_a_key_is_made_on_first_start_and_kept(tmp_path: Path) -> None:
    """Starting again signs with the same key."""
    first = SigningKey.open(tmp_path / "key")

    assert SigningKey.open(tmp_path / "key").public == first.public
    assert first.public.signed(b"data", first.sign(b"data"))
    assert not first.public.signed(b"Data", first.sign(b"data"))


def test_private_part_is_for_its_owner_alone(tmp_path: Path) -> None:
    """And no listing of the object spells it out."""
    key = SigningKey.open(tmp_path / "key")
    path = tmp_path / "key" / "signing.pem"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    secret = path.read_text().splitlines()[1]
    assert secret not in repr(key)


def test_fingerprint_is_the_hash_of_the_bare_key(tmp_path: Path) -> None:
    """So that it can be compared with what any other tool prints."""
    key = SigningKey.open(tmp_path / "key")

    assert read_public(tmp_path / "key" / "signing.pub.pem") == key.public
    assert key.public.fingerprint == hashlib.sha256(key.public.raw).hexdigest()


def test_taking_a_key_away_makes_a_new_one_and_keeps_the_old_public_part(tmp_path: Path) -> None:
    """That is all there is to rotation."""
    folder = tmp_path / "key"
    old = SigningKey.open(folder).public
    (folder / "signing.pem").unlink()

    new = SigningKey.open(folder).public

    assert new != old
    assert read_public(folder / "signing.pub.pem") == new
    assert [read_public(path) for path in (folder / "old").iterdir()] == [old]


@pytest.mark.parametrize("torn", [b"", b"-----BEGIN PUBLIC KEY-----\n", b"\xff" * 113])
def test_a_torn_public_part_is_written_again(tmp_path: Path, torn: bytes) -> None:
    """It follows from the private part."""
    folder = tmp_path / "key"
    key = SigningKey.open(folder).public
    (folder / "signing.pub.pem").unlink()
    (folder / "signing.pub.pem").write_bytes(torn)

    assert SigningKey.open(folder).public == key
    assert read_public(folder / "signing.pub.pem") == key
    assert not (folder / "old").exists()


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    """Whoever has it could have signed."""
    SigningKey.open(tmp_path / "key")
    path = tmp_path / "key" / "signing.pem"
    path.chmod(0o644)

    with pytest.raises(KeyFileError, match="chmod 600"):
        SigningKey.open(tmp_path / "key")


def test_a_damaged_private_part_is_never_replaced(tmp_path: Path) -> None:
    """A new key would go unnoticed; a person decides."""
    SigningKey.open(tmp_path / "key")
    path = tmp_path / "key" / "signing.pem"
    path.write_bytes(path.read_bytes()[:60])

    with pytest.raises(KeyFileError, match="restore it from backup"):
        SigningKey.open(tmp_path / "key")
    assert len(path.read_bytes()) == 60


def test_other_kinds_of_key_are_refused(tmp_path: Path) -> None:
    """A record is signed in one way only."""
    rsa = generate_private_key(65537, 2048).public_key()
    pem = rsa.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(KeyFileError, match="not one of Ed25519"):
        PublicKey.read(pem, "rsa.pem")
    with pytest.raises(KeyFileError, match="check the path"):
        read_public(tmp_path / "nowhere.pem")
