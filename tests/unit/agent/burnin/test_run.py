"""A run brings plan, sight and evidence together: one that was cut short goes on as it was."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from agent.burnin.block import Block
from agent.burnin.event import Event, Kind
from agent.burnin.live import LiveBay
from agent.burnin.run import Run
from agent.burnin.trial import WATERMARK_S
from tests.unit.agent.burnin.floor import DEVICES, WELL, Floor, floor


class Bay(Floor):
    """The bay with a run, whose polls are evidence."""

    def __init__(self) -> None:
        super().__init__()
        self.run = Run(floor(), self.live)
        self.events = self.run.begin({"run": "r"})
        for device, channels in DEVICES.items():
            columns: list[dict[str, Any]] = [
                {
                    "name": channel.name,
                    "channel": channel.name,
                    "quantity": channel.quantity.label,
                    "source": channel.source,
                    "kind": channel.kind.value,
                    "states": {str(n): text for n, text in channel.states.items()},
                    "good_states": [],
                }
                for channel in channels
            ]
            told = {"device": device, "binding": 0, "interval_s": 2.0, "columns": columns}
            self.events += self.run.happened(Event(0.0, Kind.BOUND, told))

    def go(self, seconds: float, **shown: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / 2)):
            self.read(**shown)
            for device in DEVICES:
                self.run.take(self._block(device, WELL | shown))
            self.events += self.run.tick(self.now)

    def _block(self, device: str, shown: Mapping[str, float]) -> Block:
        """Return one poll as evidence."""
        names = [channel.name.removeprefix("pump[").rstrip("]") for channel in DEVICES[device]]
        values = np.array([[shown[name] for name in names]])
        at = np.array([self.now - 0.5])
        quality = np.zeros(values.shape, np.uint8)
        return Block(
            device=device,
            binding=0,
            asked=at,
            taken=at,
            values=values,
            quality=quality,
            raw=values,
        )

    def of(self, kind: Kind) -> list[Event]:
        """Return what happened of one kind."""
        return [event for event in self.events if event.kind is kind]


def test_a_verdict_waits_until_no_sample_can_come() -> None:
    """A late answer may still change it."""
    bay = Bay()
    assert bay.run.coverage is None
    bay.go(100)
    for over, judged in zip(bay.of(Kind.STAGE_OVER), bay.of(Kind.STAGE_JUDGED), strict=False):
        assert over.data["stage"] == judged.data["stage"]
        assert judged.at >= over.at + WATERMARK_S
    assert [event.data["verdict"] for event in bay.of(Kind.STAGE_JUDGED)] == ["PASS", "PASS"]
    assert bay.run.coverage == 1.0


def test_live_limits_follow_the_plan_and_go_with_it() -> None:
    """45 degC is wanted in the hot corner, and is an alarm once the run is over."""
    bay = Bay()
    bay.go(60)
    assert bay.run.course.now is not None
    assert bay.run.course.now.stage.id == "hot"
    bay.go(10, supply=45.0)
    assert bay.status["cdu.supply"] == 0
    bay.events += bay.run.acted(bay.run.deeds.abort(bay.now, "ann", "enough"))
    bay.go(10, supply=45.0)
    assert bay.status["cdu.supply"] == 2


@pytest.mark.parametrize(("over", "status"), [(False, 0), (True, 2)])
def test_a_run_that_was_cut_short_is_judged_by_what_held(*, over: bool, status: int) -> None:
    """By its stage's limits while it goes on; by the spec's own once it is over."""
    bay = Bay()
    bay.go(60)
    if over:
        bay.events += bay.run.acted(bay.run.deeds.abort(bay.now, "ann", "enough"))
    other = Floor()
    Run(floor(), other.live, bay.run.trial, bay.events)
    for _ in range(5):
        other.read(supply=45.0)
    assert other.status["cdu.supply"] == status


def test_a_run_that_was_cut_short_stands_where_it_stood() -> None:
    """Stage, phase and qualified time are in its events."""
    bay = Bay()
    bay.go(40)
    again = Run(floor(), LiveBay(floor()), bay.run.trial, bay.events)
    assert again.course.standing(bay.now) == bay.run.course.standing(bay.now)
    assert again.deeds.course is again.course


def test_samples_that_turn_out_damaged_take_only_their_own_time() -> None:
    """A gap of ten seconds long ago does not undo what was counted since."""
    bay = Bay()
    bay.go(40)
    before = bay.run.course.standing(bay.now).qualified_s
    told = {"start": bay.now - 14.0, "end": bay.now - 4.0, "why": "damaged"}
    bay.events += bay.run.happened(Event(bay.now, Kind.GAP, told))
    assert bay.run.course.standing(bay.now).qualified_s == pytest.approx(before - 10.0)
