"""Lists as this family pages them: by the id of the item before."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Literal
from urllib.parse import parse_qsl

from pydantic import Field

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.schema import Schema
from chalicelib.http.route import Call
from chalicelib.storage.listing import Window


class ListQuery(Schema):
    """Which part of a list: what follows the item ``after`` in the chosen order."""

    after: str | None = None
    limit: int = Field(default=20, ge=1, le=100)
    order: Literal["asc", "desc"] = "desc"


class Deleted(Schema):
    """What was removed."""

    id: str
    object: str
    deleted: Literal[True]


class Listed(Schema):
    """A page of a list."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    has_more: bool
    first_id: str | None
    last_id: str | None


def window(query: ListQuery, position: str | None) -> Window:
    """The slice a request asks for."""
    return Window(query.limit, position, ascending=query.order == "asc")


def metadata_of(call: Call) -> Mapping[str, str]:
    """The pairs of ``metadata[key]=value`` that what is listed must have."""
    assert call.request is not None
    query = call.request.scope["query_string"].decode("latin-1")
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    return {key[9:-1]: value for key, value in pairs if key.startswith("metadata[") and key.endswith("]")}


def page(data: Sequence[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    """One page."""
    return {
        "object": "list",
        "data": data,
        "has_more": more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def page_of(found: Iterable[dict[str, Any]], query: ListQuery) -> dict[str, Any]:
    """One page of items that come in their order. Raises InvalidRequest for an unknown ``after``."""
    items = iter(found)
    if query.after is not None and not any(item["id"] == query.after for item in items):
        raise InvalidRequest("after: there is no such item in this list", field="after")
    data = list(islice(items, query.limit + 1))
    return page(data[: query.limit], more=len(data) > query.limit)


def deleted(name: str, kind: str) -> dict[str, Any]:
    """The answer to a removal."""
    return {"id": name, "object": f"{kind}.deleted", "deleted": True}
