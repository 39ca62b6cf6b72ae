"""The API described for programs: OpenAPI 3.1, made of the models that requests are read by."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from agent.acts import Start
from agent.web import shapes

REF: Final = "#/components/schemas/{model}"
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
ABOUT: Final = (
    "Starts burn-in runs, answers what they ask, and shows how they stand. `by` says who acts; "
    "nothing here proves it, so whoever may reach this address is trusted."
)
REFUSALS: Final = {
    "403": "The request comes from a page of another site.",
    "404": "There is no such bay, run or file.",
    "408": "The body did not come in time.",
    "409": "It cannot be done now: another run is on, or the run is not at that point.",
    "413": "The body is too long.",
    "415": "The body is not JSON.",
    "422": "The request cannot be used; `problems` has every mistake.",
    "503": "The agent cannot store it (the disk is full), or has no room; nothing was done.",
}
POSTED: Final = ("403", "404", "408", "409", "413", "415", "422", "503")
KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the request safe to repeat: the same key with the same request is "
    "answered as it was the first time, with another request it is refused (422).",
    "schema": {"type": "string", "pattern": "^[!-~]{1,100}$"},
}


def document(
    prefix: str,
    acts: Mapping[str, type[BaseModel]],
    which_runs: type[BaseModel],
    which_entries: type[BaseModel],
) -> dict[str, Any]:
    """Return the document. `acts`: the last word of a path, and what its body must be."""
    paths: dict[str, Any] = {
        "/bays": {"get": _get("The bays of the floor, and which run is on in each.", shapes.Bays)},
        "/bays/{bay}/runs": {
            "parameters": [_path("bay")],
            "post": _post(Start, shapes.Run, "201"),
        },
        "/bays/{bay}/cabling": {
            "parameters": [_path("bay")],
            "get": _get("Its cables, as they were read last.", shapes.Cabling, "404"),
            "post": _get("Its cables, read now; no body.", shapes.Cabling, "403", "404"),
        },
        "/runs": {
            "get": _get("Runs, the latest first.", shapes.Runs, "422", asked=which_runs),
        },
        "/runs/{run}": {
            "parameters": [_path("run")],
            "get": _get("One run: its stages, what it waits for, why.", shapes.Run, "404"),
        },
        "/runs/{run}/events": {
            "parameters": [_path("run")],
            "get": _get("Its journal.", shapes.Entries, "404", "422", asked=which_entries),
        },
        "/runs/{run}/record/{path}": {
            "parameters": [_path("run"), _path("path")],
            "get": _other("A file of its sealed record; record.json lists them.", "*/*", "404"),
        },
        "/events": {"get": _stream()},
        "/openapi.json": {"get": _other("This document.", JSON)},
    }
    for word, model in acts.items():
        paths[f"/runs/{{run}}/{word}"] = {
            "parameters": [_path("run")],
            "post": _post(model, shapes.Run, "200"),
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rackproof", "version": version("rackproof"), "description": ABOUT},
        "servers": [{"url": prefix}],
        "paths": paths,
        "components": {"schemas": _schemas((Start, *acts.values()))},
    }


@cache
def _schemas(acts: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    """Return the schema of every model, by its name."""
    answers = (shapes.Cabling, shapes.Bays, shapes.Runs, shapes.Run, shapes.Entries, shapes.Problem)
    _, found = models_json_schema(
        [*((act, "validation") for act in acts), *((each, "serialization") for each in answers)],
        ref_template=REF,
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    """Point to a model's schema."""
    return {"$ref": REF.format(model=model.__name__)}


def _content(form: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Say in which form something comes."""
    return {form: {"schema": schema}}


def _refusals(*status: str) -> dict[str, Any]:
    """Return the responses for what may be refused."""
    content = _content(PROBLEM, _ref(shapes.Problem))
    return {each: {"description": REFUSALS[each], "content": content} for each in status}


def _get(
    summary: str, answer: type[BaseModel], *refusals: str, asked: type[BaseModel] | None = None
) -> dict[str, Any]:
    """Describe a question."""
    told = {"description": (answer.__doc__ or "").strip(), "content": _content(JSON, _ref(answer))}
    found: dict[str, Any] = {
        "summary": summary,
        "responses": {"200": told, **_refusals(*refusals)},
    }
    if asked is not None:
        properties = asked.model_json_schema()["properties"]
        found["parameters"] = [
            {"name": name, "in": "query", "schema": schema} for name, schema in properties.items()
        ]
    return found


def _post(act: type[BaseModel], answer: type[BaseModel], status: str) -> dict[str, Any]:
    """Describe an act."""
    told: dict[str, Any] = {
        "description": "Done, durably: the run as it stands now.",
        "content": _content(JSON, _ref(answer)),
        "headers": {
            "Idempotency-Replayed": {
                "description": "`true` where it was done before, under the same key.",
                "schema": {"const": "true"},
            }
        },
    }
    return {
        "summary": (act.__doc__ or "").strip(),
        "parameters": [KEY],
        "requestBody": {"required": True, "content": _content(JSON, _ref(act))},
        "responses": {status: told, **_refusals(*POSTED)},
    }


def _other(summary: str, form: str, *refusals: str) -> dict[str, Any]:
    """Describe what has no model."""
    told = {"description": summary, "content": {form: {}}}
    return {"summary": summary, "responses": {"200": told, **_refusals(*refusals)}}


def _stream() -> dict[str, Any]:
    """Describe the news."""
    found = _other(
        "News as server-sent events: `stage` (started, waits, tripped, over, judged), `verdict`, "
        "and `missed` where items are no longer held: then ask /runs.",
        "text/event-stream",
        "503",
    )
    last = {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}
    return {**found, "parameters": [last]}


def _path(name: str) -> dict[str, Any]:
    """Describe a part of a path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
