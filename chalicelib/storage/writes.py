"""Conditional writes as values, so that several can be handed over as one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.storage.keys import Key
from chalicelib.storage.marshal import Row, Scalar, to_wire, to_wire_value


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition expression with its names and values; conditions join with ``&``."""

    expression: str
    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def __and__(self, other: "Condition") -> "Condition":
        return Condition(
            f"({self.expression}) AND ({other.expression})",
            self.names | other.names,
            self.values | other.values,
        )

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(
            f"({self.expression}) OR ({other.expression})",
            self.names | other.names,
            self.values | other.values,
        )


ABSENT = Condition("attribute_not_exists(pk)")
PRESENT = Condition("attribute_exists(pk)")


def compare(attribute: str, operator: str, value: Scalar) -> Condition:
    """``attribute operator value`` with operator one of ``= <> < <= > >=``."""
    tag = f"c_{attribute}_{'_'.join(str(ord(sign)) for sign in operator)}"
    return Condition(f"#{tag} {operator} :{tag}", {f"#{tag}": attribute}, {f":{tag}": to_wire_value(value)})


def equals(attribute: str, value: Scalar) -> Condition:
    """The attribute has this value."""
    return compare(attribute, "=", value)


def missing(attribute: str) -> Condition:
    """The row has no such attribute."""
    return Condition(f"attribute_not_exists(#m_{attribute})", {f"#m_{attribute}": attribute})


@dataclass(frozen=True, slots=True)
class Write:
    """One write in the form TransactWriteItems takes; ``kind`` is Put, Update, Delete or ConditionCheck.

    ``after`` is called once the write is in the table; it must not raise.
    """

    kind: str
    request: dict[str, Any]
    after: Callable[[], None] | None = None


def _conditioned(request: dict[str, Any], condition: Condition | None) -> dict[str, Any]:
    if condition is None:
        return request
    request["ConditionExpression"] = condition.expression
    request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if condition.names:
        request.setdefault("ExpressionAttributeNames", {}).update(condition.names)
    if condition.values:
        request.setdefault("ExpressionAttributeValues", {}).update(condition.values)
    return request


def put(row: Row, condition: Condition | None = None) -> Write:
    """Write a whole row (``pk`` and ``sk`` are among its attributes)."""
    return Write("Put", _conditioned({"Item": to_wire(row)}, condition))


def delete(key: Key, condition: Condition | None = None) -> Write:
    """Remove a row."""
    return Write("Delete", _conditioned({"Key": to_wire({"pk": key.pk, "sk": key.sk})}, condition))


def check(key: Key, condition: Condition) -> Write:
    """Only demand a state; for transactions."""
    return Write("ConditionCheck", _conditioned({"Key": to_wire({"pk": key.pk, "sk": key.sk})}, condition))


def update(
    key: Key,
    changes: dict[str, Scalar | None],
    condition: Condition | None = None,
    *,
    add: dict[str, int] | None = None,
) -> Write:
    """Set attributes (None removes one) and add to numbers; makes the row if the condition lets it."""
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    sets, removes, adds = [], [], []
    for name, value in changes.items():
        names[f"#u_{name}"] = name
        if value is None:
            removes.append(f"#u_{name}")
            continue
        values[f":u_{name}"] = to_wire_value(value)
        sets.append(f"#u_{name} = :u_{name}")
    for name, amount in (add or {}).items():
        names[f"#u_{name}"] = name
        values[f":u_{name}"] = to_wire_value(amount)
        adds.append(f"#u_{name} :u_{name}")
    parts = [
        f"{verb} {', '.join(clauses)}"
        for verb, clauses in (("SET", sets), ("REMOVE", removes), ("ADD", adds))
        if clauses
    ]
    request: dict[str, Any] = {
        "Key": to_wire({"pk": key.pk, "sk": key.sk}),
        "UpdateExpression": " ".join(parts),
        "ExpressionAttributeNames": names,
    }
    if values:
        request["ExpressionAttributeValues"] = values
    return Write("Update", _conditioned(request, condition))
