"""One operation of the OpenAPI document: what it takes and every status it can answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from chalicelib.http.bodies import WITH_BODY
from chalicelib.http.openapi_schemas import Schemas
from chalicelib.http.route import Door, Route, Shape, Shapes, each_shape
from chalicelib.http.sse import MEDIA_TYPE as EVENT_STREAM

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Described:
    """A route with one of its methods."""

    door: Door
    route: Route
    method: str
    operation_id: str


def operation(described: Described, path_names: Sequence[str], schemas: Schemas) -> dict[str, Any]:
    """The operation object."""
    route, door = described.route, described.door
    answers = {str(status): _success(status, answer, schemas) for status, answer in route.answers.items()}
    if not answers:
        answers["200"] = {"description": HTTPStatus.OK.phrase}
    for status in sorted(error_statuses(route, described.method)):
        answers.setdefault(str(status), _failure(status, door, schemas))
    found: dict[str, Any] = {
        "operationId": described.operation_id,
        "summary": route.summary,
        "tags": list(route.tags or (door.name,)),
        "parameters": [*_path_parameters(path_names), *_query_parameters(route, schemas), *_header_parameters(route)],
        "responses": answers,
        "security": [] if route.scope is None else [{"apiKey": []}, {"bearer": []}],
    }
    if route.scope is not None:
        found["x-scope"] = route.scope
    if body := _request_body(route, described.method, schemas):
        found["requestBody"] = body
    return {name: value for name, value in found.items() if value or name in ("responses", "security")}


def error_statuses(route: Route, method: str) -> set[int]:
    """The statuses of errors a route can answer: its own, and those of the pipeline before it."""
    found = {*route.errors, 500}
    takes_body = method in WITH_BODY or route.body is not None
    if "{" in route.path:
        found.add(404)
    if route.query is not None or takes_body or route.idempotent:
        found.add(400)
    if takes_body:
        found |= {413} if route.raw and not route.raw_media else {413, 415}
    if route.idempotent:
        found.add(409)
    if route.scope is not None:
        found |= {401, 403, 429, 503}
    return found


def _success(status: int, answer: Shapes, schemas: Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if content := dict(_content(shape, schemas) for shape in each_shape(answer)):
        told["content"] = content
    return told


def _content(shape: Shape, schemas: Schemas) -> tuple[str, dict[str, Any]]:
    if isinstance(shape, str):
        return shape, {"schema": _bytes_of(shape)}
    return _JSON, {"schema": schemas.ref(shape, "serialization")}


def _bytes_of(media: str) -> dict[str, Any]:
    if media == _JSON:
        return {}
    if media == EVENT_STREAM:
        return {"type": "string", "description": "Server-sent events, open-ended."}
    return {"type": "string"} if media.startswith("text/") else {"type": "string", "format": "binary"}


def _failure(status: int, door: Door, schemas: Schemas) -> dict[str, Any]:
    schema = {"type": "object"} if door.error_model is None else schemas.ref(door.error_model, "serialization")
    return {"description": HTTPStatus(status).phrase, "content": {_JSON: {"schema": schema}}}


def _path_parameters(names: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in names
    ]


def _query_parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = schemas.inline(route.query)
    required = set(schema.get("required", ()))
    return [_query_parameter(name, dict(inner), name in required) for name, inner in schema["properties"].items()]


def _query_parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"name": name, "in": "query", "schema": schema}
    if required:
        told["required"] = True
    if description := schema.pop("description", None):
        told["description"] = description
    return told


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    if not route.idempotent:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    return [{"name": "Idempotency-Key", "in": "header", "schema": schema}]


def _request_body(route: Route, method: str, schemas: Schemas) -> dict[str, Any] | None:
    if method not in WITH_BODY and route.body is None:
        return None
    if route.raw:
        media = route.raw_media or ("application/octet-stream",)
        content = {name: {"schema": _raw_schema(name, route, schemas)} for name in media}
        return {"required": route.body is not None and schemas.requires_something(route.body), "content": content}
    if route.body is None:
        return {"required": False, "content": {_JSON: {"schema": {"type": "object"}}}}
    schema = schemas.ref(route.body, "validation")
    return {"required": schemas.requires_something(route.body), "content": {_JSON: {"schema": schema}}}


def _raw_schema(media: str, route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.body is not None and media in (_JSON, "multipart/form-data", "application/x-www-form-urlencoded"):
        return schemas.ref(route.body, "validation")
    if media in (_JSON, "multipart/form-data"):
        return {"type": "object"}
    return {}
