"""What a rehearsed run was told, as blocks of samples: the shape in which an agent stores them."""

from collections.abc import Iterator

import numpy as np

from agent.burnin.block import Block
from agent.rehearsal.rig import Poll, Rig
from collectors.readings import Quality


def blocks(rig: Rig, seconds: float) -> Iterator[Block]:
    """Return what was kept, as blocks of so many seconds: every device, then the next ones."""
    assert rig.polls is not None
    segments: dict[tuple[float, int], list[Poll]] = {}
    for poll in sorted(rig.polls, key=lambda poll: poll.due):
        for device in poll.group.devices:
            key = poll.due // seconds, rig.design.places[device].start
            segments.setdefault(key, []).append(poll)
    devices = {place.start: device for device, place in rig.design.places.items()}
    for (_, start), part in sorted(segments.items()):
        yield _block(rig, devices[start], part)


def _block(rig: Rig, device: str, part: list[Poll]) -> Block:
    """Return some polls of one device."""
    place = rig.design.places[device]
    where = [slice(place.start - poll.group.start, place.stop - poll.group.start) for poll in part]
    raw = np.array([poll.raw[here] for poll, here in zip(part, where, strict=True)])
    good = np.array([poll.good[here] for poll, here in zip(part, where, strict=True)])
    return Block(
        device=device,
        binding=0,
        asked=np.array([poll.at for poll in part]),
        taken=np.array([poll.due for poll in part]),
        values=np.where(good, raw, np.nan),
        quality=np.where(good, Quality.GOOD, Quality.STALE).astype(np.uint8),
        raw=raw,
    )
