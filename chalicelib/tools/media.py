"""What kind of body an answer has, and its text."""

import codecs
import re

from chalicelib.outbound.exchange import OutboundAnswer

_HTML = frozenset(("text/html", "application/xhtml+xml"))
_TEXTUAL = frozenset(
    f"application/{name}"
    for name in ("json", "x-ndjson", "xml", "javascript", "ecmascript", "yaml", "x-yaml", "toml", "sql", "graphql")
)
_HTML_START = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_META_WINDOW = 4096
# Python's codecs reach beyond character sets, and some of those take time that grows with the square of the text.
_CHARSETS = re.compile(
    r"ascii|utf-(?:8|16|16-le|16-be|32)|utf-8-sig|cp\d+|iso8859-\d+|shift_jis|cp932|euc_jp|euc_kr|iso2022_jp|"
    r"gb2312|gbk|gb18030|big5|big5hkscs|koi8-[rtu]|mac-\w+|tis-620|johab|hz"
)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def media_type(answer: OutboundAnswer) -> str:
    """The answer's media type without parameters; guessed from the first bytes when it names none."""
    named = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "/" in named:
        return named
    start = answer.body[:_META_WINDOW]
    if _HTML_START.match(start):
        return "text/html"
    return "application/octet-stream" if b"\0" in start else "text/plain"


def is_html(answer: OutboundAnswer) -> bool:
    """Whether the body is a web page."""
    return media_type(answer) in _HTML


def is_json(answer: OutboundAnswer) -> bool:
    """Whether the body is one JSON text."""
    kind = media_type(answer)
    return kind == "application/json" or kind.endswith("+json")


def is_text(answer: OutboundAnswer) -> bool:
    """Whether the body is meant to be read as characters."""
    kind = media_type(answer)
    return kind.startswith("text/") or kind in _TEXTUAL or kind in _HTML or kind.endswith(("+json", "+xml"))


def decoded(answer: OutboundAnswer) -> str:
    """The body's text; bytes that do not fit its character set become replacement characters."""
    body = answer.body
    for bom, charset in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(charset, "replace")
    declared = _declared(answer)
    if declared is not None:
        return body.decode(declared, "replace")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        # A body cut off by the size bound may end inside a character, which says nothing about the rest.
        ends_inside = answer.truncated and error.start >= len(body) - 3
        return body.decode("utf-8" if ends_inside else "cp1252", "replace")


def _declared(answer: OutboundAnswer) -> str | None:
    match = _CHARSET.search(answer.headers.get("content-type", ""))
    name = match[1] if match else ""
    if not name and is_html(answer):
        meta = _META.search(answer.body[:_META_WINDOW])
        name = meta[1].decode("ascii", "replace") if meta else ""
    return _known(name)


def _known(name: str) -> str | None:
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if found == "iso8859-1":
        # The web means the Windows set by this name, a superset where they matter.
        return "cp1252"
    return found if _CHARSETS.fullmatch(found) else None
