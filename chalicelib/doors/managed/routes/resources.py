"""Resources of a session."""

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import undress
from chalicelib.doors.managed import lists, reach
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render.resources import resource as rendered
from chalicelib.doors.managed.schemas import resources as schemas
from chalicelib.doors.managed.schemas.lists import ListQuery
from chalicelib.environments.work.resources import demand_mountable
from chalicelib.http.route import Answer, Call, Route
from chalicelib.memory.attaching import placed
from chalicelib.sessions.errors import ResourceNotFound
from chalicelib.sessions.resource_drafts import AnyResource, NewResource, ResourceUpdate
from chalicelib.sessions.resources import Resource, demand_apart
from chalicelib.storage.keys import SEPARATOR, list_sk

_MOST_RESOURCES = 500
_LISTING = lists.Listing("session_resources", plain=(1000, 1000), sdk=(1000, 1000))


def add(call: Call) -> Answer:
    """Attach a file, a repository, a variable or a memory store."""
    return attach(call, call.body.root)


def attach(call: Call, wanted: AnyResource) -> Answer:
    """Attach something to the session of the path."""
    ref = session_ref(call)
    if call.services.sessions.get(ref).head.self_hosted:
        demand_mountable(wanted.type, "type")

    def change(resources: list[Resource]) -> list[Resource]:
        others = [one for one in resources if one["id"] != attached[0]["id"]]
        if len(others) >= _MOST_RESOURCES:
            raise InvalidRequest(f"a session has at most {_MOST_RESOURCES} resources", field="type")
        demand_apart(others, attached[0], "")
        attached[0] = placed(others, attached[0], "memory_store_id")
        return [*others, *attached]

    with call.services.attaching.kept_if_taken(ref.space) as attached:
        attached.append(call.services.attaching.attach(ref, wanted, "", call.seed))
        call.services.sessions.set_resources(ref, change)
    return Answer(rendered(attached[0], ref.id), 201)


def list_(call: Call) -> Answer:
    """The resources in the order they were attached: all of them, unless a limit is given."""
    ref, query = session_ref(call), call.query
    resources = call.services.sessions.get(ref).spec.resources
    start = _start(resources, lists.position(call, _LISTING, query.page, ascending=True))
    end = start + _LISTING.size(query, call.headers)
    following = _place(resources[end]) if end < len(resources) else None
    data = [rendered(one, ref.id) for one in resources[start:end]]
    return Answer(lists.page(data, lists.cursor(call, _LISTING, following, ascending=True)))


def _place(resource: Resource) -> str:
    return list_sk(resource["created_at"], resource["id"])


def _start(resources: list[Resource], at: str | None) -> int:
    """Where a page begins; if the resource of that place was removed since, at what was attached with it or later."""
    if at is None:
        return 0
    places = [_place(one) for one in resources]
    if at in places:
        return places.index(at)
    since = at.partition(SEPARATOR)[0]
    return next((index for index, place in enumerate(places) if place >= since), len(places))


def _chosen(call: Call, resources: list[Resource]) -> Resource:
    """The resource of the path. Raises ResourceNotFound."""
    wanted = undress("sesrsc", call.path["resource_id"])
    for one in resources:
        if one["id"] == wanted:
            return one
    raise ResourceNotFound(f"there is no resource {call.path['resource_id']}")


def retrieve(call: Call) -> Answer:
    """One resource."""
    ref = session_ref(call)
    return Answer(rendered(_chosen(call, call.services.sessions.get(ref).spec.resources), ref.id))


def update(call: Call) -> Answer:
    """Give a repository a new token, or a variable a new value."""
    ref, body = session_ref(call), call.body
    token = None if body.authorization_token is None else body.authorization_token.get_secret_value()
    value = None if body.value is None else body.value.get_secret_value()
    _chosen(call, call.services.sessions.get(ref).spec.resources)

    def change(resources: list[Resource]) -> list[Resource]:
        old = _chosen(call, resources)
        new = call.services.session_resources.rotated(ref, old, token, value)
        return [new if one is old else one for one in resources]

    changed = call.services.sessions.set_resources(ref, change)
    return Answer(rendered(_chosen(call, changed.resources), ref.id))


def remove(call: Call) -> Answer:
    """Detach a resource; of a file the session's copy goes, the upload stays."""
    ref = session_ref(call)
    gone: list[Resource] = []

    def change(resources: list[Resource]) -> list[Resource]:
        gone[:] = [_chosen(call, resources)]
        return [one for one in resources if one is not gone[0]]

    call.services.sessions.set_resources(ref, change)
    call.services.attaching.forget(ref.space, gone[0])
    kind = "session_resource_deleted" if is_sdk(call.headers) else "resource_deleted"
    return Answer({"id": call.path["resource_id"], "type": kind})


_ALL = "/v1/sessions/{session_id}/resources"
_ONE = f"{_ALL}/{{resource_id}}"
_TAGS = ("sessions",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        add,
        "Attach a resource",
        scope="write",
        body=NewResource,
        answers={201: schemas.Resource},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List resources",
        query=ListQuery,
        answers={200: schemas.ResourcePage},
        errors=(400, 404),
        tags=_TAGS,
        reach=reach.own_session,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a resource",
        answers={200: schemas.Resource},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_session,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Replace a resource's secret",
        scope="write",
        body=ResourceUpdate,
        answers={200: schemas.Resource},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        remove,
        "Detach a resource",
        scope="write",
        answers={200: schemas.ResourceDeleted},
        errors=(404, 409),
        tags=_TAGS,
    ),
)
