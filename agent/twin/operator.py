"""The people at the bays of a twin: they follow an agent's runs, and do as the plan asks.

They know of a run what anybody is told: what the agent answers over HTTP. So a twin can be driven
by an agent of any version, and the agent never learns that nobody is there.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from agent import clock
from agent.burnin.attempt import people
from agent.burnin.design import Design
from agent.burnin.terms import broken_part, stage_of
from agent.commands.client import Agent, NotNowError, RefusedError, UnreachableError
from agent.lasting import lasting
from agent.rehearsal.crew import Crew, Standing
from agent.rehearsal.rig import CABLING, UNCOUNTED

LOOK_S: Final = 1.0  # from one look at all runs to the next
TRUE_S: Final = 0.15  # likewise, of true time: an agent answers no faster on a false clock
RUNS_MAX: Final = 1000  # that a list shows; the latest first, and one a bay is on
OPERATORS: Final = ("operator-1", "operator-2", "operator-3", "operator-4")
HASTE_S: Final = 20.0  # from a question to its answer, once the coolant is tempered
LEAVE_S: Final = (60.0, 600.0)  # that people leave to an agent to see cables: right, or crossed
SERIAL: Final = "SIM-{number:04}"

Document = Mapping[str, Any]
Say = Callable[[str], None]


class Rack(Protocol):
    """The rack in a bay, as those see it who work there."""

    def roll_in(self) -> None:
        """Let it be cold, dry and whole: another run is another rack."""
        ...

    def counts(self, stage: str) -> None:
        """Take note that a stage has begun to count."""
        ...

    def tempered(self) -> bool:
        """Say whether its coolant, where it has some, is as warm as it was set to be."""
        ...

    def miscabled(self) -> bool:
        """Say whether some cables are not where they should be."""
        ...


@dataclass(slots=True)
class Post:
    """One bay, who works there, and what they have seen of the run that is on."""

    bay: str
    serial: str
    crew: Crew
    rack: Rack
    run: str | None = None  # the one that is followed
    told: tuple[object, ...] = ()  # what was last said of it
    counting: tuple[object, ...] = ()  # the stage that counted last
    signed: dict[tuple[object, ...], int] = field(default_factory=dict)  # need -> by how many
    asked: dict[tuple[object, ...], float] = field(default_factory=dict)  # need -> since when
    verdict: str | None = None


class Operator:
    """Works at every bay. `now`: seconds of simulated time; `say`: takes one line for a person."""

    def __init__(
        self,
        agent: Agent,
        design: Design,
        posts: Mapping[str, Post],
        *,
        now: Callable[[], float],
        say: Say,
    ) -> None:
        self.posts = posts
        self._agent = agent
        self._design = design
        self._now = now
        self._say = say
        self._patience = {bay: post.crew.patience for bay, post in posts.items()}
        self._trouble = ""

    async def work(self, *, once: bool) -> list[str]:
        """Start a run in every bay and follow all there are; with `once` return the verdicts.

        Raises: RefusedError when a run cannot be started.
        """
        started = False
        while True:
            try:
                if not started:
                    await self._start()
                    started = True
                await self._look()
            except (UnreachableError, NotNowError) as error:
                self._in_trouble(error.message)
            if once and all(post.verdict for post in self.posts.values()):
                return [post.verdict or "" for post in self.posts.values()]
            await asyncio.sleep(max(LOOK_S, TRUE_S * clock.rate()))

    async def _start(self) -> None:
        """Begin a run wherever none is on."""
        known = await asyncio.to_thread(self._agent.get, "bays")
        self._well()
        busy = {each["bay"]: each["run"] for each in known["bays"]}
        for bay, post in self.posts.items():
            if bay not in busy:
                raise RefusedError(f"the agent has no {bay}: start it with this twin's floor file")
            if not (busy[bay] or post.run):
                self._follow(post, await asyncio.to_thread(self._begun, post))

    def _begun(self, post: Post) -> Document:
        """Begin a run of the rack in a bay."""
        return self._agent.post("bays", post.bay, "runs", serial=post.serial, by=OPERATORS[0])

    async def _look(self) -> None:
        """See how every run stands, and act."""
        found = await asyncio.to_thread(lambda: self._agent.get("runs", limit=RUNS_MAX))
        self._well()
        for run in found["runs"]:
            post = self.posts.get(run["bay"])
            if post is None:
                continue
            if run["state"] != "over" and post.run != run["run"]:
                self._follow(post, run)
            if post.run == run["run"] and not post.verdict:
                await self._act(post, run)

    def _follow(self, post: Post, run: Document) -> None:
        """Roll in the rack of a run that has begun."""
        post.run, post.verdict, post.told, post.counting = run["run"], None, (), ()
        post.signed.clear()
        post.asked.clear()
        post.rack.roll_in()
        self._say(f"{post.bay}: run {run['run']} of rack {run['serial']} has begun")

    async def _act(self, post: Post, run: Document) -> None:
        """Do what one run asks for."""
        if run["state"] == "over":
            if run["record"]:
                self._close(post, run)
            return
        at = run["standing"]
        if at is None:
            return
        self._tell(post, at)
        if at["stage"] is None:
            if run["state"] in ("held", "waiting"):
                await self._do(run, "finish", by=OPERATORS[0])
            return
        self._count(post, at)
        part = broken_part(stage_of(self._design, at["stage"]), at["step"])
        needs = tuple(at["needs"])
        seen = Standing(at["stage"], at["step"], at["phase"], at["load"], part, needs)
        longest = self._patience[post.bay]
        post.crew.patience = min(longest, HASTE_S) if post.rack.tempered() else longest
        for need, said in post.crew.look(self._now(), seen):
            of = (at["stage"], at["attempt"], need)
            signed = post.signed.get(of, 0)
            crossed = need == CABLING and post.rack.miscabled()
            waited = self._now() - post.asked.setdefault(of, self._now())
            if need == CABLING and waited < LEAVE_S[crossed]:  # the agent sees that better
                continue
            answer = "no" if crossed else said
            if signed < people(need) and await self._do(
                run, "answers", need=need, answer=answer, by=OPERATORS[signed % len(OPERATORS)]
            ):
                post.signed[of] = signed + 1

    async def _do(self, run: Document, word: str, **act: object) -> bool:
        """Do something about a run, and say whether it was done; it may be too early or late."""
        try:
            await asyncio.to_thread(lambda: self._agent.post("runs", run["run"], word, **act))
        except RefusedError:
            return False
        return True

    def _tell(self, post: Post, at: Document) -> None:
        """Say which stage is on, once."""
        told = (at["stage"], at["attempt"])
        if at["stage"] is None or told == post.told:
            return
        post.told = told
        again = f", attempt {at['attempt']}" if at["attempt"] > 1 else ""
        load = "" if at["load"] is None else f", load {100 * at['load']:g} %"
        lasts = f", {lasting(at['required_s'])}" if at["required_s"] else ""
        self._say(f"{post.bay}: {at['stage']}{again}{load}{lasts}")

    def _count(self, post: Post, at: Document) -> None:
        """Notice that a stage begins to count."""
        stage = at["stage"], at["attempt"]
        if at["phase"] not in UNCOUNTED and stage != post.counting:
            post.counting = stage
            post.rack.counts(at["stage"])

    def _close(self, post: Post, run: Document) -> None:
        """Tell the verdict, and where to read it."""
        post.verdict = run["verdict"]
        self._say(f"{post.bay}: {run['verdict']}")
        self._say(f"  certificate  {run['record']}/certificate.html")
        self._say(f"  why          rackproof runs show {run['run']}")

    def _in_trouble(self, text: str) -> None:
        """Say once that nobody answers."""
        if not self._trouble:
            self._say(text)
        self._trouble = text

    def _well(self) -> None:
        """Say that somebody answers again."""
        if self._trouble:
            self._say("the agent answers")
        self._trouble = ""
