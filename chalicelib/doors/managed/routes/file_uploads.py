"""Large files: announced here, put into storage by the client itself, and files once they are known to be whole."""

import asyncio
from typing import Any
from urllib.parse import quote

from chalicelib.core.clock import now_ms
from chalicelib.doors.managed.file_drafts import draft_of
from chalicelib.doors.managed.refs import path_id, ref_of
from chalicelib.doors.managed.render import file_uploads as render
from chalicelib.doors.managed.render.files import file as file_shown
from chalicelib.doors.managed.schemas import file_uploads as schemas
from chalicelib.doors.managed.schemas.files import FileAnswer
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.files.model import guessed_type
from chalicelib.http.browser import own_address_of
from chalicelib.http.route import MIB, Answer, Call, Route
from chalicelib.storage.keys import Space
from chalicelib.uploads.errors import UploadNotFound
from chalicelib.uploads.model import MOST_AT_ONCE, FileUpload, UploadDraft
from chalicelib.uploads.receiving import Receiving

_ref = ref_of("upload", "upload_id", UploadNotFound)


def create(call: Call) -> Answer:
    """Announce a file; the answer tells where its content goes."""
    body: schemas.FileUploadCreate = call.body
    file = draft_of(body.filename, body.media_type or guessed_type(body.filename), body)
    space = Space(call.principal.tenant)
    draft = UploadDraft(file, body.size_bytes, body.sha256)
    return _created(call, call.services.uploads.service.begin(space, draft, call.seed))


def _created(call: Call, stored: FileUpload) -> Answer:
    return Answer(render.upload(stored, _url(call, stored)), 201, kept={"id": stored.id})


def _url(call: Call, stored: FileUpload) -> str | None:
    if stored.status != "pending" or stored.url_until <= now_ms():
        return None

    def here(token: str) -> str:
        path = _CONTENT.replace("{upload_id}", render.name(stored.id))
        return f"{own_address_of(call)}{path}?token={quote(token)}"

    return call.services.uploads.place.url(Space(call.principal.tenant), stored, here)


def create_again(call: Call, kept: Any) -> Answer:
    """The answer to a repeat: a URL is not kept, for it is a key to what lies behind it."""
    space = Space(call.principal.tenant)
    return _created(call, call.services.uploads.service.get(space, kept["id"]))


def retrieve(call: Call) -> Answer:
    """One upload, without the URL."""
    return Answer(render.upload(call.services.uploads.service.get(*_ref(call))))


def complete(call: Call) -> Answer:
    """The file, once its content is there and is what was announced."""
    return Answer(file_shown(call.services.uploads.service.complete(*_ref(call))))


def delete(call: Call) -> Answer:
    """Give an upload up."""
    space, upload_id = _ref(call)
    call.services.uploads.service.delete(space, upload_id)
    return Answer({"id": render.name(upload_id), "type": "file_upload_deleted"})


async def put_content(call: Call) -> Answer:
    """Take the content, where no other place does."""
    query: schemas.ContentQuery = call.query
    upload_id = path_id(call, "upload", "upload_id", UploadNotFound)
    reception = call.services.uploads.reception
    receiving = await asyncio.to_thread(reception.receive, upload_id, query.token, call.headers)
    try:
        await _take(call, receiving)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(receiving.abort))
        raise
    return Answer(None, 200)


async def _take(call: Call, receiving: Receiving) -> None:
    if call.request is None:
        raise RuntimeError("an upload needs the request itself")
    held = bytearray()
    async for piece in call.request.stream():
        held += piece
        if len(held) >= MIB:
            await asyncio.to_thread(receiving.write, bytes(held))
            held.clear()
    await asyncio.to_thread(receiving.write, bytes(held))
    await asyncio.to_thread(receiving.close)


_ALL = "/v1/files/uploads"
_ONE = f"{_ALL}/{{upload_id}}"
_CONTENT = f"{_ONE}/content"
_TAGS = ("files",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        create,
        "Begin to upload a large file",
        scope="write",
        body=schemas.FileUploadCreate,
        answers={201: schemas.FileUploadAnswer},
        errors=(404, 409, 413),
        limit="upload",
        recall=create_again,
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve an upload",
        answers={200: schemas.FileUploadAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/complete",
        complete,
        "Make an uploaded content a file",
        scope="write",
        answers={200: FileAnswer},
        errors=(400, 404, 409, 413),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Give up an upload",
        scope="write",
        answers={200: Deleted},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("PUT",),
        _CONTENT,
        put_content,
        "Bring the content of an upload, under the URL its creation tells",
        scope=None,
        query=schemas.ContentQuery,
        answers={200: None},
        errors=(400, 403, 404, 412, 413),
        raw=True,
        body_limit=MOST_AT_ONCE,
        tags=_TAGS,
    ),
)
