"""What the codes in a PDF's texts mean, and how wide they are drawn."""

import re
import unicodedata
from pathlib import Path
from typing import Any

from pdf_file import Lexer, Name, Pdf, Stream, Word  # type: ignore[import-not-found]

HELVETICA = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 "
    "556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 "
    "667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 "
    "556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
"""Widths of the letters from the blank to the tilde, in thousandths of the size."""
HELVETICA_WIDTHS = dict(enumerate(map(int, HELVETICA.split()), 32))
_USUAL_WIDTH = 500
_MOST_RANGE = 65_536
_ACCENTS = {
    "acute": "\u0301",
    "grave": "\u0300",
    "circumflex": "\u0302",
    "dieresis": "\u0308",
    "tilde": "\u0303",
    "ring": "\u030a",
    "cedilla": "\u0327",
    "caron": "\u030c",
    "macron": "\u0304",
    "breve": "\u0306",
    "ogonek": "\u0328",
    "dotaccent": "\u0307",
    "hungarumlaut": "\u030b",
    "commaaccent": "\u0327",
}
_SIGNS = {
    name: "".join(chr(int(code, 16)) for code in codes)
    for name, *codes in map(str.split, Path(__file__).with_name("glyphs.txt").read_text("ascii").splitlines())
}


def letter_of(glyph: str) -> str:
    """The text of a glyph's name; empty when the name tells nothing."""
    bare = glyph.partition(".")[0]
    if bare in _SIGNS:
        return _SIGNS[bare]
    if len(bare) == 1:
        return bare
    if found := re.fullmatch(r"(?:uni|u)([0-9A-F]{4,6})", bare):
        code = int(found[1], 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    if "_" in bare:
        return "".join(letter_of(part) for part in bare.split("_"))
    accent = _ACCENTS.get(bare[1:])
    return unicodedata.normalize("NFC", bare[0] + accent) if accent else ""


class Font:
    """A font of a page."""

    def __init__(self, pdf: Pdf, value: Any) -> None:
        told = pdf.mapping(value)
        self._wide = told.get("Subtype") == "Type0"
        self._letters: dict[int, str] = {}
        self._sizes = [2] if self._wide else [1]
        self._widths: dict[int, float] = {}
        self._usual: float = _USUAL_WIDTH
        self._encoding = pdf.get(told.get("Encoding"))
        self._scale = 1.0
        if self._wide:
            self._read_wide(pdf, told)
        else:
            self._read_narrow(pdf, told)
        to_unicode = pdf.get(told.get("ToUnicode"))
        if isinstance(to_unicode, Stream):
            self._read_map(pdf.bytes_of(to_unicode))

    def _read_narrow(self, pdf: Pdf, told: dict[str, Any]) -> None:
        widths, first = pdf.items(told.get("Widths")), pdf.get(told.get("FirstChar"))
        if widths and isinstance(first, int):
            known = (pdf.get(width) for width in widths)
            self._widths = {code: width for code, width in enumerate(known, first) if isinstance(width, int | float)}
        elif "Helvetica" in str(told.get("BaseFont", "")) or "Arial" in str(told.get("BaseFont", "")):
            self._widths = dict(HELVETICA_WIDTHS)
        if told.get("Subtype") == "Type3":
            matrix = pdf.items(told.get("FontMatrix"))
            self._scale = float(matrix[0]) * 1000 if matrix and isinstance(matrix[0], int | float) else 1.0
        encoding = pdf.mapping(self._encoding)
        base = str(encoding.get("BaseEncoding", self._encoding if isinstance(self._encoding, Name) else ""))
        codec = "mac_roman" if base == "MacRomanEncoding" else "cp1252"
        self._letters = {code: bytes([code]).decode(codec, "ignore") for code in range(32, 256)}
        code = 0
        for one in pdf.items(encoding.get("Differences")):
            if isinstance(one, int):
                code = one
            elif isinstance(one, Name):
                self._letters[code] = letter_of(one) or self._letters.get(code, "")
                code += 1

    def _read_wide(self, pdf: Pdf, told: dict[str, Any]) -> None:
        below = pdf.items(told.get("DescendantFonts"))
        font = pdf.mapping(below[0]) if below else {}
        usual = pdf.get(font.get("DW"))
        self._usual = usual if isinstance(usual, int | float) else 1000
        entries = [pdf.get(one) for one in pdf.items(font.get("W"))]
        while len(entries) >= 2 and isinstance(entries[0], int):
            first, following = entries[0], entries[1]
            if isinstance(following, list):
                known = (pdf.get(width) for width in following)
                self._widths |= {first + at: width for at, width in enumerate(known) if isinstance(width, int | float)}
                entries = entries[2:]
            elif isinstance(following, int) and len(entries) >= 3 and isinstance(entries[2], int | float):
                self._widths |= dict.fromkeys(range(first, min(following, first + _MOST_RANGE) + 1), entries[2])
                entries = entries[3:]
            else:
                break

    def _read_map(self, data: bytes) -> None:
        lexer, held = Lexer(data), list[Any]()
        while True:
            value = lexer.value()
            if not isinstance(value, Word):
                held.append(value)
                continue
            if not value:
                return
            if value == b"endcodespacerange":
                sizes = sorted({len(one) for one in held if isinstance(one, bytes) and one})
                self._sizes = sizes or self._sizes
            elif value == b"endbfchar":
                for code, text in zip(held[::2], held[1::2], strict=False):
                    self._learn(code, text)
            elif value == b"endbfrange":
                for low, high, text in zip(held[::3], held[1::3], held[2::3], strict=False):
                    self._learn_range(low, high, text)
            held = []

    def _learn(self, code: Any, text: Any) -> None:
        if isinstance(code, bytes) and isinstance(text, bytes):
            self._letters[int.from_bytes(code, "big")] = text.decode("utf-16-be", "ignore")

    def _learn_range(self, low: Any, high: Any, text: Any) -> None:
        if not (isinstance(low, bytes) and isinstance(high, bytes)):
            return
        first = int.from_bytes(low, "big")
        count = min(int.from_bytes(high, "big") - first + 1, _MOST_RANGE)
        for step in range(count):
            if isinstance(text, list) and step < len(text):
                self._learn((first + step).to_bytes(4, "big"), text[step])
            elif isinstance(text, bytes) and text:
                last = int.from_bytes(text, "big") + step
                self._learn((first + step).to_bytes(4, "big"), last.to_bytes(len(text) + 1, "big")[-len(text) :])

    def codes(self, raw: bytes) -> list[tuple[int, str, float]]:
        """(code, text, width in units of the size) of each letter."""
        size, found = self._sizes[-1], []
        for at in range(0, len(raw), size):
            code = int.from_bytes(raw[at : at + size], "big")
            width = self._widths.get(code, self._usual)
            found.append((code, self._text(raw[at : at + size], code), width * self._scale / 1000))
        return found

    def _text(self, raw: bytes, code: int) -> str:
        if code in self._letters:
            return self._letters[code]
        if self._wide and ("UCS2" in str(self._encoding) or "UTF16" in str(self._encoding)):
            return raw.decode("utf-16-be", "ignore")
        return "\ufffd" if self._wide else ""
