"""The words of a text as search compares them: folded, each once, four bytes a word."""

import hashlib
import re
import sys
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice

SIZE = 4
_WORD = re.compile(r"\w+")
# Written without spaces, so that every pair of neighbours counts as a word.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]+")


def words(text: str) -> set[str]:
    """The words of a text, in one spelling."""
    return set(_split(_folded(text)))


def first_words(text: str, most: int) -> list[str]:
    """The first so many different words of a text, in one spelling."""
    return list(islice(dict.fromkeys(_split(_folded(text))), most))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _split(text: str) -> Iterator[str]:
    for found in _WORD.finditer(text):
        word = found.group()
        yield word
        for part in word.split("_"):
            if part:
                yield part
        for run in _UNSPACED.findall(word):
            yield from run
            yield from (run[at : at + 2] for at in range(len(run) - 1))


def packed(terms: Iterable[str]) -> bytes:
    """Words as they are kept."""
    return b"".join(sorted({code(term) for term in terms}))


def code(term: str) -> bytes:
    """One word as it is kept."""
    return hashlib.blake2b(term.encode(), digest_size=SIZE).digest()


def among(kept: bytes, asked: Iterable[bytes]) -> list[bytes]:
    """Those of the words asked for that are among those kept."""
    codes = array("I", kept)
    if sys.byteorder == "little":
        codes.byteswap()
    return [one for one in asked if _is_among(codes, int.from_bytes(one))]


def _is_among(codes: "array[int]", code: int) -> bool:
    place = bisect_left(codes, code)
    return place < len(codes) and codes[place] == code
