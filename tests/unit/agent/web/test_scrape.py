"""Tests for shared pages: many who ask at once cost what one does."""

import asyncio
from typing import TYPE_CHECKING

from agent.exposition.floor import Floor
from agent.web.scrape import Key, Pages

if TYPE_CHECKING:
    from agent.exposition.bay import Section
    from tests.unit.agent.web.conftest import FakeState


class _Counting(Floor):
    """A floor that counts how often a bay is made to text."""

    made = 0

    def section(self, bay: str) -> "Section":
        """Count."""
        self.made += 1
        return super().section(bay)


async def test_fifty_scrapes_at_once_are_made_once(state: "FakeState") -> None:
    """A floor full of Prometheus servers does not slow the polls down."""
    state.floor = floor = _Counting()
    floor.add("bay-01", ["cdu"])
    pages = Pages(state)
    forms = [Key(("bay-01",), own=False, openmetrics=False, gzip=gzip) for gzip in (True, False)]
    answers = await asyncio.gather(*(pages.get(form) for form in forms * 25))

    assert floor.made == 1
    assert len(set(answers)) == 2


async def test_one_who_gives_up_does_not_take_the_page_from_the_others(state: "FakeState") -> None:
    """A scrape that ran into its timeout is not a reason for another to fail."""
    pages = Pages(state)
    key = Key(("bay-01",), own=True, openmetrics=False, gzip=True)
    first, second = (asyncio.create_task(pages.get(key)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()

    assert await second


async def test_a_bay_that_goes_while_the_page_is_made_is_left_out(state: "FakeState") -> None:
    """A reload in the middle of a scrape gives a page of what is left."""
    pages = Pages(state)
    making = asyncio.create_task(
        pages.get(Key(("bay-02", "bay-01"), own=False, openmetrics=False, gzip=False))
    )
    await asyncio.sleep(0)
    state.floor.remove("bay-01")
    page = b"".join(await making)

    assert b"bay-02" in page
    assert b"bay-01" not in page
