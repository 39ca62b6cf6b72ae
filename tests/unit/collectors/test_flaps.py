"""Flaps of a link: counted by when the switch says that it changed last."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collectors.binding import bind
from collectors.layout import Layout
from collectors.profile import SYS_UP_TIME, load_profiles
from collectors.readings import Quality
from collectors.recording import answer
from collectors.rows import Value

STANDARD = next(profile for profile in load_profiles() if profile.name == "standard")
LAST_CHANGE = "1.3.6.1.2.1.2.2.1.9.7"
ROWS: dict[str, Value] = {
    SYS_UP_TIME: 50_000,
    "1.3.6.1.2.1.2.2.1.3.7": 6,
    "1.3.6.1.2.1.31.1.1.1.1.7": b"swp7",
    LAST_CHANGE: 1_200,
}
LOST = -1


@given(said=st.lists(st.sampled_from([LOST, 0, 1_200, 1_201, 40_000]), max_size=12))
def test_a_flap_is_a_new_moment_of_change(said: list[int]) -> None:
    """However many polls are lost between: the first word is no flap, each other word is one."""
    layout = bind(STANDARD, ROWS)
    place = flaps_of(layout)
    heard: list[int] = []
    for word in said:
        raw, fault, texts = answer(layout, {**ROWS, LAST_CHANGE: max(word, 0)})
        if word == LOST:
            fault[:] = Quality.COMM_LOST
            raw[:] = np.nan
        else:
            heard.append(word)
        values, quality, _ = layout.convert(raw, fault, texts)
        if word == LOST:
            assert quality[place] == Quality.COMM_LOST
        else:
            assert values[place] == sum(a != b for a, b in itertools.pairwise(heard))


def test_a_port_that_never_changed_has_not_flapped_if_its_switch_keeps_such_times() -> None:
    """A switch that says 0 of every port tells nothing, until it tells of one of them."""
    still = {**ROWS, LAST_CHANGE: 0}
    dumb = bind(STANDARD, still)
    assert dumb.convert(*answer(dumb, still))[1][flaps_of(dumb)] == Quality.SENTINEL
    values, quality, _ = dumb.convert(*answer(dumb, {**ROWS, LAST_CHANGE: 900}))
    assert (values[flaps_of(dumb)], quality[flaps_of(dumb)]) == (1, Quality.GOOD)

    other: dict[str, Value] = {
        "1.3.6.1.2.1.2.2.1.3.8": 6,
        "1.3.6.1.2.1.31.1.1.1.1.8": b"swp8",
        "1.3.6.1.2.1.2.2.1.9.8": 700,
    }
    keeper = bind(STANDARD, {**still, **other})
    values, quality, _ = keeper.convert(*answer(keeper, {**still, **other}))
    assert not quality[[n for n, c in enumerate(keeper.channels) if c.moments]].any()


def test_a_switch_that_starts_anew_has_not_flapped() -> None:
    """It is bound again, and then its ports came up at another moment than before."""
    layout = bind(STANDARD, ROWS)
    layout.convert(*answer(layout, ROWS))
    after: dict[str, Value] = {**ROWS, SYS_UP_TIME: 3_000, LAST_CHANGE: 2_100}
    assert layout.changed(*answer(layout, after)) == "sysUpTime fell: the device restarted"
    anew = bind(STANDARD, after)
    assert anew.convert(*answer(anew, after))[0][flaps_of(anew)] == 0


def flaps_of(layout: Layout) -> int:
    """Return where the flaps of the first port stand."""
    return next(n for n, c in enumerate(layout.channels) if c.name == "port/swp7/flaps")
