"""The operator of a twin, at an agent that says what the test wants."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.commands.client import Agent, NotNowError, RefusedError, UnreachableError
from agent.rehearsal.crew import Crew, feeds_of, setups
from agent.twin import operator
from agent.twin.operator import Operator, Post

RUN = {"run": "r1", "bay": "bay-01", "serial": "SIM-0001", "verdict": "INCONCLUSIVE"}
AT: Mapping[str, Any] = {
    "attempt": 1,
    "step": None,
    "phase": "needs",
    "load": 0.0,
    "required_s": 0.0,
    "needs": [],
}


class Plant:
    """What people set, of one rack."""

    def __init__(self) -> None:
        self.load, self.supply_set, self.primary_set = np.zeros((3, 1))
        self.gas, self.filled = np.zeros((2, 1), np.bool_)
        self.feeds, self.pumps = np.zeros((2, 1, 2), np.bool_)
        self.seated = np.ones((1, 8, 6), np.bool_)


class Scripted(Agent):
    """An agent that shows one run after the other, and notes what is done to them."""

    def __init__(self, *shown: Mapping[str, Any] | Exception) -> None:
        super().__init__("http://127.0.0.1:9108")
        self.shown = list(shown)
        self.done: list[tuple[str, Mapping[str, object]]] = []
        self.refuses: set[str] = set()
        self.seen: Callable[[], None] = lambda: None  # called before each look

    def get(self, *path: str, **_: object) -> dict[str, Any]:
        """Tell what is next; the last of it again and again."""
        if path == ("bays",):
            return {"bays": [{"bay": "bay-01", "spec": None, "run": None}]}
        self.seen()
        now = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        if isinstance(now, Exception):
            raise now
        return {"runs": [dict(now)], "total": 1}

    def post(self, *path: str, **act: object) -> dict[str, Any]:
        """Note it."""
        if path[-1] in self.refuses:
            raise RefusedError("not now")
        self.done.append((path[-1], act))
        return {**RUN, "state": "running"}


def standing(stage: str | None, **more: object) -> dict[str, Any]:
    """Return a run in a stage."""
    return {**RUN, "state": "running", "standing": {**AT, "stage": stage, **more}}


def over(verdict: str, record: str | None = "/data/records/r1") -> dict[str, Any]:
    """Return a run that is over."""
    return {**RUN, "state": "over", "standing": None, "verdict": verdict, "record": record}


@pytest.fixture(scope="module")
def design(shared: Path) -> Design:
    """Return the example."""
    file = shared / "examples" / "nvl72-lc-132kw.yaml"
    return expand(load_spec(file.read_bytes(), file.name))


class Floor:
    """A bay, its people, and what they said."""

    def __init__(self, design: Design, *shown: Mapping[str, Any] | Exception) -> None:
        self.plant = Plant()
        self.said: list[str] = []
        self.rolled_in = 0
        self.counted: list[str] = []
        self.crossed = False
        self.cold = False
        self.agent = Scripted(*shown)
        crew = Crew(setups(design), feeds_of(design), self.plant, patience=900.0)
        post = Post("bay-01", "SIM-0001", crew, self)
        self.seconds = 0.0
        self.operator = Operator(
            self.agent, design, {"bay-01": post}, now=self._now, say=self.said.append
        )

    def roll_in(self) -> None:
        """Count racks."""
        self.rolled_in += 1

    def counts(self, stage: str) -> None:
        """Note it."""
        self.counted.append(stage)

    def tempered(self) -> bool:
        """Say what the test has set."""
        return not self.cold

    def miscabled(self) -> bool:
        """Say what the test has set."""
        return self.crossed

    def _now(self) -> float:
        """Let a while pass between two looks."""
        self.seconds += 100.0
        return self.seconds

    async def work(self) -> Sequence[str]:
        """Work until the run is over."""
        return await self.operator.work(once=True)

    def acts(self, word: str) -> list[Mapping[str, object]]:
        """Return what was done of one kind."""
        return [act for done, act in self.agent.done if done == word]


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look without waiting."""
    monkeypatch.setattr(operator, "LOOK_S", 0.0)


async def test_a_run_is_started_and_followed_to_its_certificate(design: Design) -> None:
    """Tell each stage once, and in the end the verdict and where it lies."""
    soak = standing("full_soak", phase="dwell", load=1.0, required_s=86400.0)
    floor = Floor(design, standing("inventory"), soak, soak, over("PASS", None), over("PASS"))
    assert await floor.work() == ["PASS"]
    assert floor.acts("runs") == [{"serial": "SIM-0001", "by": "operator-1"}]
    assert floor.rolled_in == 1
    assert floor.said == [
        "bay-01: run r1 of rack SIM-0001 has begun",
        "bay-01: inventory, load 0 %",
        "bay-01: full_soak, load 100 %, 24.0 h",
        "bay-01: PASS",
        "  certificate  /data/records/r1/certificate.html",
        "  why          rackproof runs show r1",
    ]
    assert floor.plant.load[0] == 1.0


async def test_what_needs_two_people_is_signed_by_two(design: Design) -> None:
    """Answer under another name the second time, and not a third time."""
    asked = standing("sign_off", needs=["visual_dry_check", "signatures 2"])
    floor = Floor(design, asked, asked, asked, asked, over("PASS"))
    await floor.work()
    signed = [act["by"] for act in floor.acts("answers") if act["need"] == "signatures 2"]
    assert signed == ["operator-1", "operator-2"]
    assert [act["need"] for act in floor.acts("answers")].count("visual_dry_check") == 1


@pytest.mark.parametrize("state", ["held", "waiting"])
async def test_a_run_that_waits_for_a_decision_is_closed(design: Design, state: str) -> None:
    """Finish what tripped, or ended without a PASS: nobody is there to repair it."""
    waits = standing(None) | {"state": state}
    floor = Floor(design, waits, over("FAIL"))
    assert await floor.work() == ["FAIL"]
    assert floor.acts("finish") == [{"by": "operator-1"}]


async def test_cables_that_are_crossed_are_not_called_right(design: Design) -> None:
    """Leave it to the agent, and say no to that alone where none says so."""
    asked = standing("power_on", needs=["serials_read", "cabling_match"])
    floor = Floor(design, *[asked] * 12, over("FAIL"))
    floor.crossed = True
    await floor.work()
    answers = {act["need"]: act["answer"] for act in floor.acts("answers")}
    assert answers == {"serials_read": "yes", "cabling_match": "no"}


async def test_nothing_is_answered_while_the_coolant_is_cold(design: Design) -> None:
    """Wait, and answer at once when it is warm."""
    asked = standing("power_on", needs=["serials_read"])
    floor = Floor(design, asked, asked, asked, asked, over("PASS"))
    floor.cold = True
    floor.agent.seen = lambda: setattr(floor, "cold", len(floor.agent.shown) > 2)
    await floor.work()
    assert len(floor.acts("answers")) == 1


async def test_that_a_stage_begins_to_count_is_told_once_an_attempt(design: Design) -> None:
    """Go through a stage that has an entry, twice."""
    entry, dwell = (standing("full_soak", phase=phase) for phase in ("entry", "dwell"))
    again = standing("full_soak", phase="dwell", attempt=2)
    floor = Floor(design, entry, dwell, dwell, again, over("PASS"))
    await floor.work()
    assert floor.counted == ["full_soak", "full_soak"]


async def test_an_act_that_is_refused_is_tried_again(design: Design) -> None:
    """Come too early, as whoever is not told every moment does."""
    asked = standing("inventory", needs=["bom_scanned"])
    floor = Floor(design, asked, asked, over("PASS"))
    floor.agent.refuses.add("answers")
    assert await floor.work() == ["PASS"]
    assert not floor.acts("answers")


async def test_the_feed_of_a_step_is_taken_away_and_brought_back(design: Design) -> None:
    """Open the breaker that the plan names, and close it when it says so."""
    breaking = standing("feed_loss", step=0, phase="breaking", load=1.0)
    broken = standing("feed_loss", step=0, phase="broken", load=1.0)
    mending = standing("feed_loss", step=0, phase="mending", load=1.0)
    script = (breaking, breaking, broken, mending, mending, over("PASS"))
    floor = Floor(design, *script)
    seen: list[list[bool]] = []
    floor.agent.seen = lambda: seen.append(floor.plant.feeds[0].tolist())
    await floor.work()
    assert [False, True] in seen
    assert floor.plant.feeds[0].all()


@pytest.mark.parametrize("trouble", [UnreachableError("gone"), NotNowError("disk full")])
async def test_an_agent_that_is_away_is_waited_for(design: Design, trouble: Exception) -> None:
    """Say so once, and go on when it is back."""
    floor = Floor(design, standing("inventory"), trouble, trouble, over("PASS"))
    assert await floor.work() == ["PASS"]
    assert floor.said.count(str(trouble)) == 1
    assert floor.said.count("the agent answers") == 1


async def test_a_floor_that_is_not_the_twins_is_not_worked_on(design: Design) -> None:
    """Refuse where the agent knows no such bay."""
    floor = Floor(design, standing("inventory"))
    floor.operator.posts = {"bay-99": floor.operator.posts["bay-01"]}
    with pytest.raises(RefusedError, match="floor file"):
        await floor.work()
