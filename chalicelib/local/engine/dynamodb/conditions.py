"""Condition and filter expressions, compiled once per text into closures."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from chalicelib.local.engine.dynamodb.syntax import (
    Between,
    Call,
    Compare,
    Condition,
    In,
    Junction,
    Not,
    Operand,
    Path,
    Placeholder,
    Reader,
)
from chalicelib.local.engine.dynamodb.values import Item, Value, same, sort_key
from chalicelib.local.engine.errors import validation

Test = Callable[[Item, Item], bool]
Getter = Callable[[Item, Item], Value | None]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERED_TAGS = ("S", "N", "B")
_TYPE_NAMES = frozenset(["S", "N", "B", "SS", "NS", "BS", "BOOL", "NULL", "L", "M"])


@dataclass(frozen=True, slots=True)
class Predicate:
    """A compiled condition; `tree` is its syntax tree."""

    test: Test
    tree: Condition
    used_names: frozenset[str]
    used_values: frozenset[str]


@lru_cache(maxsize=4096)
def compile_condition(label: str, text: str, names: tuple[tuple[str, str], ...]) -> Predicate:
    """Compiles an expression. `label` is what error messages call it. Raises ValidationException."""
    reader = Reader(label, text, dict(names))
    tree = reader.condition()
    reader.finish()
    test = _Compiler(label).condition(tree)
    return Predicate(test, tree, frozenset(reader.used_names), frozenset(reader.used_values))


def resolve(item: Item, parts: tuple[str | int, ...]) -> Value | None:
    """The value at a document path, or None."""
    value: Any = item.get(parts[0])  # type: ignore[arg-type]
    for part in parts[1:]:
        if value is None:
            return None
        if isinstance(part, int):
            members = value.get("L", ())
            value = members[part] if part < len(members) else None
        else:
            value = value.get("M", {}).get(part)
    return value  # type: ignore[no-any-return]


def getter(operand: Operand) -> Getter:
    """A closure that fetches an operand from an item and the expression's values."""
    if isinstance(operand, Placeholder):
        name = operand.name
        return lambda _, values: values[name]
    if isinstance(operand, Path):
        parts = operand.parts
        first = str(parts[0])
        if len(parts) == 1:
            return lambda item, _: item.get(first)
        return lambda item, _: resolve(item, parts)
    return _size_getter(operand)


def _size_getter(call: Call) -> Getter:
    if call.name != "size":
        raise validation(
            "Invalid expression: The function is not allowed to be used this way in an expression; "
            f"function: {call.name}"
        )
    inner = getter(call.arguments[0])

    def size(item: Item, values: Item) -> Value | None:
        value = inner(item, values)
        if value is None:
            return None
        ((tag, content),) = value.items()
        return None if tag in ("N", "BOOL", "NULL") else {"N": str(len(content))}

    return size


class _Compiler:
    def __init__(self, label: str) -> None:
        self._label = label

    def condition(self, tree: Condition) -> Test:
        if isinstance(tree, Junction):
            return self._junction(tree)
        if isinstance(tree, Not):
            inner = self.condition(tree.term)
            return lambda item, values: not inner(item, values)
        if isinstance(tree, Compare):
            return self._compare(tree)
        if isinstance(tree, Between):
            low = self._ordered(">=", tree.operand, tree.low, "BETWEEN")
            high = self._ordered("<=", tree.operand, tree.high, "BETWEEN")
            return lambda item, values: low(item, values) and high(item, values)
        if isinstance(tree, In):
            return _membership(tree)
        return self._function(tree)

    def _junction(self, tree: Junction) -> Test:
        terms = [self.condition(term) for term in tree.terms]
        if tree.word == "AND":
            return lambda item, values: all(term(item, values) for term in terms)
        return lambda item, values: any(term(item, values) for term in terms)

    def _compare(self, tree: Compare) -> Test:
        if tree.operator in _ORDER:
            return self._ordered(tree.operator, tree.left, tree.right, tree.operator)
        left, right = getter(tree.left), getter(tree.right)
        if tree.operator == "=":
            return lambda item, values: same(left(item, values), right(item, values))
        return lambda item, values: not same(left(item, values), right(item, values))

    def _ordered(self, sign: str, left_operand: Operand, right_operand: Operand, shown: str) -> Test:
        left, right = getter(left_operand), getter(right_operand)
        compare = _ORDER[sign]
        given = [o for o in (left_operand, right_operand) if isinstance(o, Placeholder)]

        def test(item: Item, values: Item) -> bool:
            for placeholder in given:
                self._need(shown, values[placeholder.name], _ORDERED_TAGS)
            one, two = left(item, values), right(item, values)
            if one is None or two is None or one.keys() != two.keys():
                return False
            return next(iter(one)) in _ORDERED_TAGS and compare(sort_key(one), sort_key(two))

        return test

    def _need(self, shown: str, value: Value, tags: tuple[str, ...]) -> None:
        tag = next(iter(value))
        if tag not in tags:
            raise validation(
                f"Invalid {self._label}: Incorrect operand type for operator or function; "
                f"operator or function: {shown}, operand type: {tag}"
            )

    def _function(self, call: Call) -> Test:
        first = getter(call.arguments[0])
        if call.name in ("attribute_exists", "attribute_not_exists"):
            if not isinstance(call.arguments[0], Path):
                raise validation(
                    f"Invalid {self._label}: Operator or function requires a document path; "
                    f"operator or function: {call.name}"
                )
            wanted = call.name == "attribute_exists"
            return lambda item, values: (first(item, values) is not None) is wanted
        second = getter(call.arguments[1])
        if call.name == "attribute_type":
            return self._type_test(first, second)
        if call.name == "begins_with":
            return self._prefix_test(first, second)
        return lambda item, values: _contains(first(item, values), second(item, values))

    def _type_test(self, first: Getter, second: Getter) -> Test:
        def test(item: Item, values: Item) -> bool:
            name = (second(item, values) or {}).get("S")
            if name not in _TYPE_NAMES:
                raise validation(
                    f"Invalid {self._label}: Invalid attribute type name found; type: {name}, "
                    "valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
                )
            return name in (first(item, values) or {})

        return test

    def _prefix_test(self, first: Getter, second: Getter) -> Test:
        def test(item: Item, values: Item) -> bool:
            value, prefix = first(item, values), second(item, values)
            if prefix is not None:
                self._need("begins_with", prefix, ("S", "B"))
            if value is None or prefix is None or value.keys() != prefix.keys():
                return False
            ((_, content),) = value.items()
            return bool(content.startswith(next(iter(prefix.values()))))

        return test


def _membership(tree: In) -> Test:
    subject = getter(tree.operand)
    options = [getter(option) for option in tree.options]
    return lambda item, values: any(same(subject(item, values), o(item, values)) for o in options)


def _contains(value: Value | None, wanted: Value | None) -> bool:
    if value is None or wanted is None:
        return False
    ((tag, content),) = value.items()
    ((wanted_tag, part),) = wanted.items()
    if tag == "L":
        return any(same(member, wanted) for member in content)
    inside_text = tag == wanted_tag and tag in ("S", "B")
    return (inside_text or tag == wanted_tag + "S") and part in content
