"""What an operation costs does not depend on how much the table holds."""

import time

PARTITION = 50


def _fill(cloud, table, start, stop):
    for first in range(start, stop, 25):
        items = [
            {
                "pk": {"S": f"p{n // PARTITION}"},
                "sk": {"S": f"{n:08d}"},
                "gpk": {"S": f"g{n // PARTITION}"},
                "gsk": {"S": f"{n:08d}"},
            }
            for n in range(first, first + 25)
        ]
        cloud.dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]})


def _cost(operation):
    """CPU seconds of an operation: the best of several short series, as others share the machine."""
    series = []
    for _ in range(5):
        begin = time.thread_time()
        for _ in range(20):
            operation()
        series.append(time.thread_time() - begin)
    return min(series)


def test_cost_at_thirty_thousand_items_is_that_at_one_thousand(cloud, own_engine, key):
    table = cloud.table()
    partition = {":p": {"S": "p3"}}
    spot = key("p3", f"{3 * PARTITION:08d}")
    bump = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    put = {"Put": {"TableName": table, "Item": key("p3", "zz")}}
    update = {"Update": {"TableName": table, "Key": spot, **bump}}
    operations = {
        "get": lambda: cloud.dynamodb.get_item(TableName=table, Key=spot),
        "page": lambda: cloud.query(table, "pk = :p", partition, Limit=20),
        "tail": lambda: cloud.query(table, "pk = :p AND sk > :s", {**partition, ":s": {"S": "zzz"}}),
        "index": lambda: cloud.query(table, "gpk = :p", {":p": {"S": "g3"}}, IndexName="gsi", Limit=20),
        "update": lambda: cloud.dynamodb.update_item(TableName=table, Key=spot, **bump),
        "transaction": lambda: cloud.dynamodb.transact_write_items(TransactItems=[put, update]),
        "scan": lambda: cloud.dynamodb.scan(TableName=table, Limit=20),
    }
    _fill(cloud, table, 0, 1_000)
    small = {name: _cost(operation) for name, operation in operations.items()}
    _fill(cloud, table, 1_000, 30_000)
    large = {name: _cost(operation) for name, operation in operations.items()}
    grown = {name: round(large[name] / small[name], 1) for name in operations}
    assert all(ratio < 4 for ratio in grown.values()), grown
