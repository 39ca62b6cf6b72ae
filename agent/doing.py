"""From what somebody asks for to what happens: an act becomes events, a decision is signed."""

from agent import canonical
from agent.acts import Abort, Act, Answer, Dispose, Finish, Pause, Repeat, Resume
from agent.burnin.attempt import AGENT, person
from agent.burnin.deeds import ActError
from agent.burnin.event import Event
from agent.open_run import OpenRun
from agent.record.keys import SigningKey


def events(run: OpenRun, at: float, act: Act, key: SigningKey) -> list[Event]:
    """Return what an act makes happen at run second `at`. Raises: ActError where it cannot be."""
    deeds = run.run.deeds
    match act:
        case Answer():
            if person(act.by) == person(AGENT):
                raise ActError(f"{AGENT} answers for itself; write your own name")
            found = deeds.answer(at, act.need, act.answer, act.by, act.note, act.deviation)
        case Pause():
            found = deeds.pause(at, act.by, act.reason)
        case Resume():
            found = deeds.resume(at, act.by, act.reason)
        case Abort():
            found = deeds.abort(at, act.by, act.reason)
        case Finish():
            found = deeds.finish(at, act.by)
        case Repeat():
            found = deeds.repeat(at, act.stage, act.by, act.reason)
        case Dispose():
            said = {**act.model_dump(), "key": key.public.fingerprint}
            signature = key.sign(canonical.encode({**said, "run": run.name, "at": at})).hex()
            found = deeds.dispose(at, {**said, "signature": signature})
    return found
