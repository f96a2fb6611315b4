"""Vectors of a byte a number keep the order of likeness; texts are cut into a bounded number of parts."""

import math
import random

import pytest

from chalicelib.embeddings.passages import LONGEST, MOST, passages
from chalicelib.embeddings.vectors import Question, packed


def cosine(one: list[float], other: list[float]) -> float:
    """The cosine of two vectors."""
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


def test_likeness_is_close_to_the_exact_cosine() -> None:
    chance = random.Random(7)
    for _ in range(20):
        one, other = ([chance.gauss(0, 0.05) for _ in range(384)] for _ in range(2))
        found = Question(one).likeness(packed([other]))
        assert found == pytest.approx(cosine(one, other), abs=0.01)
    assert Question(one).likeness(packed([one])) == pytest.approx(1)


def test_the_closest_of_several_counts() -> None:
    assert Question([1, 0]).likeness(packed([[0, 1], [1, 0], [-1, 0]])) == pytest.approx(1)


def test_vectors_of_another_length_cannot_be_compared() -> None:
    assert Question([1, 0, 0]).likeness(packed([[1, 0]])) is None
    assert Question([1, 0]).likeness(b"") is None
    assert Question([0, 0]).likeness(packed([[0, 0]])) == 0


def test_short_texts_are_one_part_and_empty_ones_none() -> None:
    assert passages("One sentence. Another one.") == ["One sentence. Another one."]
    assert passages(" \n ") == []


def test_long_texts_are_a_bounded_number_of_bounded_parts() -> None:
    text = " ".join(f"Sentence number {number} says something." for number in range(2000))
    parts = passages(text)
    assert len(parts) == MOST
    assert all(0 < len(part) <= LONGEST for part in parts)
    assert parts[0].startswith("Sentence number 0 ")
    assert parts[-1].endswith("number 1999 says something.")
    assert all(len(part) <= LONGEST for part in passages("x" * 5000))
