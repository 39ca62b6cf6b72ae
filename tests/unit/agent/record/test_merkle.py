"""Tests for Merkle roots, against the definition and against RFC 6962's known answers."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.record import merkle

INPUTS = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243")]
ROOTS = {  # known answers that certificate-transparency implementations share
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
}
files = st.dictionaries(st.from_regex(r"[a-z/.]{1,8}", fullmatch=True), st.integers(0, 3)).map(
    lambda found: {path: f"{n:064x}" for path, n in found.items()}
)


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_that_others_compute(size: int) -> None:
    """The tree is RFC 6962's, so that other people's tools can prove a file's membership."""
    leaves = [hashlib.sha256(b"\0" + data).digest() for data in INPUTS[:size]]

    assert merkle.tree(leaves).hex() == ROOTS[size]


@given(files, files)
def test_two_sets_of_files_never_share_a_root(one: dict[str, str], other: dict[str, str]) -> None:
    """Whatever is changed, added, removed or renamed shows in the root."""
    assert (merkle.root(one) == merkle.root(other)) == (one == other)


@given(files)
def test_order_of_files_is_nothing(found: dict[str, str]) -> None:
    """Folders have no order."""
    assert merkle.root(dict(reversed(found.items()))) == merkle.root(found)
