"""A web page as plain text that reads well: headings, lists, tables, links with their addresses."""

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin

from chalicelib.tools.html_tokens import Close, Open, Text, tokens
from chalicelib.tools.text_flow import Flow

_SKIPPED = frozenset(("script", "style", "svg", "math", "template", "iframe", "noembed", "noframes"))
_FOREIGN = frozenset(("svg", "math"))
_PARAGRAPHS = frozenset(
    ("p", "blockquote", "table", "pre", "ul", "ol", "dl", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6")
)
_SECTIONS = (
    "article",
    "aside",
    "body",
    "details",
    "div",
    "footer",
    "header",
    "html",
    "main",
    "nav",
    "section",
    "summary",
)
_ROWS = ("caption", "dd", "dt", "figcaption", "legend", "li", "option", "tbody", "tfoot", "thead", "tr")
_LINES = frozenset((*_SECTIONS, *_ROWS, "address", "fieldset", "hgroup"))
_HEADING = re.compile(r"h[1-6]")
_MAX_DEPTH = 8
_MAX_LINK = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """A page's title, None without one, and its text; ``whole`` unless the text was cut at the limit."""

    title: str | None
    text: str
    whole: bool


def read_page(html: str, url: str, limit: int) -> Page:
    """The text of a page at ``url``, at most about ``limit`` characters of it."""
    reader = _Reader(url)
    for token in tokens(html):
        if reader.out.length > limit:
            return Page(reader.title, reader.out.text(), False)
        reader.take(token)
    return Page(reader.title, reader.out.text(), True)


class _Reader:
    def __init__(self, url: str) -> None:
        self.out = Flow()
        self.title: str | None = None
        self._base = url
        self._skipping: list[str] = []
        self._lists: list[int | None] = []
        self._pre = 0
        self._link: tuple[str, int] | None = None
        self._in_title = False
        self._cells = 0

    def take(self, token: Text | Open | Close) -> None:
        if isinstance(token, Text):
            self._text(token)
        elif self._skipping and not self._escapes(token):
            self._skip(token)
        elif isinstance(token, Open):
            self._open(token)
        else:
            self._close(token.name)

    def _escapes(self, token: Open | Close) -> bool:
        """A drawing that is never closed ends where the page's own structure goes on."""
        if self._skipping[-1] in _FOREIGN and (token.name in _PARAGRAPHS or token.name in _LINES):
            self._skipping.clear()
        return not self._skipping

    def _skip(self, token: Open | Close) -> None:
        if token.name != self._skipping[-1]:
            return
        if isinstance(token, Close):
            self._skipping.pop()
        elif not token.closed:
            self._skipping.append(token.name)

    def _text(self, token: Text) -> None:
        if self._skipping:
            return
        text = unescape(token.value).replace("\xa0", " ").replace("\u00ad", "")
        if self._in_title:
            self.title = self.title or " ".join(text.split()) or None
        elif self._pre:
            self.out.verbatim(text.replace("\r\n", "\n"))
        else:
            self.out.run(text)

    def _open(self, tag: Open) -> None:
        name = tag.name
        if name in _SKIPPED:
            if not tag.closed:
                self._skipping.append(name)
            return
        self._break(name)
        if name == "title":
            self._in_title = True
        elif name == "a":
            self._end_link()
            self._start_link(tag.attributes.get("href", ""))
        elif name == "base":
            self._base = self._absolute(tag.attributes.get("href", "")) or self._base
        elif name == "img" and tag.attributes.get("alt", "").strip():
            self.out.run(f"[image: {unescape(tag.attributes['alt']).strip()}]")
        else:
            self._open_structure(tag)

    def _open_structure(self, tag: Open) -> None:
        name = tag.name
        if name == "br":
            self.out.newlines = min(self.out.newlines + 1, 2)
        elif name == "hr":
            self.out.line(2)
            self.out.write("---")
            self.out.line(2)
        elif _HEADING.fullmatch(name):
            self.out.write("#" * int(name[1]))
            self.out.space = True
        elif name == "pre":
            self._pre += 1
        elif name in ("ul", "ol"):
            start = tag.attributes.get("start", "")
            first = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1
            self._lists.append(first if name == "ol" else None)
        elif name == "li":
            self._item()
        elif name == "tr":
            self._cells = 0
        elif name in ("td", "th"):
            self._cell()

    def _close(self, name: str) -> None:
        if name == "title":
            self._in_title = False
        elif name == "a":
            self._end_link()
        elif name == "pre":
            self._pre = max(0, self._pre - 1)
        elif name in ("ul", "ol") and self._lists:
            self._lists.pop()
        self._break(name)

    def _break(self, name: str) -> None:
        if name in ("ul", "ol") and self._lists:
            self.out.line()
        elif name in _PARAGRAPHS:
            self.out.line(2)
        elif name in _LINES:
            self.out.line()

    def _item(self) -> None:
        depth = min(len(self._lists), _MAX_DEPTH)
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        self.out.write("  " * (depth - 1) + ("-" if number is None else f"{number}."))
        self.out.space = True

    def _cell(self) -> None:
        if self._cells:
            self.out.space = True
            self.out.write("|")
            self.out.space = True
        self._cells += 1

    def _start_link(self, href: str) -> None:
        target = self._absolute(href)
        if target is not None:
            self._link = (target, len(self.out.pieces))

    def _end_link(self) -> None:
        if self._link is None:
            return
        (target, start), self._link = self._link, None
        shown = "".join(self.out.pieces[start:]).strip()
        if shown and shown != target:
            self.out.aside(f"({target})")

    def _absolute(self, href: str) -> str | None:
        link = unescape(href).strip()
        if not link or link.startswith("#"):
            return None
        try:
            target = urljoin(self._base, link)
        except ValueError:
            return None
        usable = target.startswith(("http://", "https://")) and len(target) <= _MAX_LINK
        return "".join(target.split()) if usable else None
