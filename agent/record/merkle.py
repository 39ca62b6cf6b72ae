"""Merkle trees: one hash that stands for many files, whichever tool computes it.

A leaf is the line that `sha256sum` prints for a file; leaves stand in the order of their paths.
Source: RFC 6962 §2.1 (leaves and nodes are hashed apart, so that neither passes for the other).

>>> root({"a.txt": "00" * 32})[:16]
'2f0ed92a3954cbbd'
"""

import hashlib
from collections.abc import Mapping, Sequence


def line(path: str, sha256: str) -> str:
    """Return what `sha256sum` prints for a file, its line end included."""
    return f"{sha256}  {path}\n"


def lines(files: Mapping[str, str]) -> bytes:
    """Return what `sha256sum` prints for files, in the order of their paths."""
    return "".join(line(path, files[path]) for path in sorted(files)).encode()


def root(files: Mapping[str, str]) -> str:
    """Return the root over files, each with its SHA-256 in hexadecimal."""
    leaves = [line(path, files[path]).encode() for path in sorted(files)]
    return tree([hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]).hex()


def tree(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves; of none, the hash of nothing."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    left = 1 << (len(hashes) - 1).bit_length() - 1  # the greatest power of two below their number
    return hashlib.sha256(b"\1" + tree(hashes[:left]) + tree(hashes[left:])).digest()
