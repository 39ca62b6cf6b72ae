"""What a fuzz target is: a decoder with all it owes, as a function that takes bytes.

It returns quietly where the decoder took the bytes or refused them with its one exception. Anything
else that it raises is a bug.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parent / "corpus"
DATAGRAM_OCTETS_MAX: Final = 65_507  # the largest payload of UDP over IPv4


def none() -> Iterable[bytes]:
    """Return no inputs."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One decoder. `seeds`: honest inputs; `giants`: the dearest that its bounds let in."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    giants: Callable[[], Iterable[bytes]] = none
    words: tuple[bytes, ...] = ()  # what a fuzzer would take long to guess
    size_max: int = 4096  # of what the fuzzer makes; giants may be larger
    growth_max: int = 1 << 20  # octets of memory for any one input
    tries: int = 300  # inputs like the known ones in an ordinary test run
    bound_ms: float = 10.0  # of work for one input, all that the target does with it included

    @property
    def file(self) -> Path:
        """Return where its corpus is kept."""
        return CORPUS / f"{self.name}.txt"

    def corpus(self) -> list[bytes]:
        """Return the inputs that were worth keeping: one in hexadecimal a line."""
        if not self.file.exists():
            return []
        lines = self.file.read_text().splitlines()
        return [bytes.fromhex(line) for line in lines if line and not line.startswith("#")]

    def known(self) -> list[bytes]:
        """Return every input that is known, each once."""
        return list(dict.fromkeys([b"", *self.seeds(), *self.corpus()]))


def mutations(inputs: list[bytes], rng: random.Random, words: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield inputs a little changed, without end: what can be tried where no fuzzer runs."""
    while True:
        octets = bytearray(rng.choice(inputs))
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randrange(len(octets) + 1)
            match rng.randrange(6):
                case 0 if octets:
                    octets[at - 1] ^= 1 << rng.randrange(8)
                case 1 if octets:
                    octets[at - 1] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
                case 2:
                    del octets[at : at + rng.choice((1, 2, 8, 64))]
                case 3:
                    octets[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
                case 4:
                    other = rng.choice(inputs)
                    start = rng.randrange(len(other) + 1)
                    octets[at:] = other[start : start + 256]
                case _ if words:
                    octets[at:at] = rng.choice(words)
        yield bytes(octets)
