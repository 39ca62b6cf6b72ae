"""Evidence size: 48 h of a rack of the example spec, 1,000 channels every 5 s, as segments.

Each channel gets the noise and the resolution of what it measures: probes of 0.03 K at 0.1 or 0.01,
powers of 0.3 % in whole watts, states that do not change, counters that hardly do. One hour in
each of a few stages is made and packed; the figures are per hour and per sample.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from agent.burnin.block import Block
from agent.store.segments import pack, unpack
from collectors.readings import Quality

HOURS = 48
EVERY_S = 5.0
POLLS = int(3600 / EVERY_S)
LOST = 0.001  # of all polls

Column = Callable[[Generator, NDArray[np.float64]], tuple[NDArray[np.float64], float]]


def steady(level: float, noise: float, per: float, drift: float = 0.0) -> Column:
    """Return a channel around a level, sent as a whole number of `1 / per`."""

    def column(rng: Generator, at: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        slow = drift * np.sin(at / 700.0 + rng.uniform(0, 6))
        values = level * rng.uniform(0.97, 1.03) + slow + rng.normal(0, noise, len(at))
        return np.rint(values * per), per

    return column


def constant(value: float) -> Column:
    """Return a state."""
    return lambda _, at: (np.full(len(at), value), 1.0)


def counter(rate: float) -> Column:
    """Return a count that grows."""
    return lambda rng, at: (np.cumsum(rng.poisson(rate, len(at))).astype(float) + 1e9, 1.0)


# Device: how many, and its channels (how many, what of). Their sum is 1,000.
RACK: Sequence[tuple[str, int, Sequence[tuple[int, Column]]]] = (
    ("feed", 2, [(1, steady(66e3, 200, 1)), (3, steady(240, 0.3, 10)), (3, steady(92, 0.4, 100)),
                 (1, steady(0.99, 0.001, 1000)), (1, steady(4, 0.05, 10)),
                 (1, steady(50, 0.01, 100)), (1, constant(1))]),
    ("power_shelf", 8, [(1, steady(16.5e3, 50, 1)), (1, steady(15.9e3, 48, 1)),
                        (1, steady(50, 0.02, 1000)), (3, steady(23.2, 0.1, 100)),
                        (6, constant(1)), (12, counter(0.0)), (6, steady(55, 0.1, 10, 0.5)),
                        (6, steady(16.67, 0.05, 100)), (6, steady(9000, 30, 1)),
                        (1, steady(60, 0.1, 10, 0.5))]),
    ("rack", 1, [(2, steady(45, 0.03, 100, 0.1)), (1, steady(172, 0.9, 10)),
                 (2, steady(180, 0.5, 10)), (1, steady(50, 0.5, 10)), (5, constant(0))]),
    ("compute_tray", 18, [(2, constant(0)), (1, counter(0.0)), (16, steady(60, 0.3, 10, 1.0))]),
    ("nvlink_switch", 9, [(1, steady(75, 0.2, 1, 1.0)), (2, constant(0))]),
    ("mgmt_switch", 2, [(2, constant(1)), (4, steady(8000, 20, 1)), (1, steady(30, 0.1, 1)),
                        (50, constant(1)), (26, counter(4e5)), (26, counter(0.0)),
                        (8, steady(-2.0, 0.05, 100))]),
    ("cdu", 1, [(2, steady(40, 0.03, 10, 0.1)), (1, steady(172, 0.9, 10)), (8, constant(1)),
                (5, steady(60, 0.5, 10)), (1, steady(3200, 5, 1)), (1, steady(4800, 20, 1))]),
    ("room", 1, [(2, steady(24, 0.05, 10, 0.3))]),
)  # fmt: skip


def hour(rng: Generator) -> list[Block]:
    """Make one hour of a whole rack."""
    blocks = []
    for name, count, channels in RACK:
        for number in range(1, count + 1):
            asked = np.round(rng.uniform(0, EVERY_S) + np.arange(POLLS) * EVERY_S, 6)
            taken = np.round(asked + rng.gamma(4, 0.01, POLLS), 6)
            made = [make(rng, asked) for n, make in channels for _ in range(n)]
            raw = np.stack([column for column, _ in made], axis=1)
            quality = np.zeros(raw.shape, np.uint8)
            lost = rng.random(POLLS) < LOST
            quality[lost], raw[lost] = Quality.COMM_LOST, np.nan
            blocks.append(
                Block(
                    device=f"{name}{number}",
                    binding=0,
                    asked=asked,
                    taken=taken,
                    values=raw / [per for _, per in made],
                    quality=quality,
                    raw=raw,
                )
            )
    return blocks


def main() -> None:
    """Print sizes and speeds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--hours", type=int, default=3, help="how many to make and pack")
    chosen = options.parse_args()
    rng = np.random.default_rng(chosen.seed)
    sizes, packing, unpacking = [], [], []
    for _ in range(chosen.hours):
        blocks = hour(rng)
        channels = sum(block.raw.shape[1] for block in blocks)
        began = time.perf_counter()
        packed = pack(blocks)
        between = time.perf_counter()
        again = unpack(packed)
        packing.append(between - began)
        unpacking.append(time.perf_counter() - between)
        sizes.append(len(packed))
        assert all((a.raw.tobytes(), a.values.tobytes()) == (b.raw.tobytes(), b.values.tobytes())
                   for a, b in zip(again, blocks, strict=True))  # fmt: skip
    samples = channels * POLLS
    size = float(np.mean(sizes))
    print(f"{channels} channels every {EVERY_S:g} s, {len(blocks)} devices")
    print(f"one hour: {size / 1e6:.2f} MB, {size / samples:.2f} bytes a sample, raw and normalised")
    print(f"{HOURS} h: {HOURS * size / 1e6:.0f} MB")
    print(f"pack {samples / min(packing) / 1e6:.1f} M samples/s, {min(packing):.2f} s an hour")
    print(
        f"unpack {samples / min(unpacking) / 1e6:.1f} M samples/s, {min(unpacking):.2f} s an hour"
    )


if __name__ == "__main__":
    main()
