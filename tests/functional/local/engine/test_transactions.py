"""Transactions: all or none, reasons, tokens."""

import uuid

ABSENT = "attribute_not_exists(pk)"


def _put(table, item, **more):
    return {"Put": {"TableName": table, "Item": item, **more}}


def _bump(table, key, **more):
    return {
        "Update": {
            "TableName": table,
            "Key": key,
            "UpdateExpression": "ADD v :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
            **more,
        }
    }


def test_everything_is_done(cloud, key):
    table = cloud.table()
    cloud.put(table, "a", "gone")
    cloud.put(table, "a", "guard", v={"N": "1"})
    cloud.dynamodb.transact_write_items(
        TransactItems=[
            _put(table, key("a", "new"), ConditionExpression=ABSENT),
            _bump(table, key("a", "count")),
            {"Delete": {"TableName": table, "Key": key("a", "gone")}},
            {
                "ConditionCheck": {
                    "TableName": table,
                    "Key": key("a", "guard"),
                    "ConditionExpression": "v = :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}},
                }
            },
        ]
    )
    items = cloud.query(table, "pk = :p", {":p": {"S": "a"}})["Items"]
    assert [item["sk"]["S"] for item in items] == ["count", "guard", "new"]


def test_nothing_is_done_and_each_reason_is_told(cloud, key, refused):
    table = cloud.table()
    cloud.put(table, "a", "taken", v={"N": "7"})
    error = refused(
        "TransactionCanceledException",
        cloud.dynamodb.transact_write_items,
        TransactItems=[
            _put(table, key("a", "new")),
            _put(
                table,
                key("a", "taken"),
                ConditionExpression=ABSENT,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            ),
            _bump(table, key("a", "count")),
        ],
    )
    assert [reason["Code"] for reason in error["CancellationReasons"]] == ["None", "ConditionalCheckFailed", "None"]
    assert error["CancellationReasons"][1]["Item"]["v"] == {"N": "7"}
    assert "[None, ConditionalCheckFailed, None]" in error["Error"]["Message"]
    assert cloud.query(table, "pk = :p", {":p": {"S": "a"}})["Count"] == 1


def test_a_token_makes_a_repetition_harmless(cloud, key, refused):
    table, token = cloud.table(), uuid.uuid4().hex
    for _ in range(3):
        cloud.dynamodb.transact_write_items(TransactItems=[_bump(table, key("a", "1"))], ClientRequestToken=token)
    assert cloud.get(table, "a", "1")["v"] == {"N": "1"}
    refused(
        "IdempotentParameterMismatchException",
        cloud.dynamodb.transact_write_items,
        TransactItems=[_bump(table, key("a", "2"))],
        ClientRequestToken=token,
    )


def test_one_item_twice_is_refused(cloud, key, refused):
    table = cloud.table()
    twice = [_bump(table, key("a", "1")), _bump(table, key("a", "1"))]
    refused("ValidationException", cloud.dynamodb.transact_write_items, TransactItems=twice)
    assert cloud.get(table, "a", "1") is None


def test_reads_of_absent_items_are_empty(cloud, key):
    table = cloud.table()
    cloud.put(table, "a", "1")
    gets = [{"Get": {"TableName": table, "Key": key("a", n)}} for n in ("1", "2")]
    responses = cloud.dynamodb.transact_get_items(TransactItems=gets)["Responses"]
    assert responses[0]["Item"] == key("a", "1")
    assert "Item" not in responses[1]
