"""Secrets put in on the way out: where their placeholders stand, or as a header of their own."""

import base64
import binascii
import json
import posixpath
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus, unquote

from chalicelib.outbound.patterns import matches_any
from chalicelib.sandbox.box.egress.scrub import Masks
from chalicelib.sandbox.hosts.base import Injection

Headers = list[tuple[bytes, bytes]]
MOST_BODY = 1024 * 1024
_NOT_OURS = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect"))
# An answer in pieces or in a coding could carry a value in a form in which it is not found.
_HIDING = frozenset((b"accept-encoding", b"sec-websocket-extensions"))
_PIECES = frozenset((b"range", b"if-range"))


class _Swap:
    """Placeholders to values, all in one pass, so that a value is never searched for placeholders itself."""

    def __init__(self, pairs: Iterable[tuple[str, str]], spell: Callable[[str], str] = str) -> None:
        self._values = {name.encode(): spell(value).encode() for name, value in pairs}
        names = sorted(self._values, key=len, reverse=True)
        self._search = re.compile(b"|".join(map(re.escape, names))) if names else None

    def __call__(self, data: bytes) -> bytes:
        return data if self._search is None else self._search.sub(lambda found: self._values[found[0]], data)


class Rewriter:
    """Changes requests to one host."""

    def __init__(self, injections: list[Injection]) -> None:
        self._fixed = [one for one in injections if one.header]
        self._header, self._query = _Swap(_pairs(injections, "header")), _Swap(_query_pairs(injections), _quoted)
        in_body = _pairs(injections, "body")
        self.takes_bodies = bool(in_body)
        self._body = {"json": _Swap(in_body, _json), "form": _Swap(in_body, quote_plus), "": _Swap(in_body)}

    def head(self, target: bytes, headers: Headers) -> tuple[bytes, Headers]:
        """The request's target and headers as they go out; header names are lower-case."""
        path, mark, query = target.partition(b"?")
        sent = path + mark + self._query(query)
        changed = [(name, self._value(name, value)) for name, value in headers if name not in _HIDING]
        changed = self._with_fixed(path, changed)
        if sent != target or changed != [pair for pair in headers if pair[0] not in _HIDING]:
            changed = [pair for pair in changed if pair[0] not in _PIECES]
        return sent, [*changed, (b"accept-encoding", b"identity")]

    def body(self, content_type: bytes, data: bytes) -> bytes:
        """A whole body as it goes out; values are written as its type demands."""
        kind = content_type.partition(b";")[0].strip().lower()
        if kind == b"application/json" or kind.endswith(b"+json"):
            return self._body["json"](data)
        return self._body["form" if kind == b"application/x-www-form-urlencoded" else ""](data)

    def _value(self, name: bytes, value: bytes) -> bytes:
        if name in _NOT_OURS:
            return value
        scheme, space, coded = value.partition(b" ")
        if scheme.lower() == b"basic" and space:
            try:
                plain = base64.b64decode(coded.strip(), validate=True)
            except binascii.Error:
                return self._header(value)
            changed = self._header(plain)
            return self._header(value) if changed == plain else scheme + b" " + base64.b64encode(changed)
        return self._header(value)

    def _with_fixed(self, path: bytes, headers: Headers) -> Headers:
        for one in self._fixed:
            if _below(path, one.path):
                name = one.header.lower().encode()
                headers = [pair for pair in headers if pair[0] != name] + [(name, _stripped(one.value).encode())]
        return headers


class Injector:
    """All injections of a box."""

    def __init__(self, injections: tuple[Injection, ...]) -> None:
        self._injections = [one for one in injections if _stripped(one.value) and (one.placeholder or one.header)]
        self.masks = Masks(tuple(_stripped(one.value) for one in self._injections))

    @property
    def any(self) -> bool:
        """Whether there is anything to inject anywhere."""
        return bool(self._injections)

    def rewriter(self, host: str) -> Rewriter | None:
        """What changes requests to a host in normal form, None when nothing does."""
        meant = [one for one in self._injections if matches_any(host, one.hosts)]
        return Rewriter(meant) if meant else None


def _pairs(injections: list[Injection], place: str) -> list[tuple[str, str]]:
    return [
        (one.placeholder, _stripped(one.value))
        for one in injections
        if one.placeholder and not one.header and place in one.places
    ]


def _query_pairs(injections: list[Injection]) -> list[tuple[str, str]]:
    pairs = _pairs(injections, "query")
    return pairs + [(_quoted(name), value) for name, value in pairs if _quoted(name) != name]


def _stripped(value: str) -> str:
    """A value without the white space around it, which no header can carry."""
    return value.strip()


def _quoted(value: str) -> str:
    return quote(value, safe="")


def _json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _below(path: bytes, prefix: str) -> bool:
    """Whether the path begins so, also when a server resolves its dots and escapes."""
    plain = unquote(path.decode("latin-1"))
    resolved = posixpath.normpath(plain)
    resolved += "/" if plain.endswith("/") and resolved != "/" else ""
    return plain.startswith(prefix) and resolved.startswith(prefix) and "\\" not in plain
