"""The parts of a form, read as they arrive."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .query import unquote
from .wire import Problem, Readable

_PIECE = 64 << 10
_LONGEST_HEAD = 16 << 10
_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.DOTALL)
_FORM_ESCAPE = re.compile("%(22|0A|0D)", re.IGNORECASE)


class Part(NamedTuple):
    """One field. ``filename`` is None when it is no file; ``content`` must be read before the next part is taken."""

    name: str
    filename: str | None
    content: Readable


class Form:
    """A body of ``multipart/form-data``. Raises Problem where it is malformed."""

    def __init__(self, content_type: str, body: Readable) -> None:
        boundary = parameters(content_type).get("boundary", "")
        if not 0 < len(boundary) <= 200:
            raise Problem("invalid_argument", "the form has no boundary")
        self._delimiter = b"\r\n--" + boundary.encode("latin-1")
        self._body = body
        self._held = bytearray(b"\r\n")
        self._in_part = True

    def parts(self) -> Iterator[Part]:
        """The parts in order; what was left unread of one is passed over."""
        self._skip()
        while self._after_delimiter() != b"--":
            headers = self._head()
            said = parameters(headers.get("content-disposition", ""))
            self._in_part = True
            yield Part(said.get("name", ""), _filename(said), _Content(self))
            self._skip()

    def content(self, size: int) -> bytes:
        """At most that many bytes of the part; nothing at its end."""
        if not self._in_part:
            return b""
        keep = len(self._delimiter) - 1
        while (end := self._held.find(self._delimiter)) < 0 and len(self._held) <= keep:
            self._more()
        if end == 0:
            del self._held[: len(self._delimiter)]
            self._in_part = False
            return b""
        ready = min(size, end if end > 0 else len(self._held) - keep)
        piece = bytes(self._held[:ready])
        del self._held[:ready]
        return piece

    def _skip(self) -> None:
        while self.content(_PIECE):
            continue

    def _after_delimiter(self) -> bytes:
        while len(self._held) < 2:
            self._more()
        mark = bytes(self._held[:2])
        if mark not in (b"--", b"\r\n"):
            raise Problem("invalid_argument", "a delimiter of the form is malformed")
        del self._held[:2]
        return mark

    def _head(self) -> Mapping[str, str]:
        # The line end that closes a part's head may follow the delimiter at once.
        self._held[:0] = b"\r\n"
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > _LONGEST_HEAD:
                raise Problem("invalid_argument", "a part of the form has too long a head")
            self._more()
        raw = bytes(self._held[:end])
        del self._held[: end + 4]
        try:
            lines = [line.partition(":") for line in raw.decode().split("\r\n") if line]
        except UnicodeDecodeError:
            raise Problem("invalid_argument", "a file name in the form is not UTF-8") from None
        return {name.strip().lower(): value.strip() for name, _, value in lines}

    def _more(self) -> None:
        piece = self._body.read(_PIECE)
        if not piece:
            raise Problem("invalid_argument", "the form ends too soon")
        self._held += piece


class _Content:
    """The content of the part a form stands at."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, nothing at the end."""
        if size >= 0:
            return self._form.content(size)
        return b"".join(iter(lambda: self._form.content(_PIECE), b""))


def parameters(header: str) -> dict[str, str]:
    """The parameters after a header's first word; names in lower case, quotes and backslashes taken off."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(header):
        quoted = match[2]
        found[match[1].lower()] = match[3] if quoted is None else re.sub(r'\\(["\\])', r"\1", quoted)
    return found


def _filename(said: Mapping[str, str]) -> str | None:
    """The name of a part's file with its folders. Browsers and SDKs escape a quote and line ends, nothing else."""
    if "filename*" in said:
        charset, _, rest = said["filename*"].partition("'")
        if charset.lower() == "utf-8":
            return unquote(rest.partition("'")[2])
    plain = said.get("filename")
    return None if plain is None else _FORM_ESCAPE.sub(lambda match: chr(int(match[1], 16)), plain)
