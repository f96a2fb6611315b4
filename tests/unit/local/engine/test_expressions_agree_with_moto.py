"""Compiled expressions decide and change as moto's own interpreter does, over many generated cases."""

import random

import pytest
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.parsing.validators import UpdateExpressionValidator

from chalicelib.local.engine.dynamodb.conditions import compile_condition
from chalicelib.local.engine.dynamodb.updates import compile_update

ITEM = {
    "pk": {"S": "key"},
    "n": {"N": "5"},
    "s": {"S": "banana"},
    "flag": {"BOOL": True},
    "tags": {"SS": ["a", "b"]},
    "m": {"M": {"x": {"N": "1"}, "y": {"S": "deep"}}},
    "l": {"L": [{"S": "a"}, {"N": "2"}]},
}
VALUES = {
    ":five": {"N": "5"},
    ":two": {"N": "2"},
    ":ban": {"S": "ban"},
    ":a": {"S": "a"},
    ":zz": {"S": "zz"},
    ":T": {"BOOL": True},
    ":set": {"SS": ["b", "c"]},
}
ATOMS = [
    "n = :five",
    "n < :five",
    "n <= :five",
    "n > :two",
    "n <> :two",
    "s = :ban",
    "s > :a",
    "s BETWEEN :a AND :zz",
    "n IN (:two, :five)",
    "flag = :T",
    "begins_with(s, :ban)",
    "contains(s, :ban)",
    "contains(tags, :a)",
    "contains(tags, :zz)",
    "attribute_exists(m.x)",
    "attribute_not_exists(m.z)",
    "attribute_exists(nobody)",
    "m.x < :two",
    "l[1] = :two",
    "size(s) > :five",
    "size(tags) = :two",
    "nobody = :a",
    "nobody <> :a",
]


def _condition(chance, depth):
    roll = chance.random()
    if depth == 0 or roll < 0.3:
        return chance.choice(ATOMS)
    if roll < 0.45:
        return f"NOT ({_condition(chance, depth - 1)})"
    word = chance.choice(["AND", "OR"])
    left, right = _condition(chance, depth - 1), _condition(chance, depth - 1)
    return f"({left}) {word} ({right})" if roll < 0.8 else f"{left} {word} {right}"


@pytest.mark.parametrize("seed", range(200))
def test_conditions(seed):
    text = _condition(random.Random(seed), 3)
    used = {name: value for name, value in VALUES.items() if name in text}
    theirs = get_filter_expression(text, {}, used).expr(_moto(ITEM))
    assert compile_condition("ConditionExpression", text, ()).test(ITEM, used) is bool(theirs), text


@pytest.mark.parametrize(
    "text",
    [
        "SET n = n + :two",
        "SET n = :five - n, s = :a",
        "SET fresh = if_not_exists(fresh, :a)",
        "SET n = if_not_exists(n, :two)",
        "SET m.x = m.x + :two, m.z = :a",
        "SET l[0] = :zz",
        "SET l[7] = :zz",
        "SET s = m.y, m.y = s",
        "REMOVE s, m.x",
        "REMOVE l[0]",
        "REMOVE l[0], l[1]",
        "ADD n :two",
        "ADD fresh :two",
        "ADD tags :set",
        "DELETE tags :set",
        "SET s = :a REMOVE flag ADD n :two DELETE tags :set",
    ],
)
def test_updates(text):
    used = {name: value for name, value in VALUES.items() if name in text}
    item = _moto(ITEM)
    tree = UpdateExpressionParser.make(text)
    checked = UpdateExpressionValidator(
        tree, expression_attribute_names={}, expression_attribute_values=used, item=item, table=_table()
    ).validate()
    checked.normalize()
    UpdateExpressionExecutor(checked, item, {}).execute()
    assert _plain(compile_update(text, ()).apply(ITEM, used)) == _plain(item.to_json()["Attributes"])


def _table():
    return Table(
        "t",
        account_id="123456789012",
        region="us-east-1",
        schema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        attr=[{"AttributeName": "pk", "AttributeType": "S"}],
        billing_mode="PAY_PER_REQUEST",
    )


def _moto(item):
    return Item(DynamoType(item["pk"]), None, item)


def _plain(value):
    if isinstance(value, dict):
        return {name: sorted(member) if name == "SS" else _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value
