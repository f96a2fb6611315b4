#!/usr/bin/env python3
"""Text of PDF files by page, and simple PDF files out of text, with Python's standard library alone."""

import argparse
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pdf_file import BadPdf, Lexer, Name, Pdf, Stream, Word  # type: ignore[import-not-found]
from pdf_fonts import HELVETICA_WIDTHS, Font  # type: ignore[import-not-found]

Matrix = tuple[float, float, float, float, float, float]
SAME: Matrix = (1, 0, 0, 1, 0, 0)
MOST_FORMS = 12
WIDTH, HEIGHT, MARGIN = 595, 842, 56
TEXT_SIZE, HEADING_SIZE, LEADING = 11, 16, 1.4


def _times(one: Matrix, other: Matrix) -> Matrix:
    a, b, c, d, e, f = one
    g, h, i, j, k, l = other  # noqa: E741
    return (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l)


class Page:
    """Follows what a page draws and keeps its text."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._out: list[str] = []
        self._end: tuple[float, float] | None = None
        self._fonts: dict[int, Font] = {}
        self._base = self._line = self._at = SAME
        self._stack: list[tuple[Matrix, Font | None, float, float, float, float, float]] = []
        self._font: Font | None = None
        self._size, self._leading, self._gap, self._word_gap, self._stretch = 1.0, 0.0, 0.0, 0.0, 1.0

    def text(self, page: dict[str, Any]) -> str:
        """The text of a page, line by line."""
        parts = [self._pdf.get(one) for one in self._pdf.items(page.get("Contents"))]
        content = b"\n".join(self._pdf.bytes_of(one) for one in parts if isinstance(one, Stream))
        self._draw(content, self._pdf.mapping(page.get("Resources")), 0)
        lines = "".join(self._out).split("\n")
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    def _draw(self, content: bytes, resources: dict[str, Any], depth: int) -> None:
        lexer, held = Lexer(content), list[Any]()
        while True:
            value = lexer.value()
            if not isinstance(value, Word):
                held.append(value)
                continue
            if not value:
                return
            if value == b"BI":
                end = re.compile(rb"\sEI[\s]").search(content, lexer.at)
                lexer.at = end.end() if end else len(content)
            elif value == b"Do":
                self._form(held, resources, depth)
            else:
                self._obey(bytes(value), held, resources)
            held = []

    def _form(self, held: list[Any], resources: dict[str, Any], depth: int) -> None:
        name = held[-1] if held else None
        form = self._pdf.get(self._pdf.mapping(resources.get("XObject")).get(str(name)))
        if not isinstance(form, Stream) or form.facts.get("Subtype") != "Form" or depth >= MOST_FORMS:
            return
        own = self._pdf.mapping(form.facts.get("Resources")) or resources
        self._obey(b"q", [], own)
        matrix = [self._pdf.get(one) for one in self._pdf.items(form.facts.get("Matrix"))]
        self._obey(b"cm", matrix, own)
        self._draw(self._pdf.bytes_of(form), own, depth + 1)
        self._obey(b"Q", [], own)

    def _obey(self, operator: bytes, held: list[Any], resources: dict[str, Any]) -> None:
        numbers = [float(one) for one in held if isinstance(one, int | float) and not isinstance(one, bool)]
        if operator in (b"Tj", b"'", b'"', b"TJ"):
            self._show(operator, held, numbers)
        elif operator == b"Tf" and held and isinstance(held[0], Name) and numbers:
            self._font, self._size = self._found(self._pdf.mapping(resources.get("Font")).get(held[0])), numbers[-1]
        elif operator == b"q":
            state = (self._base, self._font, self._size, self._leading, self._gap, self._word_gap, self._stretch)
            self._stack.append(state)
        elif operator == b"Q" and self._stack:
            state = self._stack.pop()
            self._base, self._font, self._size, self._leading, self._gap, self._word_gap, self._stretch = state
        elif operator == b"BT":
            self._line = self._at = SAME
        elif operator in _SETTINGS and numbers:
            setattr(self, _SETTINGS[operator], numbers[-1] / (100 if operator == b"Tz" else 1))
        else:
            self._move(operator, numbers)

    def _move(self, operator: bytes, numbers: list[float]) -> None:
        if operator in (b"cm", b"Tm") and len(numbers) >= 6:
            a, b, c, d, e, f = numbers[-6:]
            if operator == b"cm":
                self._base = _times((a, b, c, d, e, f), self._base)
            else:
                self._line = self._at = (a, b, c, d, e, f)
        elif operator in (b"Td", b"TD") and len(numbers) >= 2:
            self._leading = -numbers[-1] if operator == b"TD" else self._leading
            self._next_line(numbers[-2], numbers[-1])
        elif operator == b"T*":
            self._next_line(0, -self._leading)

    def _next_line(self, x: float, y: float) -> None:
        self._line = self._at = _times((1, 0, 0, 1, x, y), self._line)

    def _found(self, value: Any) -> Font:
        known = getattr(value, "number", None)
        if known not in self._fonts or known is None:
            font = Font(self._pdf, value)
            if known is None:
                return font
            self._fonts[known] = font
        return self._fonts[known]

    def _show(self, operator: bytes, held: list[Any], numbers: list[float]) -> None:
        if operator in (b"'", b'"'):
            if operator == b'"' and len(numbers) >= 2:
                self._word_gap, self._gap = numbers[0], numbers[1]
            self._next_line(0, -self._leading)
        for one in held[-1] if held and isinstance(held[-1], list) else held[-1:]:
            if isinstance(one, bytes):
                self._write(one)
            elif isinstance(one, int | float):
                self._advance(-one / 1000 * self._size * self._stretch)

    def _advance(self, width: float) -> None:
        self._at = _times((1, 0, 0, 1, width, 0), self._at)

    def _write(self, raw: bytes) -> None:
        if self._font is None:
            return
        for code, letter, width in self._font.codes(raw):
            if letter.strip():
                self._place(letter)
            elif letter and self._end is not None:
                self._out.append("" if self._out and self._out[-1].endswith((" ", "\n")) else " ")
            gap = self._gap + (self._word_gap if code == 32 else 0)
            self._advance((width * self._size + gap) * self._stretch)
            if letter:
                where = _times(self._at, self._base)
                self._end = (where[4], where[5])

    def _place(self, letter: str) -> None:
        """Put a letter behind the others, on a line of its own where it is drawn on another."""
        where = _times(self._at, self._base)
        size = max(abs(self._size) * (where[2] ** 2 + where[3] ** 2) ** 0.5, 0.1)
        if self._end is not None:
            right, down = where[4] - self._end[0], self._end[1] - where[5]
            if abs(down) > 0.5 * size:
                self._out.append("\n\n" if down > 2.2 * size else "\n")
            elif (right > 0.18 * size or right < -size) and not self._out[-1].endswith((" ", "\n")):
                self._out.append("   " if right > 2 * size else " ")
        self._out.append(letter)


_SETTINGS = {b"TL": "_leading", b"Tc": "_gap", b"Tw": "_word_gap", b"Tz": "_stretch"}


def _wanted(text: str | None, count: int) -> list[int]:
    """The numbers of the pages asked for. Raises ValueError."""
    if not text:
        return list(range(1, count + 1))
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), min(int(last or first), count) + 1)
    return [number for number in found if 1 <= number <= count]


def read(path: str, pages: str | None) -> Iterator[str]:
    """The text of the pages, each after a line with its number. Raises BadPdf."""
    pdf = Pdf(Path(path).read_bytes())
    found = pdf.pages()
    for number in _wanted(pages, len(found)):
        text = Page(pdf).text(found[number - 1])
        yield f"--- page {number} ---\n{text or '(no text; the page may be a picture)'}\n"


def info(path: str) -> Iterator[str]:
    """What a file says about itself. Raises BadPdf."""
    pdf = Pdf(Path(path).read_bytes())
    yield f"pages: {len(pdf.pages())}\n"
    for name, value in pdf.mapping(pdf.trailer.get("Info")).items():
        said = pdf.get(value)
        if isinstance(said, bytes):
            wide = said.startswith(b"\xfe\xff")
            yield f"{name.lower()}: {said[2:].decode('utf-16-be', 'ignore') if wide else said.decode('latin-1')}\n"


def _width(text: str, size: float) -> float:
    return sum(float(HELVETICA_WIDTHS.get(ord(letter), 556)) for letter in text) * size / 1000


def _wrapped(line: str, size: float) -> Iterator[str]:
    room, held = WIDTH - 2 * MARGIN, ""
    for word in re.findall(r"\s*\S+", line) or [""]:
        piece = word
        while _width(held + piece, size) > room:
            if held:
                yield held
                held, piece = "", piece.lstrip()
                continue
            fits = max(n for n in range(1, len(piece) + 1) if n == 1 or _width(piece[:n], size) <= room)
            yield piece[:fits]
            piece = piece[fits:]
        held += piece
    yield held


def _pages_of(text: str) -> Iterator[list[tuple[str, bool]]]:
    """The lines of each page, and whether they are headings."""
    for sheet in text.replace("\r\n", "\n").expandtabs(4).split("\f"):
        page: list[tuple[str, bool]] = []
        room = float(HEIGHT - 2 * MARGIN)
        for line in sheet.rstrip("\n").split("\n"):
            heading = line.startswith("# ")
            size = HEADING_SIZE if heading else TEXT_SIZE
            for piece in _wrapped(line.removeprefix("# ") if heading else line, size):
                if room < size * LEADING:
                    yield page
                    page, room = [], float(HEIGHT - 2 * MARGIN)
                page.append((piece, heading))
                room -= size * LEADING
        yield page


def _drawn(page: list[tuple[str, bool]]) -> bytes:
    out = [b"BT", f"{MARGIN} {HEIGHT - MARGIN} Td".encode()]
    for line, heading in page:
        size = HEADING_SIZE if heading else TEXT_SIZE
        said = line.encode("cp1252", "replace").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
        out.append(f"/F{2 if heading else 1} {size} Tf 0 {-size * LEADING:.2f} Td (".encode() + said + b") Tj")
    return b"\n".join([*out, b"ET"])


def pdf_of(text: str) -> bytes:
    """A file with a text on as many pages as it needs."""
    pages = list(_pages_of(text))
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    kids = " ".join(f"{5 + 2 * place} 0 R" for place in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        font.format("Helvetica").encode(),
        font.format("Helvetica-Bold").encode(),
    ]
    for place, page in enumerate(pages):
        content = zlib.compress(_drawn(page))
        box = f"/MediaBox [0 0 {WIDTH} {HEIGHT}] /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R {box} /Contents {6 + 2 * place} 0 R >>".encode())
        head = f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n".encode()
        objects.append(head + content + b"\nendstream")
    out, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(objects) + 1
    out_at = len(out)
    out += f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<< /Size {count} /Root 1 0 R >>\n".encode()
    return bytes(out + f"startxref\n{out_at}\n%%EOF\n".encode())


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    telling = commands.add_parser("info", help="print what a file says about itself")
    telling.add_argument("file")
    reading = commands.add_parser("read", help="print the text of the pages")
    reading.add_argument("file")
    reading.add_argument("--pages", help="such as 1-3,7; all when it is not given")
    writing = commands.add_parser("write", help="make a PDF of a text")
    writing.add_argument("file")
    writing.add_argument("text", nargs="?", help="a file; standard input when it is not given")
    said = parser.parse_args()
    try:
        if said.command == "write":
            text = Path(said.text).read_text("utf-8-sig") if said.text else sys.stdin.read()
            Path(said.file).write_bytes(pdf_of(text))
        else:
            sys.stdout.writelines(read(said.file, said.pages) if said.command == "read" else info(said.file))
    except (BadPdf, OSError, UnicodeDecodeError, ValueError) as error:
        sys.exit(f"pdf_text: {error}")


if __name__ == "__main__":
    main()
