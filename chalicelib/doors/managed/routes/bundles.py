"""Sessions as bundles: written out while they are downloaded, read in from a form or an uploaded file."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import IO, Any

from chalicelib.bundles.model import ImportWanted
from chalicelib.core.errors import TooLarge
from chalicelib.core.metadata import patched
from chalicelib.core.numbers import whole
from chalicelib.doors.managed.policies import policy_of
from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render import bundles as render
from chalicelib.doors.managed.render.sessions import name
from chalicelib.doors.managed.schemas import bundles as schemas
from chalicelib.doors.managed.uploads import FormReader, collect
from chalicelib.http.about import VERSION
from chalicelib.http.bodies import parse_object
from chalicelib.http.idempotent import key_of
from chalicelib.http.route import MIB, Answer, Call, Download, Route
from chalicelib.http.validation import validate
from chalicelib.sessions.draft import AgentChoice
from chalicelib.skills.sources import spool
from chalicelib.storage.keys import Space

_PIECE = MIB
_FORM_ROOM = MIB
_JSON_LIMIT = MIB
_WIRE_LIMIT = 80 << 30
"""More than storage takes as one object; the operator's limit is checked while the content comes in."""


def export(call: Call) -> Download:
    """The session as an archive."""
    ref = session_ref(call)
    pieces = call.services.exporter.export(ref, VERSION)
    headers = {
        "content-disposition": f'attachment; filename="{name(ref.id)}.zip"',
        "x-content-type-options": "nosniff",
    }
    return Download(pieces, "application/zip", headers)


async def import_(call: Call) -> Answer:
    """A new session made of a bundle, sent as a form or named as an uploaded file."""
    wanted_key = key_of(call.headers)
    if call.headers.get("content-type", "").startswith("multipart/"):
        sent = await _received(call)
        with sent.file:
            return await asyncio.to_thread(_read, call, sent, wanted_key)
    raw = bytearray()
    await collect(_body(call), _JSON_LIMIT, raw.extend)
    return await asyncio.to_thread(_read_uploaded, call, bytes(raw), wanted_key)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A bundle that lies on disk, with its checksum, and what was sent beside it."""

    file: IO[bytes]
    sha256: str
    options: schemas.ImportOptions


async def _received(call: Call) -> _Sent:
    most = call.services.importer.most_bytes
    if (whole(call.headers.get("content-length")) or 0) > most + _FORM_ROOM:
        raise _too_large(most)
    reader, digest = FormReader(call.headers["content-type"]), hashlib.sha256()
    file = spool()

    def keep() -> None:
        piece = reader.take()
        if file.tell() + len(piece) > most:
            raise _too_large(most)
        digest.update(piece)
        file.write(piece)

    try:
        async for piece in _body(call):
            reader.feed(piece)
            if len(reader.pending) >= _PIECE:
                await asyncio.to_thread(keep)
        await asyncio.to_thread(keep)
        fields = {name: text for name, text in reader.finish().fields.items() if text}
        return _Sent(file, digest.hexdigest(), validate(schemas.ImportOptions, fields))
    except BaseException:
        file.close()
        raise


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"a bundle may have at most {most} bytes", details={"limit_bytes": most})


def _body(call: Call) -> Any:
    if call.request is None:
        raise RuntimeError("an upload needs the request itself")
    return call.request.stream()


def _read_uploaded(call: Call, raw: bytes, key: str | None) -> Answer:
    body = validate(schemas.SessionImport, parse_object(raw))
    file, sha256 = call.services.importer.uploaded(Space(call.principal.tenant), body.file_id)
    with file:
        return _read(call, _Sent(file, sha256, body), key)


def _read(call: Call, sent: _Sent, key: str | None) -> Answer:
    options = sent.options
    metadata = None if options.metadata is None else patched({}, options.metadata, blank_removes=False)
    wanted = ImportWanted(
        agent=AgentChoice(id=options.agent) if isinstance(options.agent, str) else options.agent,
        environment_id=options.environment_id,
        title=options.title or None,
        metadata=metadata,
        vault_ids=options.vault_ids,
        policy=policy_of(call.headers),
        seed=key,
    )
    made = call.services.importer.read(Space(call.principal.tenant), sent.file, sent.sha256, wanted)
    return Answer(render.imported(made), 201)


ROUTES: tuple[Route, ...] = (
    Route(
        ("GET",),
        "/v1/sessions/{session_id}/export",
        export,
        "Export a session",
        answers={200: "application/zip"},
        errors=(404, 409),
        tags=("sessions",),
    ),
    Route(
        ("POST",),
        "/v1/sessions/import",
        import_,
        "Import a session",
        scope="write",
        body=schemas.SessionImport,
        answers={201: schemas.ImportedSession},
        errors=(400, 404, 409, 413, 415),
        raw=True,
        raw_media=("multipart/form-data", "application/json"),
        limit="upload",
        body_limit=_WIRE_LIMIT,
        tags=("sessions",),
    ),
)
