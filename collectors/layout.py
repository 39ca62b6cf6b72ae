"""What one device's poll asks for, and how the answer becomes readings: the hot path of profiles.

Everything is arrays, one place a channel. A counter of 64 bits passes through float64 and is exact
up to 2^53: at 400 Gbit/s an octet counter needs two days to get there, and a step lost above that
is below 1 in 10^15 of the count.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collectors.beside import Beside
from collectors.counting import Changes, Wraps
from collectors.line import Line
from collectors.profile import SYS_UP_TIME
from collectors.readings import Identity, Quality
from collectors.resolve import CHANGES, WRAPS
from collectors.rows import Value, number, text

TICKS: Final = 2**32  # sysUpTime counts hundredths of a second in 32 bits: 497 days
TICKS_A_SECOND: Final = 100
WRAP_TICKS: Final = 3_600_00  # within an hour of its end, a fall to its beginning is a wrap
_UNHEARD: Final = (Quality.COMM_LOST, Quality.STALE)
_CHANGED: Final = "when the device was bound and is not any more"
SIGN_BITS: Final = {"signed16": 16, "signed32": 32}


class _Availability(NamedTuple):
    """Channels whose availability is told in one way. Shapes: channels, positions int[A]."""

    channels: NDArray[np.intp]
    positions: NDArray[np.intp]
    numbers: tuple[float, ...]
    texts: frozenset[str]
    wanted: bool  # whether being among these means available


class _Text(NamedTuple):
    """What to make of a text at a position that should hold a number."""

    sentinels: frozenset[str]
    numbers: Mapping[str, int]
    pattern: re.Pattern[str] | None
    bit: int | None  # of BITS: bit 0 is the highest one of the first octet (RFC 2578 §7.1.4)


class Layout:
    """One device's channels, the objects to ask for, and the conversion of what they answer."""

    def __init__(
        self,
        profile: str,
        identity: Identity,
        lines: Sequence[Line],
        unread: Mapping[str, str],
        rows: Mapping[str, Value],
    ) -> None:
        self.profile = profile
        self.identity = identity
        self._beside = Beside(lines)
        self.channels = (*(line.channel for line in lines), *self._beside.channels)
        self.unread = unread  # OID -> why it is no channel
        guards = {oid: said for line in lines for oid, said in line.guards.items()}
        wanted = [line.channel.source for line in lines]
        wanted += [line.available for line in lines if line.available]
        positions = {oid: n for n, oid in enumerate(dict.fromkeys([*wanted, *guards, SYS_UP_TIME]))}
        self.objects = tuple(positions)  # the value of line n is object n; what is beside has none
        self._count = len(lines)
        self._uptime_at = positions[SYS_UP_TIME]
        self._uptime = number(rows.get(SYS_UP_TIME))
        self._guard({positions[oid]: said for oid, said in guards.items()})
        self._factor, self._divisor = _fractions([line.scale for line in lines])
        self._offset = np.array([line.offset for line in lines])
        self._light = np.flatnonzero([line.light for line in lines])
        self._sentinels = _sentinels(lines)
        self._low, self._high = _ranges(lines)
        self._ranged = bool(np.isfinite(self._low).any() or np.isfinite(self._high).any())
        self._signed = [
            (np.flatnonzero([line.meaning.conversion == name for line in lines]), 2.0**bits)
            for name, bits in SIGN_BITS.items()
            if any(line.meaning.conversion == name for line in lines)
        ]
        moments = [n for n, line in enumerate(lines) if line.meaning.conversion == CHANGES]
        said = np.array([number(rows.get(lines[n].channel.source)) for n in moments], np.float64)
        self.changes = Changes(moments, said)
        wraps = Wraps([n for n, line in enumerate(lines) if line.meaning.conversion == WRAPS])
        self._counting = [each for each in (self.changes, wraps) if each.places.size]
        moved = [(n, raw, to) for n, line in enumerate(lines) for raw, to in line.remap.items()]
        self._remapped = np.flatnonzero([bool(line.remap) for line in lines])
        self._remap_at = np.array([n for n, _, _ in moved], np.intp)
        self._remap_from = np.array([raw for _, raw, _ in moved], float)
        self._remap_to = np.array([to for _, _, to in moved], float)
        self._availability = _availability(lines, positions)
        self._texts = _texts(lines)

    def _guard(self, said: Mapping[int, Value]) -> None:
        """Keep what must not change, by position: numbers as arrays, texts by themselves."""
        numbers = {at: number(value) for at, value in said.items()}
        self._worded = {at: text(said[at]) for at, told in numbers.items() if math.isnan(told)}
        kept = {at: told for at, told in numbers.items() if at not in self._worded}
        self._guards = np.array([*kept], np.intp)
        self._guarded = np.array([*kept.values()], np.float64)

    def convert(
        self, raw: NDArray[np.float64], fault: NDArray[np.uint8], texts: Mapping[int, bytes]
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
        """Turn an answer into values, qualities and raw values, one a channel.

        Shapes: raw float64[V], fault uint8[V]; returns float64[C], uint8[C], float64[C].
        The reason for a missing value is the first of: no answer, unavailable, sentinel, range.
        Remembers what it counts changes of, so call it once a poll, in order.
        """
        sent, wrong = raw[: self._count], fault[: self._count]
        if self._texts:
            sent, wrong = self._read_texts(sent.copy(), wrong.copy(), texts)
        values = sent
        for channels, modulus in self._signed:
            values = values.copy() if values is sent else values
            values[channels] -= modulus * (values[channels] >= modulus / 2)
        for counting in self._counting:
            values = values.copy() if values is sent else values
            counting.count(sent, wrong, values)
        with np.errstate(over="ignore"):  # what becomes infinite is found below
            values = values * self._factor
        values /= self._divisor
        values += self._offset
        quality = np.zeros(self._count, np.uint8)
        if self._light.size:
            self._to_decibels(values, quality)
        if self._ranged:
            quality[(values < self._low) | (values > self._high)] = Quality.OUT_OF_RANGE
        for sentinels in self._sentinels:
            quality[sent == sentinels] = Quality.SENTINEL
        if self._remapped.size:
            self._remap(sent, values, quality)
        for group in self._availability:
            self._judge(group, raw, fault, texts, quality)
        if not self.changes.kept:
            quality[self.changes.places[self.changes.unknown]] = Quality.SENTINEL
        np.copyto(quality, wrong, where=wrong != Quality.GOOD)
        quality[~np.isfinite(values) & (quality == Quality.GOOD)] = Quality.MALFORMED
        values[quality != Quality.GOOD] = math.nan
        return self._beside.after(values, quality, sent)

    def changed(
        self,
        raw: NDArray[np.float64],
        fault: NDArray[np.uint8],
        texts: Mapping[int, bytes],
        silence_s: float = 0.0,
    ) -> str | None:
        """Say why the device must be bound again, if it must: it restarted, or a unit was changed.

        `silence_s` is how long it had not answered before. Remembers sysUpTime from call to call,
        so call it once a poll, in order.
        """
        uptime = float(raw[self._uptime_at])
        if fault[self._uptime_at] == Quality.GOOD and not math.isnan(uptime):
            before, self._uptime = self._uptime, uptime
            wrapped = before > TICKS - WRAP_TICKS and uptime < WRAP_TICKS
            if uptime < before and not wrapped:
                return "sysUpTime fell: the device restarted"
            if before < uptime < silence_s * TICKS_A_SECOND and not wrapped:
                return "sysUpTime is shorter than its silence was: the device restarted"
        for place in np.flatnonzero(raw[self._guards] != self._guarded).tolist():
            at = int(self._guards[place])
            if fault[at] not in _UNHEARD:
                return f"{self.objects[at]} was {self._guarded[place]:.15g} {_CHANGED}"
        for position, said in self._worded.items():
            now = text(texts.get(position))
            if fault[position] not in _UNHEARD and now != said:
                return f"{self.objects[position]} was {said} {_CHANGED}"
        return None

    def _read_texts(
        self, sent: NDArray[np.float64], wrong: NDArray[np.uint8], texts: Mapping[int, bytes]
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Give numbers to texts that the profile knows. Cost: a few µs a text; few are."""
        for position in self._texts.keys() & texts.keys():
            rule, octets = self._texts[position], texts[position]
            if rule.bit is not None:
                at, place = divmod(rule.bit, 8)
                sent[position] = at < len(octets) and octets[at] >> (7 - place) & 1
                wrong[position] = Quality.GOOD if octets else Quality.MALFORMED
                continue
            said = text(octets)
            found = rule.pattern.search(said) if rule.pattern else None
            as_number = number((found[1] or "").encode()) if found else math.nan
            if said in rule.sentinels:
                wrong[position] = Quality.SENTINEL
            elif said in rule.numbers:
                sent[position], wrong[position] = rule.numbers[said], Quality.GOOD
            elif not math.isnan(as_number):
                sent[position], wrong[position] = as_number, Quality.GOOD
        return sent, wrong

    def _to_decibels(self, values: NDArray[np.float64], quality: NDArray[np.uint8]) -> None:
        """Turn milliwatts into dBm; no light at all has no level and is out of range."""
        power = values[self._light]
        lit = power > 0
        values[self._light] = 10 * np.log10(power, where=lit, out=np.full(power.shape, math.nan))
        quality[self._light[~lit]] = Quality.OUT_OF_RANGE

    def _remap(
        self, sent: NDArray[np.float64], values: NDArray[np.float64], quality: NDArray[np.uint8]
    ) -> None:
        """Turn a device's own numbers for dry and wet into ours; any other state is a fault."""
        values[self._remapped] = math.nan
        hit = sent[self._remap_at] == self._remap_from
        values[self._remap_at[hit]] = self._remap_to[hit]
        quality[self._remapped[np.isnan(values[self._remapped])]] = Quality.SENSOR_FAULT

    def _judge(
        self,
        group: _Availability,
        raw: NDArray[np.float64],
        fault: NDArray[np.uint8],
        texts: Mapping[int, bytes],
        quality: NDArray[np.uint8],
    ) -> None:
        """Mark the channels whose device says that they cannot be believed, or does not say."""
        told = raw[group.positions]
        among = np.zeros(told.shape, bool)
        for each in group.numbers:
            among |= told == each
        silent = fault[group.positions]
        if group.texts:
            silent = silent.copy()
            for n, position in enumerate(group.positions.tolist()):
                if position in texts:
                    among[n] |= text(texts[position]) in group.texts
                    silent[n] = Quality.GOOD
        quality[group.channels[among != group.wanted]] = Quality.SENSOR_FAULT
        unheard = silent != Quality.GOOD
        quality[group.channels[unheard]] = silent[unheard]


def _fractions(scales: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split scales into factor and divisor: 231 / 10 is 23.1, and 231 * 0.1 is not always."""
    pairs = []
    for scale in scales:
        inverse = round(1 / scale) if scale and abs(scale) < 1 else 0
        even = inverse and math.isclose(1 / inverse, scale, rel_tol=1e-12)
        pairs.append((1.0, float(inverse)) if even else (scale, 1.0))
    array = np.array(pairs or np.empty((0, 2)))
    return array[:, 0].copy(), array[:, 1].copy()


def _sentinels(lines: Sequence[Line]) -> list[NDArray[np.float64]]:
    """Return as many arrays as the channel with most sentinels has, NaN where one has fewer."""
    lists = [[s for s in line.meaning.sentinels if not isinstance(s, str)] for line in lines]
    return [
        np.array([some[n] if n < len(some) else math.nan for some in lists], float)
        for n in range(max(map(len, lists), default=0))
    ]


def _ranges(lines: Sequence[Line]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and greatest value that each channel's instrument can give."""
    ends = [line.meaning.range or [None, None] for line in lines]
    low = [-math.inf if end[0] is None else end[0] for end in ends]
    high = [math.inf if end[1] is None else end[1] for end in ends]
    return np.array(low, float), np.array(high, float)


def _availability(lines: Sequence[Line], positions: Mapping[str, int]) -> list[_Availability]:
    """Gather the channels whose availability is told in the same way."""
    groups: dict[tuple[bool, tuple[float | str, ...]], list[tuple[int, int]]] = {}
    for n, line in enumerate(lines):
        told = line.meaning.available
        if told and line.available:
            wanted = told.equals is not None
            key = wanted, tuple((told.equals if wanted else told.differs) or ())
            groups.setdefault(key, []).append((n, positions[line.available]))
    return [
        _Availability(
            channels=np.array([n for n, _ in pairs], np.intp),
            positions=np.array([at for _, at in pairs], np.intp),
            numbers=tuple(float(each) for each in listed if not isinstance(each, str)),
            texts=frozenset(each for each in listed if isinstance(each, str)),
            wanted=wanted,
        )
        for (wanted, listed), pairs in groups.items()
    ]


def _texts(lines: Sequence[Line]) -> dict[int, _Text]:
    """Return what is known about texts, by position."""
    found = {}
    for n, line in enumerate(lines):
        sentinels = frozenset(s for s in line.meaning.sentinels if isinstance(s, str))
        pattern = re.compile(line.meaning.pattern) if line.meaning.pattern else None
        bit = line.meaning.bit
        if sentinels or line.meaning.texts or pattern or bit is not None:
            found[n] = _Text(sentinels, line.meaning.texts, pattern, bit)
    return found
