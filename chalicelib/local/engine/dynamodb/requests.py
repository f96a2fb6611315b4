"""What the operations share: a request's expressions, checked together."""

from typing import Any

from chalicelib.local.engine.dynamodb.conditions import Predicate, compile_condition
from chalicelib.local.engine.dynamodb.projections import Projection, compile_projection
from chalicelib.local.engine.dynamodb.updates import Update, compile_update
from chalicelib.local.engine.dynamodb.values import Item, absorb_all
from chalicelib.local.engine.errors import validation

Params = dict[str, Any]

# Superseded by expressions long ago; refused rather than ignored.
_LEGACY = frozenset(
    [
        "AttributesToGet",
        "AttributeUpdates",
        "ConditionalOperator",
        "Expected",
        "KeyConditions",
        "QueryFilter",
        "ScanFilter",
    ]
)


class Expressions:
    """The compiled expressions of one request and the values they refer to."""

    def __init__(self, params: Params) -> None:
        if not _LEGACY.isdisjoint(params):
            name = min(_LEGACY & params.keys())
            raise validation(f"The parameter {name} is not served here; use an expression instead")
        self._params = params
        self._names = params.get("ExpressionAttributeNames") or {}
        self._names_key = tuple(self._names.items())
        self.values: Item = absorb_all(params.get("ExpressionAttributeValues") or {})
        self._used_names: set[str] = set()
        self._used_values: set[str] = set()

    def condition(self, parameter: str) -> Predicate | None:
        """The compiled condition of a parameter, when it is given."""
        text = self._params.get(parameter)
        if text is None:
            return None
        predicate = compile_condition(parameter, text, self._names_key)
        self._use(parameter, predicate.used_names, predicate.used_values)
        return predicate

    def update(self) -> Update | None:
        """The compiled update expression, when it is given."""
        text = self._params.get("UpdateExpression")
        if text is None:
            return None
        update = compile_update(text, self._names_key)
        self._use("UpdateExpression", update.used_names, update.used_values)
        return update

    def projection(self) -> Projection | None:
        """The compiled projection expression, when it is given."""
        text = self._params.get("ProjectionExpression")
        if text is None:
            return None
        projection = compile_projection(text, self._names_key)
        self._use("ProjectionExpression", projection.used_names, frozenset())
        return projection

    def _use(self, label: str, names: frozenset[str], values: frozenset[str]) -> None:
        self._used_names |= names
        self._used_values |= values
        if not values <= self.values.keys():
            missing = min(values - self.values.keys())
            raise validation(
                f"Invalid {label}: An expression attribute value used in expression is not defined; "
                f"attribute value: {missing}"
            )

    def finish(self) -> None:
        """Refuses names and values that no expression used; call it when all are compiled."""
        for kind, given, used in (
            ("Names", self._names.keys(), self._used_names),
            ("Values", self.values.keys(), self._used_values),
        ):
            unused = given - used
            if unused:
                shown = ", ".join(sorted(unused))
                raise validation(
                    f"Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{shown}}}"
                )
