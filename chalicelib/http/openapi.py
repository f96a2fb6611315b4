"""The OpenAPI 3.1 document, made from the route tables."""

from collections.abc import Sequence
from typing import Any

from chalicelib.http.about import DESCRIPTION, NAME, VERSION
from chalicelib.http.dispatch import parameters_of, shape_of
from chalicelib.http.openapi_operation import Described, operation
from chalicelib.http.openapi_schemas import Schemas
from chalicelib.http.route import Door

_SECURITY_SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def document(doors: Sequence[Door]) -> dict[str, Any]:
    """The document of these doors; the same tables give the same document, byte for byte."""
    schemas = Schemas(doors)
    paths: dict[str, dict[str, Any]] = {}
    templates: dict[str, str] = {}
    taken: set[str] = set()
    for door in doors:
        for route in door.routes:
            if route.when is not None:
                continue
            # Paths that differ only in the names of their parameters are one path here.
            template = templates.setdefault(shape_of(route.path), route.path)
            item = paths.setdefault(_shown(template), {})
            for method in route.methods:
                described = Described(door, route, method, _unused(_operation_id(method, template), taken))
                item[method.lower()] = operation(described, parameters_of(template), schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": NAME, "version": VERSION, "description": DESCRIPTION},
        "tags": [{"name": name} for name in _tags(doors)],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {"schemas": schemas.components(), "securitySchemes": _SECURITY_SCHEMES},
    }


def _shown(template: str) -> str:
    return template.replace(":path}", "}")


def _operation_id(method: str, template: str) -> str:
    words = [part.strip("{}").removesuffix(":path") for part in template.split("/") if part]
    cleaned = ["".join(letter if letter.isalnum() else "_" for letter in word) for word in words]
    return "_".join([method.lower(), *(cleaned or ["index"])])


def _unused(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


def _tags(doors: Sequence[Door]) -> list[str]:
    """The groups of routes in the order of the tables; routes without one stand last, under their door's name."""
    named = [tag for door in doors for route in door.routes for tag in route.tags]
    unnamed = [door.name for door in doors if not all(route.tags for route in door.routes)]
    return list(dict.fromkeys([*named, *unnamed]))
