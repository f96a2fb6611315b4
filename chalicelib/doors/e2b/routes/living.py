"""How long sandboxes last: time limits, pause and resumption, the end."""

from collections.abc import Mapping

from pydantic import BaseModel

from chalicelib.doors.e2b import schemas
from chalicelib.doors.e2b.common import end_after, named, shown
from chalicelib.doors.e2b.errors import AlreadyPaused, AlreadyRunning
from chalicelib.doors.e2b.network import check_network, inbound_of, outbound_of
from chalicelib.http.route import Answer, Call, Handler, Route, Shapes
from chalicelib.sandbox.errors import SandboxNotFound

_EARLIER_SECONDS = 15


def delete(call: Call) -> Answer:
    """End a sandbox and remove its files."""
    if not call.services.sandboxes.kill(*named(call)):
        raise SandboxNotFound("there is no such sandbox")
    return Answer(None, 204)


def set_timeout(call: Call) -> Answer:
    """Let a sandbox last so many seconds from now, more or less than before."""
    body: schemas.TimeoutBody = call.body
    call.services.sandboxes.set_end(*named(call), end_after(body.timeout))
    return Answer(None, 204)


def refresh(call: Call) -> Answer:
    """Let a sandbox last at least so many seconds from now."""
    body: schemas.RefreshBody = call.body
    call.services.sandboxes.set_end(*named(call), end_after(body.duration), only_later=True)
    return Answer(None, 204)


def pause(call: Call) -> Answer:
    """Stop a sandbox where it stands."""
    body: schemas.PauseBody = call.body
    if not call.services.sandboxes.pause(*named(call), memory=body.memory is not False):
        raise AlreadyPaused("the sandbox is paused already")
    return Answer(None, 204)


def connect(call: Call) -> Answer:
    """Let a sandbox run, for at least so many seconds from now."""
    body: schemas.ConnectBody = call.body
    space, sandbox_id = named(call)
    found, was_running = call.services.sandboxes.resume(
        space, sandbox_id, end_at=end_after(body.timeout), memory=body.memory is not False
    )
    return Answer(shown(call, found), 200 if was_running else 201)


def resume(call: Call) -> Answer:
    """Let a paused sandbox go on."""
    body: schemas.ConnectBody = call.body
    found, was_running = call.services.sandboxes.resume(*named(call), end_at=end_after(body.timeout, _EARLIER_SECONDS))
    if was_running:
        raise AlreadyRunning("the sandbox is running already")
    return Answer(shown(call, found), 201)


def set_network(call: Call) -> Answer:
    """Replace the rules for what a sandbox reaches; those for its visitors stay."""
    body: schemas.NetworkBody = call.body
    rules = body.model_extra or {}
    check_network(rules)
    space, sandbox_id = named(call)
    network = inbound_of(call.services.sandboxes.get(space, sandbox_id).network) | outbound_of(rules)
    call.services.sandboxes.set_network(space, sandbox_id, body.allow_internet_access, network)
    return Answer(None, 204)


_ONE = "/sandboxes/{sandbox_id}"
_TAGS = ("sandboxes",)
_SANDBOX, _CONNECT = schemas.SandboxAnswer, schemas.ConnectBody
_RUNS: Mapping[int, Shapes] = {200: _SANDBOX, 201: _SANDBOX}


def _post(
    path: str, handler: Handler, summary: str, body: type[BaseModel], answers: Mapping[int, Shapes], *errors: int
) -> Route:
    return Route(
        ("POST",),
        path,
        handler,
        summary,
        scope="write",
        body=body,
        answers=answers,
        errors=errors,
        tags=_TAGS,
        sealed=True,
    )


ROUTES: tuple[Route, ...] = (
    Route(("DELETE",), _ONE, delete, "End a sandbox", scope="write", answers={204: None}, tags=_TAGS),
    Route(
        ("PUT",),
        f"{_ONE}/network",
        set_network,
        "Change what a sandbox reaches",
        scope="write",
        body=schemas.NetworkBody,
        body_limit=64 << 10,
        answers={204: None},
        errors=(409,),
        tags=_TAGS,
    ),
    _post(f"{_ONE}/timeout", set_timeout, "Set when a sandbox ends", schemas.TimeoutBody, {204: None}),
    _post(f"{_ONE}/refreshes", refresh, "Let a sandbox last longer", schemas.RefreshBody, {204: None}),
    _post(f"{_ONE}/pause", pause, "Pause a sandbox", schemas.PauseBody, {204: None}, 409),
    _post(f"/v2{_ONE}/connect", connect, "Let a sandbox run", _CONNECT, _RUNS),
    _post(f"{_ONE}/connect", connect, "Let a sandbox run (earlier clients)", _CONNECT, _RUNS),
    _post(f"{_ONE}/resume", resume, "Resume a paused sandbox (earlier clients)", _CONNECT, {201: _SANDBOX}, 409),
)
