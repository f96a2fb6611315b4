"""Update expressions."""

import pytest

START = {
    "n": {"N": "10"},
    "m": {"M": {"x": {"N": "1"}, "deep": {"M": {"y": {"S": "old"}}}}},
    "l": {"L": [{"S": "a"}, {"S": "b"}, {"S": "c"}]},
    "tags": {"SS": ["a", "b"]},
    "s": {"S": "text"},
}


def _update(cloud, key, expression, values=None, names=None):
    table = cloud.table()
    cloud.put(table, "a", "1", **START)
    given = {"TableName": table, "Key": key("a", "1"), "UpdateExpression": expression, "ReturnValues": "ALL_NEW"}
    if values:
        given["ExpressionAttributeValues"] = values
    if names:
        given["ExpressionAttributeNames"] = names
    return cloud.dynamodb.update_item(**given)["Attributes"]


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        ("SET n = n - :v", {":v": {"N": "0.5"}}, {"n": {"N": "9.5"}}),
        ("SET z = if_not_exists(z, :v)", {":v": {"S": "new"}}, {"z": {"S": "new"}}),
        ("SET n = if_not_exists(n, :v)", {":v": {"N": "0"}}, {"n": {"N": "10"}}),
        ("SET z = if_not_exists(z, :v) + :v", {":v": {"N": "4"}}, {"z": {"N": "8"}}),
        ("SET l = list_append(l, :v)", {":v": {"L": [{"S": "d"}]}}, {"l": {"L": [*START["l"]["L"], {"S": "d"}]}}),
        ("SET l = list_append(:v, l)", {":v": {"L": [{"S": "0"}]}}, {"l": {"L": [{"S": "0"}, *START["l"]["L"]]}}),
        ("SET l[1] = :v", {":v": {"S": "B"}}, {"l": {"L": [{"S": "a"}, {"S": "B"}, {"S": "c"}]}}),
        ("SET l[9] = :v", {":v": {"S": "d"}}, {"l": {"L": [*START["l"]["L"], {"S": "d"}]}}),
        ("REMOVE l[0], l[1]", None, {"l": {"L": [{"S": "c"}]}}),
        (
            "SET m.deep.y = s, s = :v",
            {":v": {"S": "swapped"}},
            {"s": {"S": "swapped"}, "m": {"M": {"x": {"N": "1"}, "deep": {"M": {"y": {"S": "text"}}}}}},
        ),
        ("REMOVE m.deep, s", None, {"s": None, "m": {"M": {"x": {"N": "1"}}}}),
        ("ADD n :v, z :v", {":v": {"N": "3"}}, {"n": {"N": "13"}, "z": {"N": "3"}}),
        ("ADD m.x :v", {":v": {"N": "3"}}, {"m": {"M": {"x": {"N": "4"}, "deep": START["m"]["M"]["deep"]}}}),
        ("DELETE tags :v", {":v": {"SS": ["a", "zz"]}}, {"tags": {"SS": ["b"]}}),
        ("DELETE tags :v", {":v": {"SS": ["a", "b"]}}, {"tags": None}),
        ("SET s = :v REMOVE n ADD tags :t", {":v": {"S": "1"}, ":t": {"SS": ["z"]}}, {"s": {"S": "1"}, "n": None}),
    ],
)
def test_changes(cloud, key, expression, values, expected):
    after = _update(cloud, key, expression, values)
    assert {name: after.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("SET absent.x = :v", {":v": {"N": "1"}}),
        ("SET n = absent", None),
        ("SET n = s + :v", {":v": {"N": "1"}}),
        ("SET pk = :v", {":v": {"S": "x"}}),
        ("SET m = :v, m.x = :v", {":v": {"N": "1"}}),
        ("ADD s :v", {":v": {"N": "1"}}),
        ("SET n = :v SET s = :v", {":v": {"N": "1"}}),
        ("FROB n", None),
    ],
)
def test_refusals(cloud, key, refused, expression, values):
    refused("ValidationException", lambda: _update(cloud, key, expression, values))


def test_a_refused_update_changes_nothing(cloud, key, refused):
    table = cloud.table()
    cloud.put(table, "a", "1", n={"N": "1"})
    refused(
        "ValidationException",
        cloud.dynamodb.update_item,
        TableName=table,
        Key=key("a", "1"),
        UpdateExpression="SET n = :v, x.y = :v",
        ExpressionAttributeValues={":v": {"N": "2"}},
    )
    assert cloud.get(table, "a", "1")["n"] == {"N": "1"}


def test_an_update_makes_the_item_and_moves_it_in_the_index(cloud, key):
    table = cloud.table()
    for group in ("one", "two"):
        cloud.dynamodb.update_item(
            TableName=table,
            Key=key("a", "1"),
            UpdateExpression="SET gpk = :g, gsk = :s",
            ExpressionAttributeValues={":g": {"S": group}, ":s": {"S": "1"}},
        )
    found = {g: cloud.query(table, "gpk = :g", {":g": {"S": g}}, IndexName="gsi")["Count"] for g in ("one", "two")}
    assert found == {"one": 0, "two": 1}
    cloud.dynamodb.update_item(TableName=table, Key=key("a", "1"), UpdateExpression="REMOVE gsk")
    assert cloud.query(table, "gpk = :g", {":g": {"S": "two"}}, IndexName="gsi")["Count"] == 0
