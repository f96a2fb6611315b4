"""Items with a passed time to live disappear from every read."""

import time


def _with_ttl(cloud):
    table = cloud.table()
    cloud.dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "gone_at"}
    )
    return table


def test_expired_items_disappear(cloud, own_engine, key):
    table = _with_ttl(cloud)
    described = cloud.dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "gone_at"}
    soon = str(int(time.time()) + 1)
    cloud.put(table, "a", "soon", gone_at={"N": soon}, gpk={"S": "g"}, gsk={"S": "1"})
    cloud.put(table, "a", "later", gone_at={"N": str(int(time.time()) + 3600)})
    cloud.put(table, "a", "renewed", gone_at={"N": soon})
    cloud.put(table, "a", "renewed")
    cloud.put(table, "a", "text", gone_at={"S": soon})
    deadline = time.monotonic() + 10
    while cloud.get(table, "a", "soon") and time.monotonic() < deadline:
        time.sleep(0.05)
    items = cloud.query(table, "pk = :p", {":p": {"S": "a"}})["Items"]
    assert [item["sk"]["S"] for item in items] == ["later", "renewed", "text"]
    assert cloud.query(table, "gpk = :g", {":g": {"S": "g"}}, IndexName="gsi")["Count"] == 0
    cloud.dynamodb.put_item(TableName=table, Item=key("a", "soon"), ConditionExpression="attribute_not_exists(pk)")


def test_time_to_live_set_later_counts_for_items_that_are_there(cloud, own_engine):
    table = cloud.table()
    cloud.put(table, "a", "1", gone_at={"N": "1"})
    cloud.dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "gone_at"}
    )
    deadline = time.monotonic() + 10
    while cloud.get(table, "a", "1") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert cloud.get(table, "a", "1") is None
