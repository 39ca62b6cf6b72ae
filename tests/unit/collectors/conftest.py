"""What tests of profiles share."""

from collections.abc import Callable, Mapping

import pytest

from collectors.binding import bind
from collectors.profile import load_profiles
from collectors.readings import Quality
from collectors.recording import answer
from collectors.rows import Value

ReadAs = Callable[[str, Mapping[str, Value], Mapping[str, float | str]], dict[str, object]]


@pytest.fixture(scope="session")
def read_as() -> ReadAs:
    """Return what the profile of that name makes of rows, in the channels that are expected.

    A number is a value, a word is a state or why there is no value.
    """
    profiles = {profile.name: profile for profile in load_profiles()}

    def read(
        name: str, rows: Mapping[str, Value], expected: Mapping[str, float | str]
    ) -> dict[str, object]:
        """Bind, convert and tell."""
        layout = bind(profiles[name], rows)
        values, quality, _ = layout.convert(*answer(layout, rows))
        at = {channel.name: n for n, channel in enumerate(layout.channels)}
        found: dict[str, object] = {}
        for channel in expected:
            n = at[channel]
            states = layout.channels[n].states
            if quality[n] != Quality.GOOD:
                found[channel] = Quality(int(quality[n])).name.lower()
            else:
                found[channel] = states[int(values[n])] if states else pytest.approx(values[n])
        return found

    return read
