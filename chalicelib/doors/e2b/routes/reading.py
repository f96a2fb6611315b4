"""Lists of sandboxes, and what is known of one."""

from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.paging import BadCursor, decode_place, encode_cursor
from chalicelib.doors.e2b import render, schemas
from chalicelib.doors.e2b.common import domain_of, limits_of, named, space_of
from chalicelib.doors.e2b.filters import keep_for
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.listing import Window

_MOST = 100
_MOST_AT_ONCE = 1000


def list_(call: Call) -> Answer:
    """Sandboxes, newest first unless asked otherwise. ``x-next-token`` leads to the next page."""
    query: schemas.ListQuery = call.query
    bound = {"tenant": call.principal.tenant} | query.model_dump(exclude={"limit", "next_token"})
    size = min(query.limit or _MOST, _MOST)
    window = Window(size, _position(query.next_token, bound), ascending=query.order == "asc")
    found = call.services.sandboxes.page(space_of(call), window, keep_for(query))
    following = {} if found.next is None else {"x-next-token": encode_cursor({"at": found.next}, bound)}
    return Answer([render.listed(one, limits_of(call)) for one in found.items], headers=following)


def _position(token: str | None, bound: dict[str, Any]) -> str | None:
    if token is None:
        return None
    try:
        return decode_place(token, bound)
    except BadCursor as error:
        raise InvalidRequest("nextToken: cannot be read, or belongs to another list", field="nextToken") from error


def list_running(call: Call) -> Answer:
    """Running sandboxes, newest first, all at once."""
    query: schemas.RunningQuery = call.query
    keep = keep_for(schemas.ListQuery(metadata=query.metadata, state=["running"]))
    found = call.services.sandboxes.page(space_of(call), Window(_MOST_AT_ONCE), keep)
    return Answer([render.listed(one, limits_of(call)) for one in found.items])


def retrieve(call: Call) -> Answer:
    """One sandbox."""
    sandboxes = call.services.sandboxes
    found = sandboxes.get(*named(call))
    return Answer(render.detailed(found, limits_of(call), sandboxes.token(found), domain_of(call)))


def metrics(call: Call) -> Answer:
    """What a running sandbox uses now; nothing for a paused one and for other times."""
    query: schemas.MetricsQuery = call.query
    space, sandbox_id = named(call)
    found = call.services.sandboxes.get(space, sandbox_id)
    now = now_ms()
    asked = (query.start or 0) <= now // 1000 + 1 and (query.end is None or query.end >= now // 1000 - 1)
    if found.state == "paused" or not asked:
        return Answer([])
    from chalicelib.sandbox.client import told

    sample = told(call.services.sandboxes.live(space, sandbox_id).client.fetch("GET", "/metrics"))
    return Answer([render.metric(sample, limits_of(call), now)])


_LIST = {200: "application/json"}
_ONE = "/sandboxes/{sandbox_id}"
_TAGS = ("sandboxes",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("GET",),
        "/v2/sandboxes",
        list_,
        "List sandboxes",
        query=schemas.ListQuery,
        answers=_LIST,
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/sandboxes",
        list_running,
        "List running sandboxes (earlier clients)",
        query=schemas.RunningQuery,
        answers=_LIST,
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a sandbox",
        answers={200: schemas.DetailedSandbox},
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/metrics",
        metrics,
        "What a sandbox uses",
        query=schemas.MetricsQuery,
        answers=_LIST,
        tags=_TAGS,
    ),
)
