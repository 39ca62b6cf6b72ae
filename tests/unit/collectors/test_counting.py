"""Counters of switches against an oracle that knows every octet: wraps, resets, restarts."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collectors.binding import bind
from collectors.layout import TICKS, Layout
from collectors.profile import SYS_UP_TIME, load_profiles
from collectors.readings import Quality
from collectors.recording import answer
from collectors.rows import Value

STANDARD = next(profile for profile in load_profiles() if profile.name == "standard")
ERRORS = "1.3.6.1.2.1.2.2.1.14.7"
OCTETS_32 = "1.3.6.1.2.1.2.2.1.10.7"
OCTETS_64 = "1.3.6.1.2.1.31.1.1.1.6.7"
DISCONTINUITY = "1.3.6.1.2.1.31.1.1.1.19.7"
ROWS: dict[str, Value] = {
    SYS_UP_TIME: 50_000,
    "1.3.6.1.2.1.2.2.1.3.7": 6,
    "1.3.6.1.2.1.31.1.1.1.1.7": b"swp7",
    ERRORS: 0,
    OCTETS_32: 0,
    DISCONTINUITY: 0,
}


def read(layout: Layout, rows: dict[str, Value], name: str) -> float:
    """Return what a channel counts by now."""
    place = next(n for n, c in enumerate(layout.channels) if c.name == f"port/swp7/{name}")
    values, quality, _ = layout.convert(*answer(layout, rows))
    assert quality[place] == Quality.GOOD
    return float(values[place])


@given(
    start=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(0, 2**31 - 1), max_size=20),
    lost=st.sets(st.integers(0, 19)),
)
def test_a_counter_of_32_bits_is_exact_however_often_it_wraps(
    start: int, steps: Sequence[int], lost: set[int]
) -> None:
    """Row 28: the difference from poll to poll is what was counted, and of two polls lost too.

    A counter is asked before it has counted half of what it holds, so no step is longer.
    """
    layout = bind(STANDARD, ROWS)
    total, unheard = start, 0
    first = read(layout, {**ROWS, ERRORS: start, OCTETS_32: start}, "in_errors")
    for number, step in enumerate(steps):
        total += step
        unheard += step
        if number in lost and unheard + max(steps) < 2**31:
            continue
        unheard = 0
        rows: dict[str, Value] = {**ROWS, ERRORS: total % 2**32, OCTETS_32: total % 2**32}
        assert read(layout, rows, "in_errors") - first == total - start
        assert read(layout, rows, "in_octets") - first == total - start


@given(before=st.integers(1, 2**53), after=st.integers(0, 2**53), errors=st.integers(1, 2**31 - 1))
def test_a_counter_that_falls_otherwise_was_reset_and_says_so(
    before: int, after: int, errors: int
) -> None:
    """A Counter64 never wraps in a life; a Counter32 falls from its upper half if it does."""
    rows: dict[str, Value] = {**ROWS, OCTETS_64: before, ERRORS: errors}
    layout = bind(STANDARD, rows)
    assert read(layout, rows, "in_octets") == before
    assert read(layout, {**rows, OCTETS_64: after}, "in_octets") == after
    assert read(layout, {**rows, ERRORS: 0}, "in_errors") == 0


@given(ticks=st.integers(0, 2**33), later=st.integers(1, 360_000 - 1))
def test_the_497th_day_is_no_restart(ticks: int, later: int) -> None:
    """Uptime begins again at 0 then; a fall from anywhere but its end is a restart."""
    layout = bind(STANDARD, {**ROWS, SYS_UP_TIME: ticks % TICKS})
    now: dict[str, Value] = {**ROWS, SYS_UP_TIME: (ticks + later) % TICKS}
    assert layout.changed(*answer(layout, now)) is None


@given(before=st.integers(360_000, 2**32 - 360_001), after=st.integers(0, 359_999))
def test_any_other_fall_of_uptime_is_a_restart(before: int, after: int) -> None:
    """The device is bound again, and what it counts is new."""
    layout = bind(STANDARD, {**ROWS, SYS_UP_TIME: before})
    why = layout.changed(*answer(layout, {**ROWS, SYS_UP_TIME: after}))
    assert why == "sysUpTime fell: the device restarted"


def test_counters_that_began_anew_without_a_restart_are_noticed() -> None:
    """By the time that a switch keeps for that, of each port; without it nothing is asked for."""
    layout = bind(STANDARD, ROWS)
    assert layout.changed(*answer(layout, ROWS)) is None
    why = layout.changed(*answer(layout, {**ROWS, DISCONTINUITY: 50_100}))
    assert why == f"{DISCONTINUITY} was 0 when the device was bound and is not any more"

    without = {oid: said for oid, said in ROWS.items() if oid != DISCONTINUITY}
    plain = bind(STANDARD, without)
    assert DISCONTINUITY not in plain.objects
    assert plain.changed(*answer(plain, without)) is None


def test_the_wider_counter_is_read_where_there_is_one() -> None:
    """And only that one."""
    layout = bind(STANDARD, {**ROWS, OCTETS_64: 5})
    assert OCTETS_32 not in layout.objects
    assert np.isfinite(read(layout, {**ROWS, OCTETS_64: 2**40}, "in_octets"))
