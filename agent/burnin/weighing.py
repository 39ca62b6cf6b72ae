"""What a change of a spec means where it is not one of a channel's knobs: a table of places.

Where a place is not in the table, a person must think: nothing is passed over.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from agent.burnin.limits import Amount
from agent.burnin.weight import Weighed, Weight, by_how_much, risen, time_moved
from collectors.document import Path
from collectors.quantity import unit

LOOSER, UNCLEAR, TIGHTER, NEUTRAL = Weight
Rule = Callable[[Any, Any], Weighed]  # what stood there, what stands there; None: nothing
DECIDING: Final = ("fail", "trip")


def weighed(path: Path, old: object, new: object) -> Weighed:
    """Weigh one change."""
    fits = (rule for pattern, rule in RULES.items() if _fits(pattern, path))
    return next(fits, _unclear)(old, new)


def _fits(pattern: str, path: Path) -> bool:
    """Say whether a path fits a pattern such as `roles/*/count`; `**`: whatever follows."""
    steps = pattern.split("/")
    if steps[-1] == "**":
        steps, path = steps[:-1], path[: len(steps) - 1]
    return len(steps) == len(path) and all(
        step in ("*", found) for step, found in zip(steps, path, strict=True)
    )


def _unclear(_old: object, _new: object) -> Weighed:
    """Leave it to a person."""
    return Weighed(UNCLEAR, "changed; see what depends on it")


def _neutral(_old: object, _new: object) -> Weighed:
    """Let it pass."""
    return Weighed(NEUTRAL, "no verdict depends on it")


def _demand(what: str) -> Rule:
    """Return the rule for what is asked of a rack: without it, more pass."""

    def rule(old: object, new: object) -> Weighed:
        """Weigh it."""
        if old is None:
            return Weighed(TIGHTER, f"{what} added")
        return Weighed(LOOSER, f"{what} removed") if new is None else _unclear(old, new)

    return rule


def _channel(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Weighed:
    """Weigh a channel that came or went; one without a limit decides nothing."""
    entry = old if new is None else new
    if entry is not None and not any(entry.get(rung) for rung in DECIDING):
        text = "channel added" if old is None else "channel removed"
        return Weighed(NEUTRAL, f"{text}; it has no limit that decides")
    return _demand("channel")(old, new)


def _items(what: str) -> Rule:
    """Return the rule for a list of demands: the fewer, the looser."""

    def rule(old: Sequence[Any] | None, new: Sequence[Any] | None) -> Weighed:
        """Weigh it."""
        gone = [str(item) for item in old or () if item not in (new or ())]
        come = [str(item) for item in new or () if item not in (old or ())]
        texts = [f"{what} removed: {', '.join(gone)}"] if gone else []
        texts += [f"{what} added: {', '.join(come)}"] if come else []
        if not texts:
            return Weighed(UNCLEAR, f"{what} in another order, or another number of times")
        weight = UNCLEAR if gone and come else LOOSER if gone else TIGHTER
        return Weighed(weight, "; ".join(texts))

    return rule


def _only(old: Sequence[str] | None, new: Sequence[str] | None) -> Weighed:
    """Weigh which channels a stage judges; without a list, all."""
    if old is None or new is None:
        text = f"judged: {'all' if old is None else 'some'} to {'all' if new is None else 'some'}"
        return Weighed(LOOSER if old is None else TIGHTER, text)
    return _items("judged channels")(old, new)


def _number(rising: Weight, symbol: str = "") -> Rule:
    """Return the rule for a number that, rising, goes the way of `rising`."""

    def rule(old: float | None, new: float | None) -> Weighed:
        """Weigh it."""
        one, other = old or 0.0, new or 0.0
        text = time_moved(one, other) if symbol == "s" else by_how_much(one, other, symbol)
        return Weighed(risen(one, other, rising=rising), text)

    return rule


def _share(rising: Weight) -> Rule:
    """Return the rule for a share, likewise; it is told in %."""
    rule = _number(rising, "%")
    return lambda old, new: rule(100 * (old or 0.0), 100 * (new or 0.0))


def _amount(rising: Weight) -> Rule:
    """Return the rule for a number with its unit, likewise."""

    def rule(old: str, new: str) -> Weighed:
        """Weigh it."""
        one, other = (Amount.parse(text) for text in (old, new))
        values = [each.number * unit(each.symbol).factor for each in (one, other)]
        return Weighed(risen(*values, rising=rising), f"{one} to {other}")

    return rule


def _loads(old: Sequence[float], new: Sequence[float]) -> Weighed:
    """Weigh steps of load: fewer and lower ones stress less."""
    text = " to ".join(", ".join(f"{100 * load:g} %" for load in loads) for loads in (old, new))
    if len(old) != len(new):
        return Weighed(LOOSER if len(new) < len(old) else TIGHTER, text)
    rises = {risen(one, other, rising=TIGHTER) for one, other in zip(old, new, strict=True)}
    rises.discard(NEUTRAL)
    return Weighed(rises.pop() if len(rises) == 1 else UNCLEAR, text)


def _flag(on: Weight, what: str) -> Rule:
    """Return the rule for a yes or no."""
    return lambda old, new: Weighed(
        risen(bool(old), bool(new), rising=on), f"{what}: {'yes' if new else 'no'}"
    )


def _decision(old: str, new: str) -> Weighed:
    """Weigh the decision rule: under `simple`, uncertainty protects nobody."""
    guards = {"simple": 0, "guarded": 1}
    return Weighed(
        risen(guards[old], guards[new], rising=TIGHTER),
        "limits are shrunk by U under `guarded` alone, so that a PASS is proven",
    )


def _per(old: str | None, new: str | None) -> Weighed:
    """Weigh the parts of a device that a channel stands for."""
    ones, others = (text.rpartition(" ") if text else ("", "", "1") for text in (old, new))
    if ones[0] != others[0] and old and new:
        return Weighed(UNCLEAR, "other parts of the device")
    return _number(TIGHTER)(float(ones[2]), float(others[2]))


def _models(old: Sequence[str], new: Sequence[str]) -> Weighed:
    """Weigh what a rack may be built from: the more models, the looser."""
    weight, text = _items("models")(old, new)
    turned = {LOOSER: TIGHTER, TIGHTER: LOOSER}
    return Weighed(turned.get(weight, weight), text)


RULES: Final[Mapping[str, Rule]] = {  # the first that fits
    **dict.fromkeys(
        (
            *("spec", "id", "revision", "status", "supersedes", "title", "customer"),
            *("part_number", "change", "approved_by/**", "addressing/**", "roles/*/u"),
            *("derived/*/u_why", "plan/stages/*/overrides/*/why", "plan/stages/*/affected/*/why"),
        ),
        _neutral,
    ),
    "decision/rule": _decision,
    "roles/*": _demand("role"),
    "roles/*/count": _number(TIGHTER),
    "roles/*/names": _items("devices"),
    "roles/*/bom": _demand("bill of materials"),
    "roles/*/bom/models": _models,
    "roles/*/bom/calibration": _demand("demand for calibration"),
    "roles/*/bom/serial": _demand("demand for a serial"),
    "roles/*/bom/firmware": _demand("demand for firmware"),
    "roles/*/channels/*": _channel,
    "roles/*/channels/*/per": _per,
    "derived/*": _channel,
    "cabling/*": _demand("cables"),
    "plan": _demand("plan"),
    "plan/coverage/min": _share(TIGHTER),
    "plan/steady": _demand("rule of steadiness"),
    "plan/steady/of": _items("channels that must be steady"),
    "plan/steady/window": _number(TIGHTER, "s"),
    "plan/steady/max_slope": _amount(LOOSER),
    "plan/steady/max_sd": _amount(LOOSER),
    "plan/steady/significance": _share(TIGHTER),
    "plan/stages/*": _demand("stage"),
    "plan/stages/*/duration": _number(TIGHTER, "s"),
    "plan/stages/*/load": _share(TIGHTER),
    "plan/stages/*/needs": _items("needs"),
    "plan/stages/*/only": _only,
    "plan/stages/*/steps": _demand("steps"),
    "plan/stages/*/steps/load": _loads,
    "plan/stages/*/steps/lose": _items("losses of feeds"),
    "plan/stages/*/steps/pull": _items("pulled parts"),
    "plan/stages/*/steps/stop": _items("stopped parts"),
    "plan/stages/*/steps/each": _number(TIGHTER, "s"),
    "plan/stages/*/check/*": _demand("check"),
    **{
        f"plan/stages/*/{gate}{below}": rule
        for gate in ("entry", "exit")
        for below, rule in {
            "": _demand("conditions"),
            "/all": _items("conditions"),
            "/steady": _flag(TIGHTER, "must be steady"),
            "/for": _number(TIGHTER, "s"),
            "/timeout": _number(LOOSER, "s"),
        }.items()
    },
}
