"""A design spec, loaded: strict, complete, and every problem of it told at once."""

import copy
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError

from agent.burnin.closure import check_closure
from agent.burnin.expand import expand
from agent.burnin.format import Spec
from agent.burnin.stages import check_plan
from agent.burnin.structure import check_structure
from collectors.document import Document, DocumentError, Path, Problem, parse

__all__ = ["Spec", "load_spec"]

_STAND_INS: Final[dict[str, Any]] = {  # for what is wrong at the top, so that the rest is checked
    "spec": "rackproof.spec/1",
    "id": "x",
    "revision": "x",
    "status": "draft",
    "title": "x",
    "decision": {"rule": "simple"},
}
_SEPARABLE: Final = {"roles": 5, "derived": 3, "cabling": 3, "plan": 3, "addressing": 2}


def load_spec(text: bytes, file: str) -> Spec:
    """Return a spec that fits together. Raises: DocumentError with every problem and its line."""
    document = parse(text, file)
    problems: list[Problem] = []
    broken: list[Path] = []
    spec: Spec | None
    try:
        spec = Spec.model_validate(document.data)
    except ValidationError as error:
        problems = document.problems_of(error)
        broken = [_place(document, detail["loc"]) for detail in error.errors()]
        spec = _salvaged(document, broken)

    troubled: set[Path] = {path[:-1] for path in broken if len(path) > 2}

    def say(path: Path, what: str) -> None:
        """Note a problem, unless the same entry could not even be read."""
        if not any(path[: len(at) - 1] == at[:-1] for at in broken if len(at) > 2):
            problems.append(document.problem(path, what))
            troubled.update({path[:2], path[:4]})

    if spec:
        check_structure(spec, say)
        design = expand(spec, say)
        check_closure(design, say)
        check_plan(design, troubled, say)
    if problems or spec is None:
        raise DocumentError(dict.fromkeys(problems))
    return spec


def _place(document: Document, loc: Sequence[Hashable]) -> Path:
    """Return where in the file something is wrong, as far as the file has it."""
    path: Path = ()
    for step in loc:
        if (*path, step) in document.lines:
            path = (*path, step)
    return path


def _salvaged(document: Document, broken: Sequence[Path]) -> Spec | None:
    """Return the spec without what is broken, if the rest can still be judged by itself."""
    data = copy.deepcopy(document.data)
    if not isinstance(data, dict):
        return None
    for path in broken:
        if len(path) == 1 and path[0] not in _SEPARABLE:
            data.pop(path[0], None)
        elif path and len(path) >= _SEPARABLE.get(str(path[0]), len(path) + 1):
            _remove(data, path)
    for key, value in _STAND_INS.items():
        data.setdefault(key, value)
    try:
        return Spec.model_validate(data)
    except ValidationError:
        return None


def _remove(data: Any, path: Path) -> None:  # noqa: ANN401 -- a document of any shape
    """Take the key at `path` out; of a list, the whole list, so that others keep their places."""
    keys = [(parent, step) for parent, step in _walk(data, path) if isinstance(parent, dict)]
    if keys:
        parent, step = keys[-1]
        parent.pop(step, None)


def _walk(data: Any, path: Path) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 -- likewise
    """Yield each step of `path` and what it is a step of, as far as it leads."""
    for step in path:
        yield data, step
        if not (step in data if isinstance(data, dict) else isinstance(data, list)):
            return
        data = data[step]
