"""Reads an upload while it comes in: a form's file goes to storage piece by piece, its fields are collected."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.core.errors import InvalidRequest, TooLarge

if TYPE_CHECKING:
    pass

MOST_FIELD_BYTES = 64 << 10
MOST_PARTS = 64


@dataclass(slots=True)
class Sent:
    """The head of the file part: its name and type as the client wrote them."""

    filename: str
    media_type: str


@dataclass(slots=True)
class Form:
    """What a form holds besides the file's bytes."""

    fields: dict[str, str] = field(default_factory=dict)
    file: Sent | None = None


class Part:
    """The part being read."""

    def __init__(self) -> None:
        self.header_name = b""
        self.header_value = b""
        self.headers: dict[bytes, bytes] = {}
        self.field = ""
        self.is_file = False
        self.text = bytearray()


class FormReader:
    """Feeds pieces of a body to the parser. File bytes collect in ``pending`` until the caller takes them."""

    def __init__(self, content_type: str) -> None:
        """Raises InvalidRequest without a boundary."""
        from python_multipart.multipart import MultipartParser, parse_options_header

        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise InvalidRequest("content-type: a form needs a boundary")
        self.form = Form()
        self.pending = bytearray()
        self._options = parse_options_header
        self._part = Part()
        self._parts = 0
        self._ended = False
        self._parser: MultipartParser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> None:
        """Read a piece. Raises InvalidRequest, TooLarge."""
        from python_multipart.exceptions import FormParserError

        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise InvalidRequest(f"the form cannot be read: {error}") from error

    def finish(self) -> Form:
        """The whole form. Raises InvalidRequest when it was cut off or holds no file."""
        if not self._ended:
            raise InvalidRequest("the form ends before its closing boundary")
        if self.form.file is None:
            raise InvalidRequest("file: field required", field="file")
        return self.form

    def take(self) -> bytes:
        """The file bytes collected so far."""
        data = bytes(self.pending)
        self.pending.clear()
        return data

    def _begin(self) -> None:
        self._part = Part()
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooLarge(f"a form may have at most {MOST_PARTS} parts")

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header_name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.header_value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        part.headers[part.header_name.lower()] = part.header_value
        part.header_name = part.header_value = b""

    def _headers_finished(self) -> None:
        part = self._part
        _, options = self._options(part.headers.get(b"content-disposition", b""))
        part.field = _text(options.get(b"name", b""))
        part.is_file = part.field == "file"
        if not part.is_file:
            return
        if self.form.file is not None:
            raise InvalidRequest("file: only one file can be sent", field="file")
        media_type = _text(part.headers.get(b"content-type", b""))
        self.form.file = Sent(_filename(options.get(b"filename", b"")), media_type)

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.is_file:
            self.pending += data[start:end]
            return
        part.text += data[start:end]
        if len(part.text) > MOST_FIELD_BYTES:
            raise TooLarge(f"a field of a form may have at most {MOST_FIELD_BYTES} bytes")

    def _end_part(self) -> None:
        if not self._part.is_file and self._part.field:
            self.form.fields[self._part.field] = _text(bytes(self._part.text))

    def _end(self) -> None:
        self._ended = True


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _filename(raw: bytes) -> str:
    """A file name as browsers and HTTP libraries write it: quotes and line ends percent-encoded."""
    return unquoted(_text(raw))


def unquoted(name: str) -> str:
    """The name behind what stands between quotes."""
    for code, letter in (("%22", '"'), ("%0D", "\r"), ("%0A", "\n")):
        name = name.replace(code, letter)
    return name


async def collect(pieces: AsyncIterator[bytes], limit: int, sink: Callable[[bytes], None]) -> None:
    """Hand all pieces to a sink. Raises TooLarge beyond ``limit`` bytes."""
    taken = 0
    async for piece in pieces:
        taken += len(piece)
        if taken > limit:
            raise TooLarge(f"the body is larger than {limit} bytes", details={"limit_bytes": limit})
        sink(piece)
