"""Evaluation runs: tasks given to an agent, each tried in sessions of its own."""

from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id, named_id, undress
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import ref_of
from chalicelib.doors.managed.render import evals as render
from chalicelib.doors.managed.schemas import evals as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.evals.errors import EvalRunNotFound
from chalicelib.evals.service import RunFilter
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space

_SIZES = (100, 1000)
_LISTING = lists.Listing("evals", plain=_SIZES, sdk=_SIZES)
_STATES = ("pending", "running", "completed", "failed")
_NOBODY = "none"
_ref = ref_of("evrun", "eval_id", EvalRunNotFound)


def create(call: Call) -> Answer:
    """Have an agent try tasks; the run goes on by itself."""
    return Answer(_created(call), 201)


def create_run(call: Call) -> Answer:
    """The same under its older name."""
    return Answer(_created(call))


def _created(call: Call) -> dict[str, Any]:
    body: schemas.EvalCreate = call.body
    space = Space(call.principal.tenant)
    named = named_id("agent", body.agent_id, "agent_id", "agent")
    place = named_id("env", body.environment_id, "environment_id", "environment")
    own_id = None if call.seed is None else derive_id("eval-run", space.tenant, call.seed)
    made = call.services.evals.service.create(space, named, place, [one.task() for one in body.tasks], own_id)
    return {"id": render.name(made.id), "run_id": render.name(made.id), "task_count": len(made.tasks)}


def list_(call: Call) -> Answer:
    """Runs, newest first."""
    query: schemas.EvalQuery = call.query
    if query.status is not None and query.status not in _STATES:
        raise InvalidRequest(f"status: must be one of {', '.join(_STATES)}", field="status", code="invalid_status")
    wanted = RunFilter(
        status=query.status,
        agent_id=undress("agent", query.agent_id) or _NOBODY if query.agent_id else None,
        environment_id=undress("env", query.environment_id) or _NOBODY if query.environment_id else None,
    )
    space = Space(call.principal.tenant)
    found = call.services.evals.service.page(space, lists.window(call, _LISTING, query), wanted)
    return Answer(lists.page([render.run(one) for one in found.items], lists.cursor(call, _LISTING, found.next)))


def retrieve(call: Call) -> Answer:
    """One run with all its trials."""
    return Answer(render.run(call.services.evals.service.get(*_ref(call))))


def delete(call: Call) -> Answer:
    """Remove a run; what it has under way is stopped, its sessions stay."""
    space, run_id = _ref(call)
    call.services.evals.service.delete(space, run_id)
    return Answer({"type": "eval_run_deleted", "id": render.name(run_id)})


_TAGS = ("evals",)


def _create(path: str, handler: Any, status: int) -> Route:
    return Route(
        ("POST",),
        path,
        handler,
        "Create an eval run",
        scope="write",
        body=schemas.EvalCreate,
        answers={status: schemas.EvalStarted},
        errors=(404,),
        tags=_TAGS,
    )


def _list(path: str) -> Route:
    answers = {200: schemas.EvalPage}
    query = schemas.EvalQuery
    return Route(("GET",), path, list_, "List eval runs", query=query, answers=answers, errors=(400,), tags=_TAGS)


def _one(path: str) -> tuple[Route, Route]:
    get = Route(
        ("GET",), path, retrieve, "Retrieve an eval run", answers={200: schemas.EvalAnswer}, errors=(404,), tags=_TAGS
    )
    gone = Route(
        ("DELETE",),
        path,
        delete,
        "Delete an eval run",
        scope="write",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    )
    return get, gone


ROUTES: tuple[Route, ...] = (
    _create("/v1/evals", create, 201),
    _list("/v1/evals"),
    _create("/v1/evals/runs", create_run, 200),
    _list("/v1/evals/runs"),
    *_one("/v1/evals/{eval_id}"),
    *_one("/v1/evals/runs/{eval_id}"),
)
