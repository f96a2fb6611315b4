"""The words of a text as search compares them: folded, each once, four bytes a word."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator

SIZE = 4
_WORD = re.compile(r"\w+")
# Written without spaces, so that every pair of neighbours counts as a word.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]+")


def words(text: str) -> set[str]:
    """The words of a text, in one spelling."""
    return set(_split(unicodedata.normalize("NFKC", text).casefold()))


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


def holds(kept: bytes, one: bytes) -> bool:
    """Whether a word is among those kept."""
    low, high = 0, len(kept) // SIZE
    while low < high:
        middle = (low + high) // 2
        found = kept[middle * SIZE : (middle + 1) * SIZE]
        if found == one:
            return True
        low, high = (middle + 1, high) if found < one else (low, middle)
    return False
