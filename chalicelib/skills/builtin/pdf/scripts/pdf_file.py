"""The objects of a PDF file: found, parsed and unpacked."""

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 256 << 20
MOST_DEEP = 64
_BLANK = b"\x00\t\n\x0c\r "
_DELIMITER = b"()<>[]{}/%"
_WORD_END = re.compile(rb"[\x00\t\n\x0c\r ()<>\[\]{}/%]")
_OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})[\x00\t\n\x0c\r ]+([0-9]{1,5})[\x00\t\n\x0c\r ]+obj(?![a-z])")
_NUMBER = re.compile(rb"[+-]*[0-9]*\.?[0-9]*")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


class BadPdf(Exception):
    """The file is no PDF that can be read."""


class Name(str):
    """A name, without its slash."""

    __slots__ = ()


class Word(bytes):
    """A bare word: an operator, or a keyword of the file."""

    __slots__ = ()


@dataclass(frozen=True)
class Ref:
    """A reference to an object."""

    number: int


@dataclass
class Stream:
    """A dictionary with bytes, as they stand in the file."""

    facts: dict[str, Any]
    raw: bytes


END = Word(b"")


class Lexer:
    """Reads values out of bytes, one after the other."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def value(self, depth: int = 0) -> Any:
        """The next value, word or reference; ``END`` behind the last. Raises BadPdf when it is nested without end."""
        if depth > MOST_DEEP:
            raise BadPdf("values are nested too deeply")
        self._skip()
        sign = self.data[self.at : self.at + 1]
        if not sign:
            return END
        if sign == b"/":
            return self._name()
        if sign == b"(":
            return self._text()
        if self.data[self.at : self.at + 2] == b"<<":
            return self._mapping(depth)
        if sign == b"<":
            return self._hexadecimal()
        if sign == b"[":
            self.at += 1
            return list(self._until(b"]", depth))
        return self._word()

    def _skip(self) -> None:
        data, at = self.data, self.at
        while at < len(data):
            if data[at] in _BLANK:
                at += 1
            elif data[at : at + 1] == b"%":
                ends = [end for end in (data.find(b"\n", at), data.find(b"\r", at)) if end >= 0]
                at = min(ends, default=len(data))
            else:
                break
        self.at = at

    def _bare(self) -> bytes:
        found = _WORD_END.search(self.data, self.at)
        end = found.start() if found else len(self.data)
        word, self.at = self.data[self.at : end], end
        return word

    def _name(self) -> Name:
        self.at += 1
        raw = re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), self._bare())
        return Name(raw.decode("utf-8", "replace"))

    def _text(self) -> bytes:
        out, depth, data, at = bytearray(), 1, self.data, self.at + 1
        while at < len(data):
            sign = data[at : at + 1]
            at += 1
            if sign == b"\\":
                piece, at = self._escaped(at)
                out += piece
                continue
            depth += (sign == b"(") - (sign == b")")
            if not depth:
                break
            out += sign
        self.at = at
        return bytes(out)

    def _escaped(self, at: int) -> tuple[bytes, int]:
        octal = re.compile(rb"[0-7]{1,3}").match(self.data, at)
        if octal:
            return bytes([int(octal[0], 8) & 255]), octal.end()
        sign = self.data[at : at + 1]
        if sign in (b"\r", b"\n"):
            return b"", at + (2 if self.data[at : at + 2] == b"\r\n" else 1)
        return _ESCAPES.get(sign, sign), at + 1

    def _hexadecimal(self) -> bytes:
        end = self.data.find(b">", self.at)
        end = len(self.data) if end < 0 else end
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", self.data[self.at + 1 : end])
        self.at = end + 1
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())

    def _mapping(self, depth: int) -> dict[str, Any]:
        self.at += 2
        values = list(self._until(b">>", depth))
        return {str(key): value for key, value in zip(values[::2], values[1::2], strict=False) if isinstance(key, Name)}

    def _until(self, close: bytes, depth: int) -> Iterator[Any]:
        held: list[Any] = []
        while True:
            self._skip()
            if self.data.startswith(close, self.at) or self.at >= len(self.data):
                self.at += len(close)
                break
            value = self.value(depth + 1)
            if value == b"R" and isinstance(value, Word) and len(held) > 1 and isinstance(held[-2], int):
                held[-2:] = [Ref(held[-2])]
            else:
                held.append(value)
        yield from held

    def _word(self) -> Any:
        if self.data[self.at] in _DELIMITER:
            self.at += 1
            return Word(self.data[self.at - 1 : self.at])
        word = self._bare()
        if _NUMBER.fullmatch(word) and any(48 <= sign <= 57 for sign in word):
            text = word.decode().replace("--", "-").lstrip("+")
            return float(text) if "." in text else int(text)
        return {b"true": True, b"false": False, b"null": None}.get(word, Word(word))


class Pdf:
    """An open file. Objects are found by looking through all of it, so that damaged indexes do not matter."""

    def __init__(self, data: bytes) -> None:
        if b"%PDF-" not in data[:1024]:
            raise BadPdf("this is no PDF file")
        self._data = data
        self._places: dict[int, int] = {}
        self._objects: dict[int, Any] = {}
        self.trailer: dict[str, Any] = {}
        self._scan()
        if "Encrypt" in self.trailer:
            raise BadPdf("the file is encrypted")
        if "Root" not in self.trailer:
            raise BadPdf("the file has no catalogue")

    def _scan(self) -> None:
        behind = 0
        for found in _OBJECT.finditer(self._data):
            if found.start() < behind:
                continue
            number, at = int(found[1]), found.end()
            self._places[number] = at
            self._objects.pop(number, None)
            value, behind = self._parsed(at)
            if not isinstance(value, Stream):
                continue
            if value.facts.get("Type") == "ObjStm":
                self._unpack(value)
            elif value.facts.get("Type") == "XRef":
                self._take_trailer(value.facts)
        for place in re.finditer(rb"trailer", self._data):
            told = Lexer(self._data, place.end()).value()
            if isinstance(told, dict):
                self._take_trailer(told)

    def _take_trailer(self, told: dict[str, Any]) -> None:
        self.trailer |= {name: told[name] for name in ("Root", "Info", "Encrypt") if told.get(name) is not None}

    def _parsed(self, at: int) -> tuple[Any, int]:
        """The object at a place, and where it ends."""
        lexer = Lexer(self._data, at)
        value = lexer.value()
        end = lexer.at
        mark = re.compile(rb"[\x00\t\n\x0c\r ]*stream(\r\n|\n|\r)").match(self._data, end)
        if not isinstance(value, dict) or mark is None:
            return value, end
        start, length = mark.end(), value.get("Length")
        if not isinstance(length, int) or b"endstream" not in self._data[start + length : start + length + 20]:
            stop = self._data.find(b"endstream", start)
            length = (stop if stop >= 0 else len(self._data)) - start
        return Stream(value, self._data[start : start + length]), start + length

    def _unpack(self, stream: Stream) -> None:
        """Take in the objects inside of a stream."""
        count, first = self.get(stream.facts.get("N")), self.get(stream.facts.get("First"))
        if not isinstance(count, int) or not isinstance(first, int):
            return
        data = self.bytes_of(stream)
        lexer = Lexer(data)
        heads = [lexer.value() for _ in range(2 * min(count, len(data)))]
        for number, offset in zip(heads[::2], heads[1::2], strict=False):
            if isinstance(number, int) and isinstance(offset, int):
                self._objects[number] = Lexer(data, first + offset).value()

    def get(self, value: Any) -> Any:
        """The value itself, or what a reference leads to; None for what is not there."""
        for _ in range(MOST_DEEP):
            if not isinstance(value, Ref):
                return value
            if value.number not in self._objects:
                place = self._places.get(value.number)
                self._objects[value.number] = None if place is None else self._parsed(place)[0]
            value = self._objects[value.number]
        return None

    def mapping(self, value: Any) -> dict[str, Any]:
        """The dictionary a value is, or that of a stream; empty for anything else."""
        found = self.get(value)
        if isinstance(found, Stream):
            return found.facts
        return found if isinstance(found, dict) else {}

    def items(self, value: Any) -> list[Any]:
        """The list a value is; a single value counts as a list of one."""
        found = self.get(value)
        if isinstance(found, list):
            return found
        return [] if found is None else [found]

    def bytes_of(self, stream: Stream) -> bytes:
        """The content of a stream; nothing where it is packed in a way that is no text."""
        data = stream.raw
        settings = self.items(stream.facts.get("DecodeParms", stream.facts.get("DP")))
        filters = self.items(stream.facts.get("Filter", stream.facts.get("F")))
        for place, name in enumerate(filters):
            told = self.mapping(settings[place]) if place < len(settings) else {}
            data = _unfiltered(str(self.get(name)), data, told)
        return data

    def pages(self) -> list[dict[str, Any]]:
        """The pages in order, each with the resources it inherits."""
        found: list[dict[str, Any]] = []
        waiting: list[tuple[Any, Any, int]] = [(self.mapping(self.trailer["Root"]).get("Pages"), None, 0)]
        seen: set[int] = set()
        while waiting:
            node, resources, depth = waiting.pop()
            if isinstance(node, Ref):
                if node.number in seen:
                    continue
                seen.add(node.number)
            page = self.mapping(node)
            resources = page.get("Resources", resources)
            if "Kids" in page and depth < MOST_DEEP:
                waiting += [(kid, resources, depth + 1) for kid in reversed(self.items(page["Kids"]))]
            elif page.get("Type") == "Page" or "Contents" in page:
                found.append(page | {"Resources": resources})
        return found


def _unfiltered(name: str, data: bytes, told: dict[str, Any]) -> bytes:
    if name in ("FlateDecode", "Fl"):
        return _unpredicted(_inflated(data), told)
    if name in ("LZWDecode", "LZW"):
        return _unpredicted(_lzw(data, early=told.get("EarlyChange", 1) != 0), told)
    if name in ("ASCIIHexDecode", "AHx"):
        return Lexer(b"<" + data + b">").value() or b""
    if name in ("ASCII85Decode", "A85"):
        try:
            return base64.a85decode(data.partition(b"~>")[0].removeprefix(b"<~"), ignorechars=_BLANK)
        except ValueError:
            return b""
    return b""


def _inflated(data: bytes) -> bytes:
    """As much as can be inflated: ends are often damaged."""
    reader, out = zlib.decompressobj(), b""
    try:
        out = reader.decompress(data, MOST_BYTES)
    except zlib.error:
        reader, found = zlib.decompressobj(), bytearray()
        for place in range(len(data)):
            try:
                found += reader.decompress(data[place : place + 1])
            except zlib.error:
                break
        out = bytes(found[:MOST_BYTES])
    return out


def _unpredicted(data: bytes, told: dict[str, Any]) -> bytes:
    if not isinstance(kind := told.get("Predictor", 1), int) or kind < 10:
        return data
    bits = int(told.get("Colors", 1)) * int(told.get("BitsPerComponent", 8))
    width, step = (int(told.get("Columns", 1)) * bits + 7) // 8, max(bits // 8, 1)
    out, before = bytearray(), bytearray(width)
    for at in range(0, len(data) - 1, width + 1):
        row = bytearray(data[at + 1 : at + 1 + width])
        _undo(data[at], row, before, step)
        out += row
        before = row + bytearray(width - len(row))
    return bytes(out)


def _undo(kind: int, row: bytearray, above: bytearray, step: int) -> None:
    for at in range(len(row)):
        left, corner = (row[at - step], above[at - step]) if at >= step else (0, 0)
        guess = (0, left, above[at], (left + above[at]) // 2, _nearest(left, above[at], corner))[
            kind if kind < 5 else 0
        ]
        row[at] = (row[at] + guess) & 255


def _nearest(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))


def _lzw(data: bytes, *, early: bool) -> bytes:
    table = [bytes([code]) for code in range(256)] + [b"", b""]
    out, width, bits, held, last = bytearray(), 9, 0, 0, b""
    for byte in data:
        held, bits = (held << 8) | byte, bits + 8
        if bits < width:
            continue
        bits -= width
        code, held = held >> bits, held & ((1 << bits) - 1)
        if code == 257 or len(out) > MOST_BYTES:
            break
        if code == 256:
            del table[258:]
            width, last = 9, b""
            continue
        entry = table[code] if code < len(table) else last + last[:1]
        out += entry
        if last and len(table) < 4096:
            table.append(last + entry[:1])
        last = entry
        width = min(max((len(table) + early).bit_length(), 9), 12)
    return bytes(out)
