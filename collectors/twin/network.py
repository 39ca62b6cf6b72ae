"""What ports count and how well they hear. Shapes: R racks, P ports."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from collectors.twin.chance import Floats, each, generator

BER: Final = 2e-8  # before correction
CORRECTABLE: Final = 2.4e-4  # what FEC can mend
RX_DBM: Final = -1.5
DARK_DBM: Final = -40.0  # of a link that is down
MODULE_K: Final = (14.0, 8.0)  # over the room: idle, and more under full load
BUSY: Final = (0.02, 0.6)  # of the line's octets: idle, and under full load
CODEWORD_BITS: Final = 5440.0  # of KP4
BADLY: Final = 1e-3  # share of codewords that a link loses for each doubling beyond what FEC mends
WORST: Final = 1e-3  # bit errors


class Network:
    """The ports of R racks, in the order of `ports`: device and name. `mbits`: as cabled."""

    def __init__(
        self, ports: Sequence[tuple[str, str]], mbits: Sequence[float], seeds: Sequence[int]
    ) -> None:
        racks, count = len(seeds), len(ports)
        self.ports = {port: place for place, port in enumerate(ports)}
        self.mbits = np.array(mbits, np.float64).reshape(count)
        self.down = np.zeros((racks, count), np.bool_)
        self.ber = BER * each(seeds, "ber", (count,), 0.3)
        self._busy = np.zeros(racks)  # seconds of full lines so far
        self._held, self._missed = np.zeros((2, racks, count))  # of those, while a link was down
        self.flaps, self.errors, self.uncorrectable = np.zeros((3, racks, count))
        self.heard = np.full((racks, count), RX_DBM)  # dBm in each lane
        self.changed = np.zeros((racks, count))  # seconds, when the link last went up or down
        self.decades = np.zeros((racks, count))  # of bit errors gained each second
        self._healthy = self.ber.copy()
        self._chance = [generator(seed, "network") for seed in seeds]
        self._sick: list[tuple[int, int]] = []

    def step(self, level: Floats, dt: float) -> None:
        """Let traffic flow; what FEC cannot mend is counted. Shapes: level [R]."""
        self._busy += (level * (BUSY[1] - BUSY[0]) + BUSY[0]) * dt
        for rack, port in self._sick:
            self._decay(rack, port, dt)

    @property
    def octets(self) -> Floats:
        """Return what each port has received so far; it sends as much. Shapes: [R, P]."""
        busy = np.where(self.down, self._held, self._busy[:, None]) - self._missed
        octets: Floats = busy * (self.mbits * (1e6 / 8.0))
        return octets

    def turn(self, rack: int, port: int, *, down: bool, now: float) -> bool:
        """Let a link go down or up; return whether it did."""
        if bool(self.down[rack, port]) is down:
            return False
        if down:
            self._held[rack, port] = self._busy[rack]
            self.flaps[rack, port] += 1
        else:
            self._missed[rack, port] += self._busy[rack] - self._held[rack, port]
        self.down[rack, port] = down
        self.heard[rack, port] = DARK_DBM if down else RX_DBM
        self.changed[rack, port] = now
        return True

    def _decay(self, rack: int, port: int, dt: float) -> None:
        """Let one link get worse."""
        ber = min(self.ber[rack, port] * 10 ** (self.decades[rack, port] * dt), WORST)
        self.ber[rack, port] = ber
        beyond = max(0.0, ber / CORRECTABLE - 1.0)
        if beyond and not self.down[rack, port]:
            words = self.mbits[port] * 1e6 * dt / CODEWORD_BITS
            lost = self._chance[rack].poisson(words * BADLY * 1e-3 * beyond)
            self.uncorrectable[rack, port] += lost
            self.errors[rack, port] += self._chance[rack].binomial(lost, 0.3)

    def decays(self, rack: int, port: int, decades: float) -> None:
        """Let a link get worse by so many decades a second; 0 mends it."""
        self.decades[rack, port] = decades
        if not decades:
            self.ber[rack, port] = self._healthy[rack, port]
        self._sick = [tuple(map(int, each)) for each in np.argwhere(self.decades)]  # type: ignore[misc]

    def show(self, at: Mapping[str, Floats], module: Floats) -> None:
        """Let the signals of ports show what is. Shapes: module [R], degC."""
        if not self.ports:
            return
        at["port.link"][:] = self.down
        at["port.flaps"][:] = self.flaps
        at["port.in_octets"][:] = at["port.out_octets"][:] = self.octets
        at["port.errors"][:] = self.errors
        at["port.pre_fec_ber"][:] = self.ber
        at["port.fec_uncorrectable"][:] = self.uncorrectable
        at["port.rx_power"][:] = self.heard
        at["port.module_temp"][:] = module[:, None]
