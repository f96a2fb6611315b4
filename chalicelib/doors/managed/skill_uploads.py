"""Reads skills out of requests: the body goes to disk while it comes in, and is taken apart there."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import IO

from chalicelib.core.errors import InvalidRequest, TooLarge
from chalicelib.doors.managed.schemas.skills import SkillFields, SkillFileInput, SkillInput
from chalicelib.doors.managed.uploads import MOST_FIELD_BYTES, Form, FormReader, Part, unquoted
from chalicelib.files.model import File
from chalicelib.http.bodies import parse_object
from chalicelib.http.validation import validate
from chalicelib.skills.errors import invalid
from chalicelib.skills.model import MOST_FILES, MOST_REQUEST_BYTES
from chalicelib.skills.sources import SkillDraft, Source, of_bytes, part_of, spool

_PARTS = ("files[]", "files", "file")
_MOST_PARTS = MOST_FILES + 100
_PIECE = 1 << 20


async def spooled(pieces: AsyncIterator[bytes]) -> IO[bytes]:
    """A body on disk; the caller closes it. Raises TooLarge."""
    target, held = spool(), bytearray()
    taken = 0
    try:
        async for piece in pieces:
            taken += len(piece)
            if taken > MOST_REQUEST_BYTES:
                raise TooLarge(f"the body is larger than {MOST_REQUEST_BYTES} bytes")
            held += piece
            if len(held) >= _PIECE:
                await asyncio.to_thread(target.write, bytes(held))
                held.clear()
        target.write(held)
    except BaseException:
        target.close()
        raise
    return target


@contextmanager
def from_form(body: IO[bytes], content_type: str) -> Iterator[SkillDraft]:
    """The skill in a form, whose files can be read while the context lasts. Raises InvalidRequest, TooLarge."""
    with spool() as content:
        reader = _SkillForm(content_type, content)
        body.seek(0)
        while piece := body.read(_PIECE):
            reader.feed(piece)
        fields = validate(SkillFields, reader.finish().fields)
        yield _draft(fields, reader.files)


def from_json(body: IO[bytes], uploaded: Callable[[str], Source], *, archive: bool) -> SkillDraft:
    """The skill in a JSON body, or in the file it names, which ``uploaded`` finds; ``archive``: in the latter alone.

    Raises InvalidRequest and what ``uploaded`` raises.
    """
    body.seek(0)
    said = validate(SkillInput, parse_object(body.read()))
    if said.file_id is not None and said.files is not None:
        raise invalid("file_id", "cannot be combined with files")
    if said.file_id is not None:
        return _draft(said, [uploaded(said.file_id)])
    if archive:
        raise InvalidRequest("the archive must be sent as the part file of a form, or named by its file_id")
    if said.files is None:
        raise invalid("files", "field required")
    return _draft(said, [_decoded(place, one) for place, one in enumerate(said.files)])


def from_file(file: File, pieces: Callable[[], Iterator[bytes]]) -> Source:
    """An uploaded file in the place of one that is sent. Raises TooLarge."""
    if file.size > MOST_REQUEST_BYTES:
        raise TooLarge(f"file_id: the file has more than {MOST_REQUEST_BYTES} bytes", field="file_id")
    return Source(file.filename, file.size, pieces)


def _decoded(place: int, sent: SkillFileInput) -> Source:
    if sent.encoding != "base64":
        try:
            return of_bytes(sent.filename, sent.content.encode())
        except UnicodeEncodeError:
            raise invalid(f"files.{place}.content", "not UTF-8") from None
    try:
        return of_bytes(sent.filename, base64.b64decode(sent.content, validate=True))
    except (binascii.Error, ValueError):
        raise invalid(f"files.{place}.content", "not valid base64") from None


def _draft(said: SkillFields, files: list[Source]) -> SkillDraft:
    return SkillDraft(
        files,
        name=said.name or "",
        display_name=said.display_name or said.display_title or "",
        description=said.description or "",
        id=said.id or "",
    )


class _SkillForm(FormReader):
    """A form with many files, whose bytes go to ``content`` one behind the other. Other parts are passed over."""

    def __init__(self, content_type: str, content: IO[bytes]) -> None:
        super().__init__(content_type)
        self.files: list[Source] = []
        self._content = content
        self._path = ""
        self._begun_at = 0

    def finish(self) -> Form:
        """The fields. Raises InvalidRequest when the form was cut off."""
        if not self._ended:
            raise InvalidRequest("the form ends before its closing boundary")
        return self.form

    def _begin(self) -> None:
        self._part = Part()
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise invalid("files", f"a skill has at most {MOST_FILES} files")

    def _headers_finished(self) -> None:
        part = self._part
        _, options = self._options(part.headers.get(b"content-disposition", b""))
        part.field = options.get(b"name", b"").decode("utf-8", "replace")
        part.is_file = part.field in _PARTS or b"filename" in options
        self._begun_at = self._content.tell()
        try:
            self._path = unquoted(options.get(b"filename", b"").decode())
        except UnicodeDecodeError:
            raise invalid("files", "the name of a file is not UTF-8") from None

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.is_file:
            if part.field in _PARTS:
                self._content.write(data[start:end])
            return
        part.text += data[start:end]
        if len(part.text) > MOST_FIELD_BYTES:
            raise TooLarge(f"a field of a form may have at most {MOST_FIELD_BYTES} bytes")

    def _end_part(self) -> None:
        part = self._part
        if not part.is_file:
            super()._end_part()
        elif part.field in _PARTS:
            size = self._content.tell() - self._begun_at
            self.files.append(part_of(self._path, self._content, self._begun_at, size))
