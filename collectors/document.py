"""YAML files that people write: read strictly, every problem at once, each with its file and line.

YAML 1.2 core (`on`, `no`, `12:30` are text), no anchors, aliases, tags or duplicate keys, and
bounds on size before anything is built: what a reviewer reads is what is loaded.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

import yaml
import yamlcore
from pydantic import BaseModel, ValidationError

BYTES_MAX: Final = 4 << 20  # a spec of 700 channels is 25 kB; more than this is a mistake or a bomb
NODES_MAX: Final = 100_000  # each node costs a Python object or two
DEPTH_MAX: Final = 32  # the deepest real file has 7
DIGITS_MAX: Final = 40  # a longer plain number costs quadratic time to convert

Path = tuple[Hashable, ...]
Model = TypeVar("Model", bound=BaseModel)


class Problem(NamedTuple):
    """One thing wrong in a file: where, what, and what to do about it."""

    file: str
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        """Return `file:line: key: what is wrong; what to do`."""
        return f"{self.file}:{self.line}: " + (f"{self.key}: " if self.key else "") + self.text


class DocumentError(ValueError):
    """A file that cannot be used; `problems` has all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda p: (p.file, p.line))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Document:
    """A parsed file that still knows on which line each of its keys stands."""

    file: str
    data: Any
    lines: Mapping[Path, int]

    def problem(self, path: Path, text: str) -> Problem:
        """Describe what is wrong at `path`; steps that are not in the file are passed over."""
        known: Path = ()
        for step in path:
            if (*known, step) in self.lines:
                known = (*known, step)
        return Problem(self.file, self.lines.get(known, 1), ".".join(map(str, path)), text)

    def validate(self, model: type[Model]) -> Model:
        """Return the content as `model`. Raises: DocumentError with every breach of it."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise DocumentError(self.problems_of(error)) from None

    def problems_of(self, error: ValidationError) -> list[Problem]:
        """Translate what pydantic found, with the lines of this file."""
        found = []
        for detail in error.errors(include_url=False):
            said = detail["msg"].removeprefix("Value error, ")
            text = _REMEDIES.get(detail["type"], said.replace("Input should", "this should"))
            path = tuple(step for step in detail["loc"] if _stands_in_files(step))
            found.append(self.problem(path, text))
        return list(dict.fromkeys(found))


_REMEDIES: Final = {
    "extra_forbidden": "unknown key; correct its spelling or remove it",
    "missing": "this key is missing; add it",
    "dict_type": "want keys below this one",
    "model_type": "want keys below this one",
    "list_type": "want a list, such as [a, b]",
    "bool_type": "want true or false",
    "bool_parsing": "want true or false",
    "string_type": "want text; put it in quotes if it looks like a number",
}


def _stands_in_files(step: Hashable) -> bool:
    """Say whether a step of pydantic's location can be a key: not a validator's or type's name."""
    return not (isinstance(step, str) and ("[" in step and step.endswith("]") and "(" in step))


def parse(text: str | bytes, file: str) -> Document:
    """Parse one YAML document. Raises: DocumentError for all that is not plain, bounded YAML."""
    if len(text) > BYTES_MAX:
        raise DocumentError(
            [Problem(file, 1, "", f"{len(text)} bytes; at most {BYTES_MAX} are read")]
        )
    try:
        _check_bounds(text, file)
        loader = yamlcore.CCoreLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                raise DocumentError([Problem(file, 1, "", "the file is empty")])
            lines: dict[Path, int] = {}
            if problems := _walk(root, (), lines, file):
                raise DocumentError(problems)
            return Document(file, loader.construct_document(root), lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "not YAML"
        raise DocumentError([Problem(file, mark.line + 1 if mark else 1, "", said)]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise DocumentError([Problem(file, 1, "", f"not YAML in UTF-8: {said}")]) from None


def _check_bounds(text: str | bytes, file: str) -> None:
    """Refuse depth, size, aliases and tags from the event stream, before any tree is built."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        nodes += isinstance(event, yaml.NodeEvent)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        wrong = (
            f"nested deeper than {DEPTH_MAX} levels"
            if depth > DEPTH_MAX
            else f"more than {NODES_MAX} values"
            if nodes > NODES_MAX
            else "anchors and aliases are not allowed; write the value where it applies"
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None)
            else "tags are not allowed; write the value as it is, in quotes if it is text"
            if getattr(event, "tag", None)
            else ""
        )
        if wrong:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise DocumentError([Problem(file, line, "", wrong)])


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int], file: str) -> list[Problem]:
    """Note the line of every key below `node`; return what YAML allows and we do not."""
    lines.setdefault(path, node.start_mark.line + 1)
    problems = []
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                problems.append(Problem(file, line, "", "a key must be a plain word or number"))
                continue
            key = _key(key_node)
            below = (*path, key)
            if below in lines:
                dotted = ".".join(map(str, below))
                text = f"duplicate key, first on line {lines[below]}; keep one of them"
                problems.append(Problem(file, line, dotted, text))
                continue
            lines[below] = line
            problems += _walk(value_node, below, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            problems += _walk(item, (*path, index), lines, file)
    elif len(node.value) > DIGITS_MAX and node.tag.endswith((":int", ":float")):
        line = node.start_mark.line + 1
        problems.append(Problem(file, line, "", f"a number of more than {DIGITS_MAX} characters"))
    return problems


def _key(node: yaml.ScalarNode) -> Hashable:
    """Return a key as it will be constructed, so that lines are found by it."""
    if node.tag.endswith(":int") and len(node.value) <= DIGITS_MAX:
        return int(node.value) if node.value.isdecimal() else node.value
    return str(node.value)
