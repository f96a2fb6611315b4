"""The ways in which a value may stand in a text."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

_SHORTEST = 4
_SHORTEST_BASE64 = 8
_JSON_FOR_HTML = str.maketrans({"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"})


def spellings(value: str) -> tuple[bytes, ...]:
    """The value as it is and as URLs, JSON, HTML and base64 write it; empty for one too short to be told from text."""
    plain = value.encode()
    if len(plain) < _SHORTEST:
        return ()
    # A server that takes header bytes for Latin-1 writes the second text when it repeats the first.
    escaped = {one for text in (value, plain.decode("latin-1")) for one in _escaped(text)}
    found = {plain, *(text.encode() for text in escaped), *_base64(plain)}
    return tuple(found)


def _escaped(text: str) -> set[str]:
    quoted = {quote(text, safe=safe) for safe in ("", "/", "!'()*", "/!'()*")} | {quote_plus(text)}
    found = quoted | {_lower_percent(one) for one in quoted}
    found |= _embedded(text)
    # A server that repeats what it was sent puts one text into another.
    found |= {outer for inner in found for outer in _embedded(inner)}
    return found | {one.replace("/", "\\/") for one in found}


def _embedded(text: str) -> set[str]:
    in_json = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    in_json |= {one.translate(_JSON_FOR_HTML) for one in in_json}
    return in_json | {text, html.escape(text), html.escape(text, False)}


def _lower_percent(text: str) -> str:
    head, *escapes = text.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in escapes)


def _base64(plain: bytes) -> set[bytes]:
    """What of the value's base64 form does not depend on its neighbours, for each place at which it may begin."""
    found = set()
    for before, mixed in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(plain)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * before + plain)[mixed:whole])
    return {one for one in found if len(one) >= _SHORTEST_BASE64}
