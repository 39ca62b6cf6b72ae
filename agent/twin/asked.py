"""What the command line asks of a twin, read with all its files, and done."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent import clock
from agent.address import Address
from agent.burnin.design import Design
from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.burnin.verdict import Verdict
from agent.commands.client import RefusedError
from agent.config import read_bytes
from agent.exits import BY_VERDICT
from agent.programs import ProgramError
from agent.twin import rehearsing, world
from agent.twin.faults import Placed, Reader
from agent.twin.places import PlaceError, families
from agent.twin.site import SiteError
from collectors.profile import load_profiles
from collectors.twin.faults import FaultError


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says."""

    spec: Path
    bays: int
    said: Sequence[str]
    faults: Path | None
    seed: int
    broker: Address | None
    no_broker: bool
    folder: Path
    wished: Mapping[str, str]
    rate: float
    follow: str | None
    once: bool
    sparkplug: str | None = None
    traps: Address | None = None

    def rehearse(self, *, as_json: bool) -> int:
        """Run the plan without sockets."""
        with _told():
            design = self._design(read_bytes(self.spec), planned=True)
            faults = self._broken(design)
            return rehearsing.show(design, faults, self.seed, as_json=as_json)

    def play(self) -> int:
        """Put racks on the air until somebody ends it."""
        with _told():
            content = read_bytes(self.spec)
            design = self._design(content, planned=self.follow is not None)
            pace = None if self.rate == 1.0 else clock.Pace.at(self.rate)
            wish = world.Wish(
                design=design,
                spec=self.spec.name,
                content=content,
                bays=self.bays,
                faults=self._on_air(design),
                seed=self.seed,
                folder=self.folder,
                broker=self.broker,
                publish=not self.no_broker,
                families=families(design, load_profiles(), self.wished),
                follow=self.follow,
                once=self.once,
                pace=pace,
                sparkplug=self.sparkplug,
                traps=self.traps,
            )
            if pace:
                clock.keep(pace)
            verdicts = clock.run(world.play(wish))
            worst = max(map(Verdict.__getitem__, verdicts), default=Verdict.PASS)
            return BY_VERDICT[worst.name]

    def _design(self, content: bytes, *, planned: bool) -> Design:
        """Return what the spec asks for. Raises: DocumentError, SiteError."""
        design = expand(load_spec(content, str(self.spec)))
        if planned and design.spec.plan is None:
            raise SiteError(
                f"{self.spec}: has no plan to follow; docs/plan.md shows how to write one"
            )
        return design

    def _broken(self, design: Design) -> list[Placed]:
        """Return what is to be broken. Raises: DocumentError, FaultError."""
        reader = Reader(design, self.bays)
        return [*reader.said(self.said), *(reader.file(self.faults) if self.faults else ())]

    def _on_air(self, design: Design) -> list[Placed]:
        """Return the same for racks on the air, where a run alone has stages. Raises: likewise."""
        faults = self._broken(design)
        waits = [placed.stage for placed in faults if placed.stage]
        if waits and self.follow is None:
            raise FaultError(f"stage={waits[0]}: waits for a run; add --follow URL, or --rehearse")
        return faults


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell what cannot be, in words. Raises: DocumentError, ClickException."""
    try:
        yield
    except (FaultError, PlaceError, ProgramError, SiteError) as error:
        raise RefusedError(str(error)) from None
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        raise RefusedError(f"{about}{error.strerror or error}") from None
