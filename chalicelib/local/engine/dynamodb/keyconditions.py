"""Key conditions of queries: one partition, and a bound on its sort key."""

from typing import Any

from chalicelib.local.engine.dynamodb.conditions import Predicate
from chalicelib.local.engine.dynamodb.index import Range
from chalicelib.local.engine.dynamodb.syntax import (
    Between,
    Call,
    Compare,
    Condition,
    Junction,
    Operand,
    Path,
    Placeholder,
)
from chalicelib.local.engine.dynamodb.values import Item, sort_key
from chalicelib.local.engine.errors import ServiceError, validation

_SIGNS = frozenset(["=", "<", "<=", ">", ">="])


class KeyCondition:
    """A key condition read against the keys of a table or index. Raises ValidationException."""

    def __init__(
        self, predicate: Predicate, values: Item, hash_name: str, range_name: str | None, types: dict[str, str]
    ) -> None:
        self._values = values
        self._types = types
        bounds = self._bounds(predicate.tree)
        if hash_name not in bounds:
            raise validation(f"Query condition missed key schema element: {hash_name}")
        partition = bounds.pop(hash_name)
        if partition.operator != "=":
            raise validation("Query key condition not supported")
        self.hash_key: Any = partition.low
        self.bound: Range | None = bounds.pop(range_name, None) if range_name else None
        if bounds:
            raise validation(f"Query condition missed key schema element: {range_name or hash_name}")

    def _bounds(self, tree: Condition) -> dict[str, Range]:
        terms = tree.terms if isinstance(tree, Junction) and tree.word == "AND" else (tree,)
        bounds: dict[str, Range] = {}
        for term in self._flat(terms):
            name, bound = self._bound(term)
            if name in bounds:
                raise validation(
                    "Invalid KeyConditionExpression: The expression must only contain one condition per key"
                )
            bounds[name] = bound
        return bounds

    def _flat(self, terms: tuple[Condition, ...]) -> list[Condition]:
        flat: list[Condition] = []
        for term in terms:
            nested = isinstance(term, Junction) and term.word == "AND"
            flat.extend(self._flat(term.terms) if nested else [term])  # type: ignore[union-attr]
        return flat

    def _bound(self, term: Condition) -> tuple[str, Range]:
        if isinstance(term, Compare) and term.operator in _SIGNS:
            return self._named(term.left, term.operator, term.right)
        if isinstance(term, Between):
            return self._named(term.operand, "BETWEEN", term.low, term.high)
        if isinstance(term, Call) and term.name == "begins_with":
            return self._named(term.arguments[0], "begins_with", term.arguments[1])
        raise _unsupported()

    def _named(self, operand: Operand, sign: str, *given: Operand) -> tuple[str, Range]:
        if not isinstance(operand, Path) or len(operand.parts) != 1:
            raise _unsupported()
        name = str(operand.parts[0])
        parts = [self._key_value(name, value) for value in given]
        if sign == "BETWEEN" and parts[0] > parts[1]:
            raise validation(
                "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater "
                "than or equal to lower bound"
            )
        return name, Range(sign, *parts)

    def _key_value(self, name: str, operand: Operand) -> Any:
        if not isinstance(operand, Placeholder):
            raise _unsupported()
        value = self._values[operand.name]
        if name in self._types and self._types[name] not in value:
            raise validation(
                "One or more parameter values were invalid: Condition parameter type does not match schema type"
            )
        return sort_key(value)


def _unsupported() -> ServiceError:
    return validation("Query key condition not supported")
