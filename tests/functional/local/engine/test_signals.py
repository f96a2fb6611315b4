"""Subscribers hear of writes and messages after they are visible."""


def test_each_touched_partition_is_told_once_after_the_commit(cloud, own_engine, key, refused):
    table, heard = cloud.table(), []
    disconnect = own_engine.subscribe(lambda pk: heard.append((pk, cloud.get(table, pk, "1") is not None)))
    try:
        puts = [{"Put": {"TableName": table, "Item": key(pk, sk)}} for pk, sk in (("a", "1"), ("a", "2"), ("b", "1"))]
        cloud.dynamodb.transact_write_items(TransactItems=puts)
        assert sorted(heard) == [("a", True), ("b", True)]
        heard.clear()
        again = {"TableName": table, "Item": key("a", "1"), "ConditionExpression": "attribute_not_exists(pk)"}
        refused("ConditionalCheckFailedException", cloud.dynamodb.put_item, **again)
        cloud.dynamodb.delete_item(TableName=table, Key=key("nobody", "1"))
        assert heard == []
    finally:
        disconnect()
    cloud.put(table, "c", "1")
    assert heard == []


def test_queues_are_named_when_something_may_be_delivered(cloud, own_engine):
    url, heard = cloud.queue(VisibilityTimeout="30"), []
    disconnect = own_engine.on_message(heard.append)
    try:
        cloud.send(url, "g", "1")
        cloud.send(url, "g", "2")
        assert heard == [url.rpartition("/")[2]] * 2
        [message] = cloud.receive(url)
        cloud.delete(url, message)
        assert len(heard) == 3
    finally:
        disconnect()


def test_a_failing_subscriber_does_not_fail_the_write(cloud, own_engine, caplog):
    table = cloud.table()
    disconnect = own_engine.subscribe(lambda _: 1 / 0)
    try:
        cloud.put(table, "a", "1")
    finally:
        disconnect()
    assert cloud.get(table, "a", "1")
    assert "callback failed" in caplog.text


def test_reset_empties_and_keeps_the_definitions(cloud, own_engine):
    table, url, bucket = cloud.table(), cloud.queue(), cloud.bucket()
    cloud.put(table, "a", "1", gpk={"S": "g"}, gsk={"S": "1"})
    cloud.send(url, "g", "x", "same")
    cloud.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    own_engine.reset()
    assert cloud.dynamodb.scan(TableName=table, IndexName="gsi")["Count"] == 0
    assert cloud.get(table, "a", "1") is None
    assert cloud.receive(url) == []
    cloud.send(url, "g", "x", "same")
    assert len(cloud.receive(url)) == 1
    assert cloud.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
