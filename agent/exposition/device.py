"""One device on the metrics page: its channels' values in one array, their lines prepared."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from agent.exposition import names
from agent.exposition.labels import clean, distinct, escape
from agent.exposition.names import FAMILIES, Family
from collectors.readings import Channel, Identity, Quality, Readings

SERIES_MAX: Final = 8192  # channels a device: a 64-port switch with 8 lanes a port has about 4,000
OUTCOMES_MAX: Final = 32  # outcomes of a poll are a fixed set in the code; bounded all the same
INDEX: Final = {family: index for index, family in enumerate(FAMILIES)}


class StateColumn(NamedTuple):
    """A column that holds state numbers, and the line that each of them makes."""

    column: int
    lines: Mapping[float, bytes]


class Device:
    """What is known of one device. Shapes: values float64[C], in the metrics' base units."""

    def __init__(self, bay: str, name: str) -> None:
        self.name = name
        self.labels = b'bay="%b",device="%b"' % (escape(bay), escape(name))
        self.profile = ""
        self.asked = False  # derived channels are shown like a device that nobody can ask
        self.up = False
        self.last_success = float("nan")  # Unix time
        self._poll_seconds = float("nan")
        self._polls: dict[bytes, int] = {}
        self._info = b""
        self.bind((), {})

    def bind(self, channels: Sequence[Channel], labels: Mapping[str, str]) -> None:
        """Prepare one line a channel; `labels` renames channels to what the spec calls them."""
        self._dropped = max(0, len(channels) - SERIES_MAX)
        self._bound = len(channels)
        channels = channels[:SERIES_MAX]
        shown = distinct([labels.get(channel.name, channel.name) for channel in channels])
        series = [b'{%b,channel="%b"' % (self.labels, escape(name)) for name in shown]
        families = [names.family(channel.quantity, channel.kind) for channel in channels]
        self.families = np.array([INDEX[family] for family in families], np.intp)
        self.prefixes = [
            b"%b%b} " % (family.name.encode(), labels)
            for family, labels in zip(families, series, strict=True)
        ]
        self.states = [
            StateColumn(column, _state_lines(series[column], channel.states))
            for column, channel in enumerate(channels)
            if channel.quantity.is_state and channel.states
        ]
        self._factors = np.array([channel.quantity.base_factor for channel in channels])
        self.values = np.full(len(channels), np.nan)

    def put(self, readings: Readings) -> None:
        """Take in one poll; what is not good becomes NaN. Cost: 0.02 us a reading."""
        assert len(readings.values) == self._bound, (readings.device, len(readings.values))
        kept = len(self.values)
        np.multiply(readings.values[:kept], self._factors, out=self.values)
        self.values[readings.quality[:kept] != Quality.GOOD] = np.nan

    def identify(self, identity: Identity) -> None:
        """Note what the device says it is; its serial belongs to the rack, not in a label here."""
        self.profile = clean(identity.profile)
        self._info = b"%b{%b,%b} 1\n" % (
            names.DEVICE_INFO.name.encode(),
            self.labels,
            pairs(
                profile=identity.profile,
                kind=identity.kind,
                vendor=identity.vendor,
                model=identity.model,
                firmware=identity.firmware,
            ),
        )

    def polled(self, outcome: str, *, up: bool, seconds: float, at: float) -> None:
        """Count one poll that ended `at` (Unix time)."""
        key = escape(clean(outcome))
        if key in self._polls or len(self._polls) < OUTCOMES_MAX:
            self._polls[key] = self._polls.get(key, 0) + 1
        self._poll_seconds = seconds
        self.heard(up=up, at=at)

    def heard(self, *, up: bool, at: float) -> None:
        """Note whether the device is there, as of `at` (Unix time)."""
        self.up = up
        if up:
            self.last_success = at

    def lines(self) -> Iterator[tuple[Family, bytes]]:
        """Yield the lines about the device itself, each with its family."""
        if self.asked:
            yield names.UP, self._line(names.UP, b"%d" % self.up)
        for family, value in (
            (names.LAST_SUCCESS, self.last_success),
            (names.POLL_SECONDS, self._poll_seconds),
        ):
            if np.isfinite(value):
                yield family, self._line(family, b"%b" % repr(round(value, 6)).encode())
        for outcome, count in self._polls.items():
            labels = b'%b,outcome="%b"' % (self.labels, outcome)
            yield names.POLLS, b"%b{%b} %d\n" % (names.POLLS.name.encode(), labels, count)
        if self._info:
            yield names.DEVICE_INFO, self._info
        if self._dropped:
            yield names.SERIES_DROPPED, self._line(names.SERIES_DROPPED, b"%d" % self._dropped)

    def _line(self, family: Family, value: bytes) -> bytes:
        """Return one line that carries no label but bay and device."""
        return b"%b{%b} %b\n" % (family.name.encode(), self.labels, value)


def pairs(**labels: str) -> bytes:
    """Return cleaned `name="value"` pairs, in order."""
    return b",".join(
        b'%b="%b"' % (name.encode(), escape(clean(text))) for name, text in labels.items()
    )


def _state_lines(series: bytes, states: Mapping[int, str]) -> dict[float, bytes]:
    """Return, for each state number, the line that names it."""
    name = names.STATE_INFO.name.encode()
    return {
        float(number): b'%b%b,state="%b"} 1\n' % (name, series, escape(clean(text)))
        for number, text in states.items()
    }
