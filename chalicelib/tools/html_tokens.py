"""Cuts a web page, however broken, into tags and text in time proportional to its length.

The standard library's parser rescans the rest of the page for every comment that is never closed: minutes for a page of
a few hundred kilobytes that somebody made for it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""")
_TAG_END = re.compile(r"[\s/]*>?")
_MARKUP = ("<!", "<?", "</")
# Inside these, nothing but their own end tag is markup.
_RAW = frozenset(("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"))
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}


@dataclass(slots=True)
class Text:
    """Characters between tags, references not yet resolved."""

    value: str


@dataclass(slots=True)
class Open:
    """A start tag; ``closed`` when it ends in a slash."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    closed: bool = False


@dataclass(slots=True)
class Close:
    """An end tag."""

    name: str


Token = Text | Open | Close


def tokens(page: str) -> Iterator[Token]:
    """The tokens of a page, in order. Comments, declarations and markup that never ends are left out."""
    at = 0
    endless: set[str] = set()
    while (start := page.find("<", at)) >= 0:
        if start > at:
            yield Text(page[at:start])
        tag = _TAG.match(page, start)
        if tag is None:
            at = _after_markup(page, start)
            if at == start:
                yield Text("<")
                at += 1
            continue
        token, at = _tag(page, tag)
        yield token
        if isinstance(token, Open) and token.name in _RAW:
            content_end = _raw_end(page, at, token.name, endless)
            yield Text(page[at:content_end])
            at = content_end
    if at < len(page):
        yield Text(page[at:])


def _after_markup(page: str, start: int) -> int:
    """Where the comment or declaration at ``start`` ends; ``start`` itself when there is none."""
    if page.startswith("<!--", start):
        end = page.find("-->", start + 2)
        return len(page) if end < 0 else end + 3
    if page.startswith(_MARKUP, start):
        end = page.find(">", start)
        return len(page) if end < 0 else end + 1
    return start


def _tag(page: str, tag: re.Match[str]) -> tuple[Token, int]:
    name, at = tag[2].lower(), tag.end()
    attributes: dict[str, str] = {}
    while (attribute := _ATTRIBUTE.match(page, at)) is not None:
        value = next((part for part in attribute.groups()[1:] if part is not None), "")
        attributes.setdefault(attribute[1].lower(), value)
        at = attribute.end()
    end = _TAG_END.match(page, at)
    after = end.end() if end else at
    return (Close(name) if tag[1] else Open(name, attributes, page[at:after].endswith("/>"))), after


def _raw_end(page: str, at: int, name: str, endless: set[str]) -> int:
    """Where the raw content ends. Without an end tag a script swallows the rest of the page, a title nothing."""
    found = None if name in endless else _RAW_END[name].search(page, at)
    if found is not None:
        return found.start()
    endless.add(name)
    return at if name == "title" else len(page)
