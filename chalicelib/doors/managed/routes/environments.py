"""Environments."""

from chalicelib.core.ids import derive_id
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.policies import environment_policy_of
from chalicelib.doors.managed.refs import environment_ref
from chalicelib.doors.managed.render import environments as render
from chalicelib.doors.managed.schemas import environments as schemas
from chalicelib.doors.managed.schemas.lists import ArchiveQuery, Deleted
from chalicelib.environments.draft import EnvironmentCreate, EnvironmentUpdate
from chalicelib.environments.service import EnvironmentFilter
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space

_LISTING = lists.Listing("environments")


def _space(call: Call) -> Space:
    return Space(call.principal.tenant)


def create(call: Call) -> Answer:
    """Make an environment."""
    key = call.seed
    env_id = None if key is None else derive_id("environment", call.principal.tenant, key)
    made = call.services.environments.create(_space(call), call.body, environment_policy_of(call.headers), env_id)
    return Answer(render.environment(made), 201)


def list_(call: Call) -> Answer:
    """Environments, newest first."""
    query: ArchiveQuery = call.query
    active, archived = lists.shown_states(call, query, plain_shows_archived=True)
    wanted = EnvironmentFilter(active, archived, (query.q or "").strip())
    found = call.services.environments.page(_space(call), lists.window(call, _LISTING, query), wanted)
    data = [render.environment(environment) for environment in found.items]
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next)))


def retrieve(call: Call) -> Answer:
    """One environment."""
    return Answer(render.environment(call.services.environments.get(*environment_ref(call))))


def update(call: Call) -> Answer:
    """Change an environment; parts of ``config`` that are not sent stay."""
    policy = environment_policy_of(call.headers)
    changed = call.services.environments.update(*environment_ref(call), call.body, policy)
    return Answer(render.environment(changed))


def archive(call: Call) -> Answer:
    """Archive an environment for good; its sessions go on."""
    return Answer(render.environment(call.services.environments.archive(*environment_ref(call))))


def delete(call: Call) -> Answer:
    """Remove an environment that nothing uses."""
    space, env_id = environment_ref(call)
    call.services.environments.delete(space, env_id)
    return Answer({"id": render.name(env_id), "type": "environment_deleted"})


_ONE = "/v1/environments/{environment_id}"
_TAGS = ("environments",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/environments",
        create,
        "Create an environment",
        scope="write",
        body=EnvironmentCreate,
        answers={201: schemas.EnvironmentAnswer},
        errors=(409,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/environments",
        list_,
        "List environments",
        query=ArchiveQuery,
        answers={200: schemas.EnvironmentPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve an environment",
        answers={200: schemas.EnvironmentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update an environment",
        scope="write",
        body=EnvironmentUpdate,
        answers={200: schemas.EnvironmentAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/archive",
        archive,
        "Archive an environment",
        scope="write",
        answers={200: schemas.EnvironmentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete an environment",
        scope="write",
        answers={200: Deleted},
        errors=(404, 409),
        tags=_TAGS,
    ),
)
