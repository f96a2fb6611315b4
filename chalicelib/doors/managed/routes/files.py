"""Files: upload, list, read, remove."""

import asyncio
import base64
import binascii
from typing import Any

from chalicelib.core.errors import InvalidRequest, TooLarge
from chalicelib.core.ids import derive_id, undress
from chalicelib.core.numbers import whole
from chalicelib.doors.managed import lists, reach
from chalicelib.doors.managed.file_drafts import draft_of, session_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import path_id
from chalicelib.doors.managed.render import files as render
from chalicelib.doors.managed.schemas import files as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.doors.managed.uploads import FormReader, collect
from chalicelib.files.errors import FileNotFound
from chalicelib.files.model import File, guessed_type
from chalicelib.files.service import Upload
from chalicelib.http.bodies import parse_object
from chalicelib.http.idempotent import key_of
from chalicelib.http.route import MIB, Answer, Call, Download, Route
from chalicelib.http.validation import validate
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window

_LISTING = lists.Listing("files", plain=(100, 1000), sdk=(20, 1000))
_PIECE = MIB
_FORM_ROOM = MIB
_JSON_LIMIT = 32 * MIB
_MOST_IDS = 100
_WIRE_LIMIT = 80 << 30
"""More than storage takes as one object; the operator's limit is checked while the content comes in."""


async def upload(call: Call) -> Answer:
    """Store a file, sent as a form or as JSON."""
    file_id = _chosen_id(call)
    if call.headers.get("content-type", "").startswith("multipart/"):
        stored = await _upload_form(call, file_id)
    else:
        stored = await _upload_json(call, file_id)
    return Answer(render.file(stored), 201)


def _chosen_id(call: Call) -> str | None:
    key = key_of(call.headers)
    return None if key is None else derive_id("file", call.principal.tenant, key)


async def _upload_form(call: Call, file_id: str | None) -> File:
    files, space = call.services.files, Space(call.principal.tenant)
    _check_announced(call, files.rules.limit_bytes)
    reader = FormReader(call.headers["content-type"])
    upload: Upload = files.begin(space, "application/octet-stream", file_id)
    try:
        async for piece in _body(call):
            reader.feed(piece)
            if len(reader.pending) >= _PIECE:
                await asyncio.to_thread(upload.incoming.write, reader.take())
        await asyncio.to_thread(upload.incoming.write, reader.take())
        form = reader.finish()
        fields = validate(schemas.FileForm, {name: text for name, text in form.fields.items() if text})
        if form.file is None:
            raise InvalidRequest("file: field required", field="file")
        draft = draft_of(form.file.filename, form.file.media_type, fields)
        return await asyncio.to_thread(files.commit, upload, draft)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(files.abandon, upload))
        raise


def _check_announced(call: Call, limit: int) -> None:
    if (whole(call.headers.get("content-length")) or 0) > limit + _FORM_ROOM:
        raise TooLarge(f"a file may have at most {limit} bytes", details={"limit_bytes": limit})


def _body(call: Call) -> Any:
    if call.request is None:
        raise RuntimeError("an upload needs the request itself")
    return call.request.stream()


async def _upload_json(call: Call, file_id: str | None) -> File:
    raw = bytearray()
    await collect(_body(call), _JSON_LIMIT, raw.extend)
    return await asyncio.to_thread(_store_json, call, bytes(raw), file_id)


def _store_json(call: Call, raw: bytes, file_id: str | None) -> File:
    body = validate(schemas.JsonUpload, parse_object(raw))
    media_type = body.media_type or guessed_type(body.filename)
    draft = draft_of(body.filename, media_type, body)
    data = _decoded(body.content, body.encoding or ("utf8" if media_type.startswith("text/") else "base64"))
    return call.services.files.create_from_bytes(Space(call.principal.tenant), draft, data, file_id)


def _decoded(content: str, encoding: str) -> bytes:
    if encoding == "utf8":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("content: not valid base64", field="content") from error


def _file_id(call: Call) -> str:
    return path_id(call, "file", "file_id", FileNotFound)


def list_(call: Call) -> Answer:
    """Files, newest first unless asked otherwise."""
    query: schemas.FileListQuery = call.query
    space = Space(call.principal.tenant)
    if query.ids:
        return Answer(_by_ids(call, space, query))
    session_id = None
    if query.scope_id is not None:
        session_id = session_of(query.scope_id)
        if session_id is None:
            return Answer(lists.page([], None))
    back, window = _window(call, space, query)
    found = call.services.files.page(space, window, session_id)
    items = found.items[::-1] if back else found.items
    data = [render.file(file) for file in items]
    if back:
        return Answer(lists.page(data, None, has_more=found.next is not None))
    ascending = query.order == "asc"
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next, ascending=ascending)))


def _window(call: Call, space: Space, query: schemas.FileListQuery) -> tuple[bool, Window]:
    """Whether the page is read backwards, and the part of the list it takes."""
    ascending = query.order == "asc"
    window = lists.window(call, _LISTING, query, ascending=ascending)
    anchor = query.after_id or query.before_id
    if query.page or not anchor:
        return False, window
    position = call.services.files.position(space, undress("file", anchor) or "none")
    if position is None:
        name = "after_id" if query.after_id else "before_id"
        if is_sdk(call.headers):
            raise InvalidRequest(f"{name}: no such file", field=name)
        return False, window
    back = not query.after_id
    bounds = (window.created_from, window.created_to)
    return back, Window(window.limit, position, *bounds, ascending != back)


def _by_ids(call: Call, space: Space, query: schemas.FileListQuery) -> dict[str, Any]:
    if query.page or query.limit:
        raise InvalidRequest("ids: cannot be combined with page or limit", field="ids")
    texts = dict.fromkeys(query.ids or [])
    if len(texts) > _MOST_IDS:
        raise InvalidRequest(f"ids: at most {_MOST_IDS}", field="ids")
    wanted = dict.fromkeys(undress("file", text) for text in texts)
    found = call.services.files.find_many(space, [core_id for core_id in wanted if core_id])
    found.sort(key=lambda file: (file.created_at, file.id), reverse=True)
    return lists.page([render.file(file) for file in found], None)


def retrieve(call: Call) -> Answer | Download:
    """What is known of the file, or its bytes: SDKs and those who accept JSON get the former."""
    query: schemas.FileQuery = call.query
    accepts_json = "application/json" in call.headers.get("accept", "")
    known = query.metadata or (query.metadata is None and (is_sdk(call.headers) or accepts_json))
    if query.download or not known:
        return _download(call, documented=True)
    return Answer(render.file(call.services.files.get(Space(call.principal.tenant), _file_id(call))))


def content(call: Call) -> Download:
    """The file's bytes."""
    return _download(call, documented=False)


def _download(call: Call, *, documented: bool) -> Download:
    """``documented``: a file that was uploaded into a session is not held back."""
    files, space, file_id = call.services.files, Space(call.principal.tenant), _file_id(call)
    held = not documented or files.get(space, file_id).session_id is None
    file, pieces = files.content(space, file_id, even_held_back=not held)
    return Download(pieces, file.media_type, render.download_headers(file))


def delete(call: Call) -> Answer:
    """Remove the file and its bytes."""
    file_id = _file_id(call)
    call.services.files.delete(Space(call.principal.tenant), file_id)
    return Answer({"id": render.name(file_id), "type": "file_deleted"})


_ONE = "/v1/files/{file_id}"
_BYTES = "*/*"
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/files",
        upload,
        "Upload a file",
        scope="write",
        body=schemas.JsonUpload,
        answers={201: schemas.FileAnswer},
        errors=(404, 409, 413, 415),
        raw=True,
        raw_media=("multipart/form-data", "application/json"),
        limit="upload",
        body_limit=_WIRE_LIMIT,
        tags=("files",),
    ),
    Route(
        ("GET",),
        "/v1/files",
        list_,
        "List files",
        query=schemas.FileListQuery,
        answers={200: schemas.FilePage},
        errors=(400,),
        tags=("files",),
        reach=reach.own_files,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a file's metadata, or download it",
        query=schemas.FileQuery,
        answers={200: (schemas.FileAnswer, _BYTES)},
        errors=(400, 403, 404),
        tags=("files",),
        reach=reach.own_file,
    ),
    Route(
        ("GET",),
        f"{_ONE}/content",
        content,
        "Download a file",
        answers={200: _BYTES},
        errors=(400, 403, 404),
        tags=("files",),
        reach=reach.own_file,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a file",
        scope="write",
        answers={200: Deleted},
        errors=(404,),
        tags=("files",),
    ),
)
