"""Sorted runs agree with sorting and filtering a plain list."""

import random

import pytest

from chalicelib.local.engine.dynamodb.index import Entry, Partitions, Range, Run

TESTS = {
    "=": lambda key, low, high: key == low,
    "<": lambda key, low, high: key < low,
    "<=": lambda key, low, high: key <= low,
    ">": lambda key, low, high: key > low,
    ">=": lambda key, low, high: key >= low,
    "BETWEEN": lambda key, low, high: low <= key <= high,
    "begins_with": lambda key, low, high: key.startswith(low),
}


def _entry(*key):
    return Entry(key, {}, 0)


def _text(chance):
    return "".join(chance.choice("ab\U0010ffff") for _ in range(chance.randint(1, 4)))


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("sign", TESTS)
def test_ranges(seed, sign):
    chance, run = random.Random(f"{seed}{sign}"), Run()
    kept = set()
    for _ in range(60):
        key = (_text(chance), chance.randint(0, 3))
        if chance.random() < 0.8:
            run.put(key, _entry(*key))
            kept.add(key)
        else:
            run.remove(key)
            kept.discard(key)
    low, high = sorted((_text(chance), _text(chance)))
    after = chance.choice([None, (_text(chance), 1)])
    forward = chance.random() < 0.5
    found = [entry.key for entry in run.walk(Range(sign, low, high), after, forward)]
    expected = sorted((key for key in kept if TESTS[sign](key[0], low, high)), reverse=not forward)
    if after is not None:
        expected = [key for key in expected if (key > after if forward else key < after)]
    assert found == expected


def test_a_binary_prefix_of_highest_bytes_has_no_end():
    run = Run()
    for key in (b"\xff", b"\xff\xff", b"\xff\xff\x01", b"\xfe"):
        run.put((key,), _entry(key))
    found = [entry.key[0] for entry in run.walk(Range("begins_with", b"\xff\xff"), None, forward=True)]
    assert found == [b"\xff\xff", b"\xff\xff\x01"]


def test_partitions_are_scanned_in_order_and_vanish_when_empty():
    partitions = Partitions()
    for name in ("b", "a", "c"):
        for n in (2, 1):
            partitions.put(name, (n,), _entry(name, n))
    assert [entry.key for entry in partitions.scan(("a", (1,)))] == [("a", 2), ("b", 1), ("b", 2), ("c", 1), ("c", 2)]
    partitions.remove("b", (1,))
    partitions.remove("b", (2,))
    assert partitions.order == ["a", "c"]
    assert [entry.key for entry in partitions.scan(("b", (1,)))] == [("c", 1), ("c", 2)]
