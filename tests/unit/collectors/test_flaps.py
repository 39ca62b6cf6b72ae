"""Flaps of a link: counted by when the switch says that it changed last."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collectors.binding import bind
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
def test_a_flap_is_a_new_moment_of_change_and_none_is_known_where_there_is_no_moment(
    said: list[int],
) -> None:
    """However many polls are lost between: the first word is no flap, each other word is one."""
    layout = bind(STANDARD, ROWS)
    (place,) = [n for n, channel in enumerate(layout.channels) if channel.name.endswith("/flaps")]
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
        elif word == 0:
            assert quality[place] == Quality.SENTINEL
        else:
            assert values[place] == sum(a != b for a, b in itertools.pairwise(heard))


def test_a_switch_that_starts_anew_has_not_flapped() -> None:
    """It is bound again, and then its ports came up at another moment than before."""
    layout = bind(STANDARD, ROWS)
    layout.convert(*answer(layout, ROWS))
    after: dict[str, Value] = {**ROWS, SYS_UP_TIME: 3_000, LAST_CHANGE: 2_100}
    assert layout.changed(*answer(layout, after)) == "sysUpTime fell: the device restarted"
    anew = bind(STANDARD, after)
    (place,) = [n for n, channel in enumerate(anew.channels) if channel.name.endswith("/flaps")]
    assert anew.convert(*answer(anew, after))[0][place] == 0
