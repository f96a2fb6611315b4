"""Items: types, conditions, returned values and refusals."""

import re

import boto3
import pytest
from boto3.dynamodb.types import Binary

EVERY_BYTE = bytes(range(256))
RICH = {
    "text": {"S": "héllo ☃ \U0001f600"},
    "empty": {"S": ""},
    "number": {"N": "-12.5"},
    "bits": {"B": EVERY_BYTE},
    "void": {"B": b""},
    "yes": {"BOOL": True},
    "null": {"NULL": True},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "blobs": {"BS": [b"\x00", b"\xff\xfe"]},
    "list": {"L": [{"B": b"\x01"}, {"M": {"B": {"B": b"\x02"}, "S": {"S": "not a tag"}}}, {"N": "3"}]},
    "map": {"M": {"deep": {"L": [{"BOOL": False}, {"NULL": True}]}}},
}


def _sorted_sets(item):
    return {n: {t: sorted(c)} if t in ("SS", "NS", "BS") else {t: c} for n, v in item.items() for t, c in v.items()}


def test_every_type_comes_back_as_it_was_stored(cloud, key):
    table = cloud.table()
    cloud.put(table, "a", "1", **RICH)
    expected = {**key("a", "1"), **_sorted_sets(RICH)}
    assert _sorted_sets(cloud.get(table, "a", "1")) == expected
    [queried] = cloud.query(table, "pk = :p", {":p": {"S": "a"}})["Items"]
    assert _sorted_sets(queried) == expected
    batch = cloud.dynamodb.batch_get_item(RequestItems={table: {"Keys": [key("a", "1")]}})
    assert _sorted_sets(batch["Responses"][table][0]) == expected
    got = cloud.dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": key("a", "1")}}])
    assert _sorted_sets(got["Responses"][0]["Item"]) == expected
    [scanned] = cloud.dynamodb.scan(TableName=table)["Items"]
    assert _sorted_sets(scanned) == expected


def test_binary_in_conditions_updates_and_transactions(cloud, key, refused):
    table = cloud.table()
    cloud.put(table, "a", "1", bits={"B": b"\x00\x01"})
    given = {"TableName": table, "Key": key("a", "1"), "UpdateExpression": "SET bits = :new"}
    condition = {"ConditionExpression": "bits = :old AND begins_with(bits, :start)"}
    values = {":new": {"B": b"\xff"}, ":old": {"B": b"\x00\x01"}, ":start": {"B": b"\x00"}}
    answer = cloud.dynamodb.update_item(**given, **condition, ExpressionAttributeValues=values, ReturnValues="ALL_NEW")
    assert answer["Attributes"]["bits"] == {"B": b"\xff"}
    error = refused(
        "ConditionalCheckFailedException",
        cloud.dynamodb.update_item,
        **given,
        **condition,
        ExpressionAttributeValues=values,
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert error["Item"]["bits"] == {"B": b"\xff"}
    put = {"TableName": table, "Item": {**key("b", "1"), "bits": {"B": EVERY_BYTE}}}
    cloud.dynamodb.transact_write_items(TransactItems=[{"Put": put}])
    assert cloud.get(table, "b", "1")["bits"] == {"B": EVERY_BYTE}


def test_binary_sort_keys_order_by_byte(cloud):
    table = cloud.table(sort_type="B")
    for value in (b"\xff", b"\x00", b"\x80", b"\x00\x01"):
        cloud.dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"B": value}})
    items = cloud.query(table, "pk = :p AND begins_with(sk, :s)", {":p": {"S": "a"}, ":s": {"B": b"\x00"}})["Items"]
    assert [item["sk"]["B"] for item in items] == [b"\x00", b"\x00\x01"]
    page = cloud.query(table, "pk = :p", {":p": {"S": "a"}}, Limit=3)
    rest = cloud.query(table, "pk = :p", {":p": {"S": "a"}}, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert [item["sk"]["B"] for item in rest["Items"]] == [b"\xff"]


def test_the_resource_layer_works(cloud, own_engine):
    table = boto3.resource("dynamodb").Table(cloud.table())
    table.put_item(Item={"pk": "a", "sk": "1", "n": 5, "b": Binary(b"\x00"), "l": [1, {"x": None}]})
    item = table.get_item(Key={"pk": "a", "sk": "1"})["Item"]
    assert (item["n"], item["b"], item["l"]) == (5, Binary(b"\x00"), [1, {"x": None}])


def test_answers_do_not_alias_what_is_stored(cloud):
    table = cloud.table()
    given = {"L": [{"S": "kept"}]}
    cloud.put(table, "a", "1", list=given)
    given["L"].append({"S": "added by the caller"})
    cloud.get(table, "a", "1")["list"]["L"].clear()
    assert cloud.get(table, "a", "1")["list"] == {"L": [{"S": "kept"}]}


def test_numbers_are_kept_exactly_and_canonically(cloud):
    table = cloud.table()
    for given, kept in [
        ("1.50", "1.5"),
        ("-0", "0"),
        ("1E3", "1000"),
        ("12345678901234567890.5", "12345678901234567890.5"),
    ]:
        cloud.put(table, "a", "1", n={"N": given})
        assert cloud.get(table, "a", "1")["n"] == {"N": kept}


def test_put_if_absent_and_the_item_that_was_there(cloud, key, refused):
    table = cloud.table()
    given = {"TableName": table, "Item": {**key("a", "1"), "v": {"N": "1"}}}
    cloud.dynamodb.put_item(**given, ConditionExpression="attribute_not_exists(pk)")
    again = {**given, "ConditionExpression": "attribute_not_exists(pk)"}
    error = refused(
        "ConditionalCheckFailedException",
        cloud.dynamodb.put_item,
        **again,
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert error["Item"]["v"] == {"N": "1"}
    assert "Item" not in refused("ConditionalCheckFailedException", cloud.dynamodb.put_item, **again)
    with pytest.raises(cloud.dynamodb.exceptions.ConditionalCheckFailedException):
        cloud.dynamodb.put_item(**again)


def test_returned_values(cloud, key):
    table = cloud.table()
    cloud.put(table, "a", "1", x={"N": "1"}, y={"S": "same"})
    update = {
        "TableName": table,
        "Key": key("a", "1"),
        "UpdateExpression": "SET x = x + :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    call = cloud.dynamodb.update_item
    assert call(**update, ReturnValues="UPDATED_OLD")["Attributes"] == {"x": {"N": "1"}}
    assert call(**update, ReturnValues="UPDATED_NEW")["Attributes"] == {"x": {"N": "3"}}
    assert call(**update, ReturnValues="ALL_OLD")["Attributes"]["x"] == {"N": "3"}
    assert call(**update, ReturnValues="ALL_NEW")["Attributes"] == {
        **key("a", "1"),
        "x": {"N": "5"},
        "y": {"S": "same"},
    }
    assert "Attributes" not in call(**update)
    old = cloud.dynamodb.delete_item(TableName=table, Key=key("a", "1"), ReturnValues="ALL_OLD")
    assert old["Attributes"]["x"] == {"N": "6"}
    assert "Attributes" not in cloud.dynamodb.delete_item(TableName=table, Key=key("a", "1"), ReturnValues="ALL_OLD")


def test_projection(cloud, key):
    table = cloud.table()
    cloud.put(table, "a", "1", m={"M": {"x": {"N": "1"}, "y": {"N": "2"}}}, status={"S": "on"}, z={"S": "no"})
    answer = cloud.dynamodb.get_item(
        TableName=table,
        Key=key("a", "1"),
        ProjectionExpression="m.x, #s, absent",
        ExpressionAttributeNames={"#s": "status"},
    )
    assert answer["Item"] == {"m": {"M": {"x": {"N": "1"}}}, "status": {"S": "on"}}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("n = :five", True),
        ("n <> :five", False),
        ("absent <> :five", True),
        ("n BETWEEN :one AND :five", True),
        ("n IN (:one, :five)", True),
        ("NOT n IN (:one)", True),
        ("contains(tags, :a) AND NOT contains(tags, :zz)", True),
        ("contains(s, :a)", True),
        ("size(s) > :one", True),
        ("attribute_type(s, :S)", True),
        ("(n = :one OR n = :five) AND attribute_exists(m.x)", True),
        ("n = :one OR n = :five AND attribute_not_exists(m.x)", False),
        ("m.x = :one AND l[0] = :a", True),
        ("n > :a", False),
    ],
)
def test_conditions(cloud, key, expression, holds):
    table = cloud.table()
    cloud.put(
        table,
        "a",
        "1",
        n={"N": "5"},
        s={"S": "banana"},
        tags={"SS": ["a", "b"]},
        m={"M": {"x": {"N": "1"}}},
        l={"L": [{"S": "a"}]},
    )
    known = {":five": {"N": "5"}, ":one": {"N": "1"}, ":a": {"S": "a"}, ":zz": {"S": "zz"}, ":S": {"S": "S"}}
    values = {name: value for name, value in known.items() if name in re.findall(r":\w+", expression)}
    given = {"TableName": table, "Key": key("a", "1"), "ConditionExpression": expression}
    if values:
        given["ExpressionAttributeValues"] = values
    try:
        cloud.dynamodb.delete_item(**given)
        passed = True
    except cloud.dynamodb.exceptions.ConditionalCheckFailedException:
        passed = False
    assert passed is holds


@pytest.mark.parametrize(
    "wrong",
    [
        {"ConditionExpression": "status = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"ConditionExpression": "a = :absent", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"ConditionExpression": "a = = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"ConditionExpression": "#n = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {
            "ConditionExpression": "a = :v",
            "ExpressionAttributeValues": {":v": {"S": "x"}, ":unused": {"S": "x"}},
        },
        {"Item": {"pk": {"S": ""}, "sk": {"S": "1"}}},
        {"Item": {"pk": {"S": "a"}}},
        {"Item": {"pk": {"N": "1"}, "sk": {"S": "1"}}},
        {"Item": {"pk": {"S": "a"}, "sk": {"S": "1"}, "n": {"N": "no number"}}},
        {"Item": {"pk": {"S": "a"}, "sk": {"S": "1"}, "x": {"S": "x" * 410_000}}},
        {"Item": {"pk": {"S": "a"}, "sk": {"S": "1"}, "gpk": {"N": "1"}, "gsk": {"S": "x"}}},
    ],
)
def test_malformed_puts_are_refused(cloud, key, refused, wrong):
    given = {"TableName": cloud.table(), "Item": key("a", "1"), **wrong}
    refused("ValidationException", cloud.dynamodb.put_item, **given)


def test_an_unknown_table_is_told(cloud, key, refused):
    refused("ResourceNotFoundException", cloud.dynamodb.get_item, TableName="nowhere", Key=key("a", "1"))


def test_batches(cloud, key, refused):
    table = cloud.table()
    puts = [{"PutRequest": {"Item": key("a", f"{n:02d}")}} for n in range(25)]
    answer = cloud.dynamodb.batch_write_item(RequestItems={table: puts})
    assert answer["UnprocessedItems"] == {}
    cloud.dynamodb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key("a", "00")}}]})
    keys = [key("a", f"{n:02d}") for n in range(25)]
    got = cloud.dynamodb.batch_get_item(RequestItems={table: {"Keys": keys}})["Responses"][table]
    assert sorted(item["sk"]["S"] for item in got) == [f"{n:02d}" for n in range(1, 25)]
    double = [{"PutRequest": {"Item": key("a", "1")}}] * 2
    refused("ValidationException", cloud.dynamodb.batch_write_item, RequestItems={table: double})
