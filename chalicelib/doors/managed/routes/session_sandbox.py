"""A session's sandbox: commands, and the files its agent left."""

from typing import TYPE_CHECKING

from chalicelib.core.clock import iso
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id
from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render import files as render_files
from chalicelib.doors.managed.schemas import files as file_schemas
from chalicelib.doors.managed.schemas import session_sandbox as schemas
from chalicelib.files.model import FileDraft, guessed_type
from chalicelib.http.attachments import attachment
from chalicelib.http.route import Answer, Call, Download, Route

if TYPE_CHECKING:
    from chalicelib.sandbox.sessions.bench import Shelf

_NS = 1_000_000


def execute(call: Call) -> Answer:
    """Run a command."""
    from chalicelib.sandbox.sessions.bench import execute as run

    ref = session_ref(call)
    session = call.services.sessions.get(ref)
    if session.head.ended:
        raise InvalidRequest("the session is archived or terminated")
    sandbox = call.services.sandbox_of(ref, session.spec)
    if sandbox is None:
        raise InvalidRequest("the sandbox of this session is run by a worker of the environment")
    done = run(sandbox, call.body.command, call.body.timeout_ms)
    return Answer({"exit_code": done.exit_code, "output": done.output, "truncated": done.truncated})


def _shelf(call: Call) -> "Shelf":
    from chalicelib.sandbox.sessions.bench import Shelf

    ref, services = session_ref(call), call.services
    services.sessions.get(ref)
    return Shelf(services.sandboxes, services.workspaces, services.files, ref.space, ref.id)


def publish(call: Call) -> Answer:
    """Make a file of the sandbox a file object of the session."""
    body, ref = call.body, session_ref(call)
    name = body.filename or body.path.rsplit("/", 1)[-1]
    draft = FileDraft(name, body.media_type or "", "agent", body.downloadable, ref.id)
    chosen = None if call.seed is None else derive_id("file", call.principal.tenant, call.seed)
    return Answer(render_files.file(_shelf(call).publish(body.path, draft, chosen)), 201)


def list_outputs(call: Call) -> Answer:
    """The files in the folder of outputs."""
    shown = [
        {
            "filename": name,
            "size_bytes": entry.size,
            "media_type": guessed_type(name),
            "modified_at": iso(entry.mtime // _NS),
        }
        for name, entry in _shelf(call).outputs()
    ]
    return Answer({"data": shown, "has_more": False})


def get_output(call: Call) -> Download:
    """The content of an output."""
    name = call.path["filename"]
    entry, pieces = _shelf(call).output(name)
    return Download(pieces, guessed_type(name), attachment(name.rsplit("/", 1)[-1], entry.size))


_ONE = "/v1/sessions/{session_id}"
_TAGS = ("sessions",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        f"{_ONE}/exec",
        execute,
        "Run a command in the sandbox",
        scope="write",
        body=schemas.Command,
        answers={200: schemas.CommandResult},
        errors=(404, 503),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/files",
        publish,
        "Make a file of the sandbox a file object",
        scope="write",
        body=schemas.Publication,
        answers={201: file_schemas.FileAnswer},
        errors=(404, 413, 503),
        limit="upload",
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/outputs",
        list_outputs,
        "List outputs",
        answers={200: schemas.Outputs},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/outputs/{{filename:path}}",
        get_output,
        "Download an output",
        answers={200: "application/octet-stream"},
        errors=(400, 404),
        tags=_TAGS,
    ),
)
