"""Artifacts: the files that a session's turns left."""

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import dress
from chalicelib.doors.openai import lists
from chalicelib.doors.openai.beta import both_bases
from chalicelib.doors.openai.common import core_of, demanded, session_ref, space_of
from chalicelib.doors.openai.reading import History
from chalicelib.doors.openai.render import places as render
from chalicelib.doors.openai.schemas import places as schemas
from chalicelib.events.log import SessionRef
from chalicelib.files.model import File
from chalicelib.http.attachments import attachment
from chalicelib.http.route import Answer, Call, Download, Route
from chalicelib.storage.keys import list_sk


def _session(call: Call) -> SessionRef:
    ref = session_ref(call)
    call.services.session_store.load(ref)
    return ref


def _file(call: Call, ref: SessionRef, text: str) -> File:
    """The file behind an artifact. Raises NotFound for one of another session too."""
    found = call.services.files.find_many(ref.space, [demanded("artifact", text, "artifact")])
    if not found or found[0].session_id != ref.id or found[0].maker != "agent":
        raise NotFound("the session has no such artifact")
    return found[0]


def _run_of(call: Call, ref: SessionRef, made_at: int) -> str:
    """The turn at work when a file was made, or the last one before."""
    newest = ""
    for turn in History(call.services.log, ref).turns("desc"):
        newest = turn.id
        if turn.created_at <= made_at:
            break
    return newest or ref.id


def list_(call: Call) -> Answer:
    """The session's artifacts, newest first unless asked otherwise."""
    query: schemas.ArtifactListQuery = call.query
    ref, position = _session(call), None
    if query.environment_id is not None and core_of("env", query.environment_id) != ref.id:
        return Answer(lists.page([], more=False))
    if query.after is not None:
        before = _file(call, ref, query.after)
        position = list_sk(before.created_at, before.id)
    found = call.services.files.page(ref.space, lists.window(query, position), ref.id)
    made = [one for one in found.items if one.maker == "agent"]
    data = [render.artifact(one, ref.id, _run_of(call, ref, one.created_at)) for one in made]
    return Answer(lists.page(data, more=found.next is not None))


def retrieve(call: Call) -> Answer:
    """One artifact."""
    ref = _session(call)
    found = _file(call, ref, call.path["artifact_id"])
    return Answer(render.artifact(found, ref.id, _run_of(call, ref, found.created_at)))


def content(call: Call) -> Download:
    """An artifact's bytes."""
    found = _file(call, _session(call), call.path["artifact_id"])
    file, pieces = call.services.files.content(space_of(call), found.id)
    return Download(pieces, file.media_type, attachment(file.filename, file.size))


def delete(call: Call) -> Answer:
    """Remove an artifact."""
    found = _file(call, _session(call), call.path["artifact_id"])
    call.services.files.delete(space_of(call), found.id)
    return Answer(lists.deleted(dress("artifact", found.id), "agent.session.artifact"))


_ALL = "/openai/v1/agents/sessions/{session_id}/artifacts"
_ONE = f"{_ALL}/{{artifact_id}}"
_TAGS = ("openai sessions",)
ROUTES: tuple[Route, ...] = both_bases(
    Route(
        ("GET",),
        _ALL,
        list_,
        "List a session's artifacts",
        query=schemas.ArtifactListQuery,
        answers={200: lists.Listed},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(("GET",), _ONE, retrieve, "Retrieve an artifact", answers={200: schemas.Artifact}, errors=(404,), tags=_TAGS),
    Route(
        ("GET",),
        f"{_ONE}/content",
        content,
        "Download an artifact",
        answers={200: "application/octet-stream"},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete an artifact",
        scope="write",
        answers={200: lists.Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
