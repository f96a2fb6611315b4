"""Attribute values: canonical numbers, sizes, equality."""

import pytest

from chalicelib.local.engine.dynamodb.values import absorb, clone, item_size, number_text, same
from chalicelib.local.engine.errors import ServiceError


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0", "0"),
        ("007", "7"),
        ("-0.0", "0"),
        ("1.2300", "1.23"),
        ("1E3", "1000"),
        ("1e-3", "0.001"),
        ("9" * 38, "9" * 38),
        ("1" + "0" * 60, "1" + "0" * 60),
    ],
)
def test_numbers_become_canonical(given, kept):
    assert number_text(given) == kept


@pytest.mark.parametrize("given", ["", "x", "NaN", "Infinity", "1" * 39, "1E126", "1E-131", "²"])
def test_what_is_no_number_is_refused(given):
    with pytest.raises(ServiceError):
        number_text(given)


@pytest.mark.parametrize(
    "given",
    [{}, {"S": "a", "N": "1"}, {"SS": []}, {"SS": ["a", "a"]}, {"NS": ["1", "1.0"]}, {"NULL": False}, {"S": "\ud800"}],
)
def test_malformed_values_are_refused(given):
    with pytest.raises(ServiceError):
        absorb(given)


def test_sizes_count_bytes():
    assert item_size({"é": {"S": "☃"}}) == 2 + 3
    assert item_size({"b": {"B": b"\x00" * 10}}) == 11


def test_equality_ignores_the_order_of_sets_and_knows_types():
    assert same({"SS": ["a", "b"]}, {"SS": ["b", "a"]})
    assert same({"M": {"s": {"NS": ["1", "2"]}}}, {"M": {"s": {"NS": ["2", "1"]}}})
    assert not same({"L": [{"N": "1"}, {"N": "2"}]}, {"L": [{"N": "2"}, {"N": "1"}]})
    assert not same({"S": "1"}, {"N": "1"})
    assert not same(None, None)


def test_a_clone_shares_nothing_that_can_change():
    value = {"M": {"l": {"L": [{"SS": ["a"]}]}}}
    copy = clone(value)
    copy["M"]["l"]["L"][0]["SS"].append("b")
    assert value == {"M": {"l": {"L": [{"SS": ["a"]}]}}}
