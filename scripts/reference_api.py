"""The generated part of docs/reference/api.md: every route, read from the server's own OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from fastapi import FastAPI
from reference import fenced, one_line, page, sentence, table

from truing.web.app import ROUTES

LONGEST_EXAMPLE = 40
"""Lines; a longer example is in `/api/docs` alone."""


def api() -> str:
    """All routes by subject: what each takes and answers."""
    document = openapi()
    subjects: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            subject = route.get("tags", ["other"])[0]
            blocks = subjects.setdefault(subject, [f"## {subject.replace('-', ' ').capitalize()}"])
            blocks += operation(method.upper(), path, route, document)
    return page([block for name in sorted(subjects) for block in subjects[name]])


def openapi() -> dict[str, Any]:
    """What the server says of its routes; no workspace is needed for it."""
    app = FastAPI(title="Truing", version="1")
    for name in ROUTES:
        app.include_router(import_module(f"truing.web.routes.{name}").router)
    return app.openapi()


def operation(
    method: str, path: str, route: Mapping[str, Any], document: Mapping[str, Any]
) -> Iterator[str]:
    """One route."""
    yield f"### {method} {path}"
    yield route.get("description", "").strip() or sentence(route["summary"])
    rows = [*parameters(route), *fields(route, document)]
    if rows:
        yield table(("name", "in", "type", "what"), rows)
    example = answer(route)
    if example is not None:
        yield fenced(example, "json")


def parameters(route: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Of path, query and header."""
    for one in route.get("parameters", ()):
        schema = one.get("schema", {})
        what = one.get("description") or schema.get("description") or ""
        yield f"`{one['name']}`", one["in"], kind(schema), one_line(what)


def fields(
    route: Mapping[str, Any], document: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    """Of a JSON body."""
    content = route.get("requestBody", {}).get("content", {})
    schema = resolved(content.get("application/json", {}).get("schema", {}), document)
    for name, one in schema.get("properties", {}).items():
        what = one.get("description", "")
        yield f"`{name}`", "body", kind(resolved(one, document)), one_line(what)


def resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema behind a reference, or the part of it that is no null."""
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            return resolved(one, document)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found: Mapping[str, Any] = document["components"]["schemas"][name]
        return found
    return schema


def kind(schema: Mapping[str, Any]) -> str:
    """The type of a value in a few words."""
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            return kind(one)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if "$ref" in schema:
        return f"{schema['$ref'].rpartition('/')[2]}"
    return str(schema.get("type", "any"))


def answer(route: Mapping[str, Any]) -> str | None:
    """The example of its answer, when it is short enough to be read."""
    for status, one in sorted(route.get("responses", {}).items()):
        example = one.get("content", {}).get("application/json", {}).get("example")
        if status.startswith("2") and example is not None:
            text = json.dumps(example, indent=2, ensure_ascii=False)
            if text.count("\n") > LONGEST_EXAMPLE:
                text = json.dumps(example, ensure_ascii=False)
            return text if len(text) < LONGEST_EXAMPLE * 80 else None
    return None
