"""Topics and filters: a foreign matcher agrees, and a wrong filter is refused before a broker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from collectors.mqtt.topic import TOPIC_BYTES_MAX, Router, TopicError, checked, fill, fits

levels = st.sampled_from(["", "a", "b", "$SYS", "x y"])
topics = st.lists(levels, min_size=1, max_size=5).map("/".join).filter(bool)
filters = (
    st.tuples(st.lists(st.one_of(levels, st.just("+")), max_size=4), st.sampled_from(["", "/#"]))
    .map(lambda both: "/".join(both[0]) + both[1])
    .map(lambda text: text.removeprefix("/") if text == "/#" else text)
    .filter(bool)
)


@given(filters, topics)
def test_a_foreign_matcher_agrees(pattern: str, topic: str) -> None:
    """What paho's client would deliver for a filter is what fits it here."""
    assert fits(pattern, topic) == topic_matches_sub(pattern, topic)


@given(st.lists(filters, max_size=6), topics)
def test_a_router_finds_everyone_who_wants_a_topic_once(wanted: list[str], topic: str) -> None:
    """Two filters of one receiver do not bring it a message twice; the second look-up agrees."""
    router: Router[str] = Router()
    for pattern in wanted:
        for item in ("one", f"two {pattern}"):
            router.add(pattern, item)
    expected = {f"two {pattern}" for pattern in wanted if fits(pattern, topic)}
    expected |= {"one"} if expected else set()

    assert set(router.find(topic)) == expected
    assert len(router.find(topic)) == len(expected)


def test_a_receiver_that_left_gets_nothing() -> None:
    """A device taken out of the floor file stays out, though its topic was seen before."""
    router: Router[str] = Router()
    router.add("a/#", "gone")
    router.add("a/+", "here")
    assert set(router.find("a/b")) == {"gone", "here"}

    router.remove("gone")

    assert router.find("a/b") == ("here",)
    assert router.filters == {"a/+"}


@pytest.mark.parametrize(
    "pattern", ["", "a/#/b", "a#", "a/b#", "a+/b", "a\0", "x" * (TOPIC_BYTES_MAX + 1)]
)
def test_a_filter_that_no_broker_takes_is_refused(pattern: str) -> None:
    """Most brokers answer such a filter by hanging up, on all devices of the connection."""
    with pytest.raises(TopicError, match=r"^topic '"):
        checked(pattern)


def test_a_name_nobody_gave_is_told() -> None:
    """The message names the place in the floor file that is missing it."""
    with pytest.raises(TopicError, match=r"\{unit\} is not known; give it in `match`"):
        fill("site/{bay}/{unit}", {"bay": "b1"})
