"""What all tests may ask for."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # no test asserts a time
settings.load_profile("house")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of recordings and reference files; skip where it is not laid out."""
    folder = Path(__file__).parents[1].parent / "shared"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("the recordings are not beside the checkout, and CI must have them")
        pytest.skip("the recordings are not beside the checkout")
    return folder
