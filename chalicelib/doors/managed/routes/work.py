"""The work queue of a self-hosted environment, as its workers use it, and their keys."""

from chalicelib.doors.managed import lists, reach
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import environment_ref, path_id
from chalicelib.doors.managed.render import work as render
from chalicelib.doors.managed.schemas import work as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.environments.config import SelfHostedConfig
from chalicelib.environments.work.errors import EnvironmentKeyNotFound, NotSelfHosted, WorkNotFound
from chalicelib.environments.work.polling import next_offer
from chalicelib.environments.work.service import RECLAIM_MS
from chalicelib.events.tail import threaded
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space

_LISTING = lists.Listing("work")
_MOST_WORKER_ID = 256


def _place(call: Call) -> tuple[Space, str]:
    """Tenant and environment. Raises EnvironmentNotFound, NotSelfHosted."""
    space, environment = environment_ref(call)
    # The keys of workers exist only for environments that have been looked at.
    if call.principal.bound is None:
        found = call.services.environments.get(space, environment)
        if not isinstance(found.config, SelfHostedConfig):
            raise NotSelfHosted
    return space, environment


def _item(call: Call) -> tuple[Space, str, str]:
    return (*_place(call), path_id(call, "work", "work_id", WorkNotFound))


async def poll(call: Call) -> Answer:
    """The next item, for this worker alone; null when nothing waits."""
    query: schemas.PollQuery = call.query
    services = call.services
    space, environment = await threaded(lambda: _asked(call))
    found = await next_offer(
        services.work,
        services.hub,
        space,
        environment,
        block_ms=query.block_ms or 0,
        reclaim_ms=query.reclaim_older_than_ms or RECLAIM_MS,
    )
    return Answer(b"null") if found is None else Answer(render.offer(found))


def _asked(call: Call) -> tuple[Space, str]:
    place = _place(call)
    if worker := call.headers.get("anthropic-worker-id", "")[:_MOST_WORKER_ID]:
        call.services.work.note_worker(*place, worker)
    return place


def ack(call: Call) -> Answer:
    """The worker has the item."""
    return Answer(render.work(call.services.work.ack(*_item(call), call.principal.bound)))


def heartbeat(call: Call) -> Answer:
    """The worker lives; its lease is prolonged."""
    query: schemas.HeartbeatQuery = call.query
    outcome = call.services.work.heartbeat(
        *_item(call), call.principal.bound, query.expected_last_heartbeat, query.desired_ttl_seconds
    )
    return Answer(render.beat(outcome))


def stop(call: Call) -> Answer:
    """Ask the worker to finish, or end the item at once."""
    force = bool(call.body.force)
    return Answer(render.work(call.services.work.stop(*_item(call), call.principal.bound, force=force)))


def retrieve(call: Call) -> Answer:
    """One item."""
    return Answer(render.work(call.services.work.get(*_item(call))))


def update(call: Call) -> Answer:
    """Change an item's metadata."""
    blank_removes = not is_sdk(call.headers)
    patch = call.body.metadata or {}
    return Answer(render.work(call.services.work.update(*_item(call), patch, blank_removes=blank_removes)))


def list_(call: Call) -> Answer:
    """Items, newest first."""
    found = call.services.work.page(*_place(call), lists.window(call, _LISTING, call.query))
    return Answer(lists.page([render.work(item) for item in found.items], lists.cursor(call, _LISTING, found.next)))


def stats(call: Call) -> Answer:
    """How full the queue is and who serves it."""
    return Answer(render.stats(call.services.work.stats(*_place(call))))


def create_key(call: Call) -> Answer:
    """Make a key for the environment's workers."""
    made, secret = call.services.worker_credentials.keys.mint(*_place(call), call.body.name)
    return Answer(render.key(made) | {"key": secret}, 201)


def list_keys(call: Call) -> Answer:
    """All keys of the environment, newest first."""
    keys = call.services.worker_credentials.keys.all(*_place(call))
    return Answer(lists.page([render.key(key) for key in keys], None))


def delete_key(call: Call) -> Answer:
    """Make a key worthless, at once."""
    place, key_id = _place(call), path_id(call, "envkey", "key_id", EnvironmentKeyNotFound)
    call.services.worker_credentials.revoke(*place, key_id)
    return Answer({"id": render.key_name(key_id), "type": "environment_key_deleted"})


_WORK = "/v1/environments/{environment_id}/work"
_ONE = f"{_WORK}/{{work_id}}"
_KEYS = "/v1/environments/{environment_id}/keys"
_TAGS = ("work",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("GET",),
        f"{_WORK}/poll",
        poll,
        "Ask for work",
        scope="write",
        query=schemas.PollQuery,
        answers={200: schemas.PollAnswer},
        errors=(400, 404),
        tags=_TAGS,
        reach=reach.own_environment,
    ),
    Route(
        ("GET",),
        f"{_WORK}/stats",
        stats,
        "Look at the queue",
        answers={200: schemas.WorkStats},
        errors=(400, 404),
        tags=_TAGS,
        reach=reach.own_environment,
    ),
    Route(
        ("GET",),
        _WORK,
        list_,
        "List work items",
        query=schemas.WorkListQuery,
        answers={200: schemas.WorkPage},
        errors=(400, 404),
        tags=_TAGS,
        reach=reach.own_environment,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a work item",
        answers={200: schemas.WorkAnswer},
        errors=(400, 404),
        tags=_TAGS,
        reach=reach.own_work,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a work item",
        scope="write",
        body=schemas.UpdateWork,
        answers={200: schemas.WorkAnswer},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_work,
    ),
    Route(
        ("POST",),
        f"{_ONE}/ack",
        ack,
        "Acknowledge a work item",
        scope="write",
        answers={200: schemas.WorkAnswer},
        errors=(404, 409, 412),
        tags=_TAGS,
        reach=reach.own_work,
    ),
    Route(
        ("POST",),
        f"{_ONE}/heartbeat",
        heartbeat,
        "Prolong the lease of a work item",
        scope="write",
        query=schemas.HeartbeatQuery,
        answers={200: schemas.Heartbeat},
        errors=(404, 412),
        tags=_TAGS,
        reach=reach.own_work,
    ),
    Route(
        ("POST",),
        f"{_ONE}/stop",
        stop,
        "Stop a work item",
        scope="write",
        body=schemas.StopWork,
        answers={200: schemas.WorkAnswer},
        errors=(404, 409),
        tags=_TAGS,
        reach=reach.own_work,
    ),
    Route(
        ("POST",),
        _KEYS,
        create_key,
        "Create an environment key",
        scope="keys",
        body=schemas.EnvironmentKeyCreate,
        answers={201: schemas.NewEnvironmentKey},
        errors=(404,),
        sealed=True,
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _KEYS,
        list_keys,
        "List environment keys",
        scope="keys",
        answers={200: schemas.EnvironmentKeyPage},
        errors=(400, 404),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        f"{_KEYS}/{{key_id}}",
        delete_key,
        "Revoke an environment key",
        scope="keys",
        answers={200: Deleted},
        errors=(400, 404),
        tags=_TAGS,
    ),
)
