"""Devices that are read by a draft: they are shown, and nothing is judged by them."""

from dataclasses import replace

from collectors.profile import DRAFT_MARK
from tests.unit.agent.desk.bench import WHO, Bench, refused

BY_DRAFT = replace(WHO, profile="acme" + DRAFT_MARK)


async def test_no_run_starts_where_a_device_is_read_by_a_draft(bench: Bench) -> None:
    """The refusal names the device, and what is to be done; when that is done, a run may start."""
    bench.bind("bay-01", "feed", BY_DRAFT)

    why = await refused(bench)

    assert why.startswith("409 feed: a draft that nobody has reviewed judges no rack")
    assert "remove `draft: true`" in why
    bench.bind("bay-01", "feed")
    assert await bench.start()


async def test_what_a_draft_reads_is_no_evidence_in_a_run_that_is_on(bench: Bench) -> None:
    """A device that turns out in the midst of a run to be read by a draft might as well be away."""
    run = await bench.whole()
    bench.bind("bay-01", "feed", BY_DRAFT)

    assert await bench.to_the_end(run) == "INCONCLUSIVE"
