"""Environments of sessions, their files, and the templates they are made from."""

from typing import Any

from chalicelib.core.errors import InvalidRequest, NotFound
from chalicelib.core.ids import undress
from chalicelib.core.paging import BadCursor, decode_cursor, encode_cursor
from chalicelib.doors.openai import lists
from chalicelib.doors.openai.beta import both_bases
from chalicelib.doors.openai.common import core_of, space_of
from chalicelib.doors.openai.opening import decoded
from chalicelib.doors.openai.places import NONE, place_id
from chalicelib.doors.openai.render import places as render
from chalicelib.doors.openai.routes.sessions import position_after, shown
from chalicelib.doors.openai.schemas import places as schemas
from chalicelib.doors.openai.schemas import sessions as session_schemas
from chalicelib.environments.errors import EnvironmentNotFound
from chalicelib.environments.model import Environment
from chalicelib.environments.service import EnvironmentFilter
from chalicelib.events.log import SessionRef
from chalicelib.http.route import Answer, Call, Route
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.model import Head, Session
from chalicelib.storage.keys import list_sk

_HOME = "/workspace"
_ACTIVE = EnvironmentFilter(active=True, archived=False)


def _session(call: Call) -> Session:
    """The session whose environment the path names. Raises NotFound, also for a session that has none."""
    core = undress("env", call.path["environment_id"])
    try:
        found = None if core is None else call.services.sessions.get(SessionRef(space_of(call), core))
    except SessionNotFound:
        found = None
    if found is None or found.head.environment_id == place_id(call.principal.tenant, NONE):
        raise NotFound("there is no such environment")
    return found


def _shown(call: Call, session: Session) -> dict[str, Any]:
    return render.environment(shown(call, session)["environment"], _status(call, session.head))


def _status(call: Call, head: Head) -> str:
    """Whether a computer is there: one is started when it is first needed, and stopped when nobody uses it."""
    from chalicelib.sandbox.errors import SandboxNotFound

    if head.self_hosted:
        return "pending"
    try:
        sandbox = call.services.sandboxes.get(space_of(call), head.id)
    except SandboxNotFound:
        return "ready"
    if sandbox.state == "paused":
        return "suspended"
    return "ready" if sandbox.computer is None else "connected"


def list_(call: Call) -> Answer:
    """Environments of sessions, newest first unless asked otherwise."""
    query: schemas.EnvironmentListQuery = call.query
    nowhere = place_id(call.principal.tenant, NONE)

    def keep(head: Head) -> bool:
        return not head.self_hosted and head.environment_id != nowhere and head.archived_at is None

    window = lists.window(query, position_after(call, query.after, "env"))
    found, more = call.services.sessions.page(space_of(call), window, keep)
    return Answer(lists.page([_shown(call, session) for session in found], more=more))


def retrieve(call: Call) -> Answer:
    """One environment."""
    return Answer(_shown(call, _session(call)))


def list_files(call: Call) -> Answer:
    """The files below a folder, as they were last stored."""
    from chalicelib.workspaces.errors import WorkspaceNotFound

    query: session_schemas.FileQuery = call.query
    session = _session(call)
    folder = (query.path or _HOME).rstrip("/") + "/"
    try:
        entries = call.services.workspaces.tree(space_of(call), session.head.id).entries
    except WorkspaceNotFound:
        entries = {}
    found = {path: entry.size for path, entry in entries.items() if path.startswith(folder) and entry.kind == "file"}
    paths = sorted(found, key=lambda path: path.split("/"), reverse=query.order == "desc")
    start = _after(call, paths, query)
    data = [render.file(session.head.id, path, found[path]) for path in paths[start : start + query.limit]]
    more = start + query.limit < len(paths)
    following = encode_cursor({"at": data[-1]["path"]}, _bound(call, query)) if more else None
    return Answer({"object": "list", "data": data, "has_more": more, "next": following})


def _after(call: Call, paths: list[str], query: session_schemas.FileQuery) -> int:
    if query.page is None:
        return 0
    try:
        at = str(decode_cursor(query.page, _bound(call, query))["at"]).split("/")
    except (BadCursor, KeyError) as error:
        raise InvalidRequest("page: the token cannot be read or belongs to another list", field="page") from error
    places = [path.split("/") for path in paths]
    return sum(place >= at if query.order == "desc" else place <= at for place in places)


def _bound(call: Call, query: session_schemas.FileQuery) -> dict[str, Any]:
    return {"environment": call.path["environment_id"], "path": query.path, "order": query.order}


def create_file(call: Call) -> Answer:
    """Put a file into the environment; it is durable when this answers."""
    from chalicelib.tools.sandboxed import put_file

    session, wanted = _session(call), call.body.root
    ref = SessionRef(space_of(call), session.head.id)
    if not wanted.path.startswith(_HOME + "/") or ".." in wanted.path.split("/"):
        raise InvalidRequest(f"path: must be absolute and below {_HOME}", field="path")
    data = _data(call, wanted)
    sandbox = call.services.sandbox_of(ref, session.spec)
    if sandbox is None:
        raise InvalidRequest("the environment is run by a worker of the application")
    try:
        path = put_file(sandbox.client(), wanted.path, data)
        sandbox.persist()
    finally:
        sandbox.release()
    return Answer(render.file(ref.id, path, len(data)))


def _data(call: Call, wanted: Any) -> bytes:
    if isinstance(wanted, session_schemas.FileInline):
        return decoded(wanted.data, "data")
    core = undress("file", wanted.file_id)
    if core is None:
        raise NotFound(f"file_id: there is no file {wanted.file_id}", field="file_id")
    return call.services.files.read(space_of(call), core)[1]


def _template(call: Call, text: str) -> Environment:
    core = core_of("tmpl", text)
    found = None if core is None else call.services.environments.get(space_of(call), core)
    if found is None or found.archived_at is not None or found.config.type != "cloud":
        raise EnvironmentNotFound
    return found


def list_templates(call: Call) -> Answer:
    """Templates, newest first unless asked otherwise."""
    query: lists.ListQuery = call.query
    position = None
    if query.after is not None:
        before = _template(call, query.after)
        position = list_sk(before.created_at, before.id)
    found = call.services.environments.page(space_of(call), lists.window(query, position), _ACTIVE)
    data = [render.template(one) for one in found.items if one.config.type == "cloud"]
    return Answer(lists.page(data, more=found.next is not None and bool(data)))


def retrieve_template(call: Call) -> Answer:
    """One template."""
    return Answer(render.template(_template(call, call.path["template_id"])))


_ALL = "/openai/v1/agents/environments"
_ONE = f"{_ALL}/{{environment_id}}"
_TEMPLATES = f"{_ALL}/templates"
_TAGS = ("openai environments",)
ROUTES: tuple[Route, ...] = both_bases(
    Route(
        ("GET",),
        _ALL,
        list_,
        "List environments of sessions",
        query=schemas.EnvironmentListQuery,
        answers={200: lists.Listed},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a session's environment",
        answers={200: schemas.EnvironmentAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/files",
        list_files,
        "List an environment's files",
        query=session_schemas.FileQuery,
        answers={200: schemas.FilePage},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/files",
        create_file,
        "Put a file into an environment",
        scope="write",
        body=schemas.NewFile,
        answers={200: schemas.FileAnswer},
        errors=(404, 503),
        limit="upload",
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _TEMPLATES,
        list_templates,
        "List templates of environments",
        query=lists.ListQuery,
        answers={200: lists.Listed},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_TEMPLATES}/{{template_id}}",
        retrieve_template,
        "Retrieve a template",
        answers={200: schemas.TemplateAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
)
