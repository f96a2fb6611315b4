"""The order of search results: words that occur exactly, and vectors that lie close."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.embeddings.vectors import Question
from chalicelib.memory import terms
from chalicelib.memory.facets import Facets

_COMPLETE = 0.75
_ALL = 1 - 1e-9
_MOST_WORDS = 256
"""So many words of a query are looked for: each is looked for in every memory."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A memory and how well it fits, from 0 to 1."""

    memory_id: str
    score: float


def ranked(known: Sequence[Facets], query: str, question: Question | None, model: str) -> list[Ranked]:
    """What fits at all, best first. Without a ``question`` the words alone decide, and no common word is no fit.

    A memory that holds every word of the query stands before all that do not.
    """
    by_words = _by_words(known, query)
    by_sense = {} if question is None else _by_sense(known, question, model)
    scored = []
    for one in known:
        words, sense = by_words.get(one.memory_id, 0.0), by_sense.get(one.memory_id)
        score = words if question is None else _together(words, sense or 0.0)
        if words or sense is not None:
            scored.append(Ranked(one.memory_id, score))
    return sorted(scored, key=lambda one: (-one.score, one.memory_id))


def _together(words: float, sense: float) -> float:
    if words >= _ALL:
        return _COMPLETE + (1 - _COMPLETE) * sense
    return _COMPLETE * (words + sense) / 2


def _by_words(known: Sequence[Facets], query: str) -> dict[str, float]:
    """The share of the query's words that a memory holds; rare words weigh more."""
    asked = dict.fromkeys(terms.code(word) for word in terms.first_words(query, _MOST_WORDS))
    held = {one.memory_id: terms.among(one.terms, asked) for one in known}
    holders = Counter(word for words in held.values() for word in words)
    weights = {word: math.log(1 + (1 + len(known)) / (1 + holders[word])) for word in asked}
    whole = sum(weights.values())
    return {one: min(sum(weights[word] for word in words) / whole, 1.0) for one, words in held.items() if words}


def _by_sense(known: Sequence[Facets], question: Question, model: str) -> dict[str, float]:
    """Likeness spread over 0 to 1: models place even strangers close together, so that only the order means much."""
    likeness = {
        one.memory_id: found
        for one in known
        if one.vectors and one.model == model and (found := question.likeness(one.vectors)) is not None
    }
    if not likeness:
        return {}
    low, high = min(likeness.values()), max(likeness.values())
    return {one: (found - low) / (high - low) if high > low else 1.0 for one, found in likeness.items()}
