"""Eight threads at once lose nothing and see nothing half done."""

import threading
import time

CANCELLED = "TransactionCanceledException"


def _number(cloud, table, pk, sk):
    return int(cloud.get(table, pk, sk)["n"]["N"])


def test_compare_and_set_counts_every_increment(cloud, key, in_threads):
    table, each = cloud.table(), 60
    cloud.put(table, "c", "c", n={"N": "0"})

    def work(_):
        done = 0
        while done < each:
            seen = _number(cloud, table, "c", "c")
            try:
                cloud.dynamodb.put_item(
                    TableName=table,
                    Item={**key("c", "c"), "n": {"N": str(seen + 1)}},
                    ConditionExpression="n = :n",
                    ExpressionAttributeValues={":n": {"N": str(seen)}},
                )
                done += 1
            except cloud.dynamodb.exceptions.ConditionalCheckFailedException:
                continue

    in_threads(8, work)
    assert _number(cloud, table, "c", "c") == 8 * each


def test_atomic_adds_are_all_counted(cloud, key, in_threads):
    table = cloud.table()

    def work(_):
        for _ in range(100):
            cloud.dynamodb.update_item(
                TableName=table,
                Key=key("c", "c"),
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    in_threads(8, work)
    assert _number(cloud, table, "c", "c") == 800


def test_put_if_absent_has_one_winner(cloud, key, in_threads):
    table, wins = cloud.table(), []

    def work(number):
        for n in range(40):
            try:
                cloud.dynamodb.put_item(
                    TableName=table, Item=key("p", str(n)), ConditionExpression="attribute_not_exists(pk)"
                )
                wins.append(n)
            except cloud.dynamodb.exceptions.ConditionalCheckFailedException:
                continue

    in_threads(8, work)
    assert sorted(wins) == list(range(40))


def test_transactional_appends_beside_plain_writes(cloud, key, in_threads):
    table, each = cloud.table(), 20
    cloud.put(table, "log", "head", n={"N": "0"})

    def append(number):
        done = 0
        while done < each:
            seen = _number(cloud, table, "log", "head")
            head = {
                "TableName": table,
                "Key": key("log", "head"),
                "UpdateExpression": "SET n = :next",
                "ConditionExpression": "n = :seen",
                "ExpressionAttributeValues": {":next": {"N": str(seen + 1)}, ":seen": {"N": str(seen)}},
            }
            event = {**key("log", f"event#{seen + 1:06d}"), "who": {"S": f"{number}-{done}"}}
            put = {"TableName": table, "Item": event, "ConditionExpression": "attribute_not_exists(pk)"}
            try:
                cloud.dynamodb.transact_write_items(TransactItems=[{"Update": head}, {"Put": put}])
                done += 1
            except cloud.dynamodb.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in (CANCELLED, "TransactionConflictException"):
                    raise

    def plain(number):
        for n in range(60):
            cloud.put(table, f"plain{number}", str(n))

    in_threads(8, lambda number: append(number) if number < 4 else plain(number))
    events = cloud.query(table, "pk = :p AND begins_with(sk, :e)", {":p": {"S": "log"}, ":e": {"S": "event#"}})["Items"]
    assert [e["sk"]["S"] for e in events] == [f"event#{n:06d}" for n in range(1, 4 * each + 1)]
    assert len({event["who"]["S"] for event in events}) == 4 * each
    kept = [cloud.query(table, "pk = :p", {":p": {"S": f"plain{n}"}})["Count"] for n in range(4, 8)]
    assert kept == [60] * 4


def test_transactional_reads_see_one_moment(cloud, key):
    table = cloud.table()
    stop = threading.Event()
    both = [key("a", "left"), key("a", "right")]
    for place in both:
        cloud.dynamodb.put_item(TableName=table, Item={**place, "n": {"N": "0"}})

    def write():
        n = 0
        while not stop.is_set():
            n += 1
            puts = [{"Put": {"TableName": table, "Item": {**place, "n": {"N": str(n)}}}} for place in both]
            cloud.dynamodb.transact_write_items(TransactItems=puts)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        gets = [{"Get": {"TableName": table, "Key": place}} for place in both]
        for _ in range(40):
            left, right = cloud.dynamodb.transact_get_items(TransactItems=gets)["Responses"]
            assert left["Item"]["n"] == right["Item"]["n"]
    finally:
        stop.set()
        writer.join()


def test_consumers_never_share_a_group_and_keep_its_order(cloud, in_threads):
    url, groups, each = cloud.queue(VisibilityTimeout="30"), 10, 8
    for n in range(each):
        for group in range(groups):
            cloud.send(url, str(group), f"{group}:{n}")
    guard, holding, seen, done = threading.Lock(), set(), {}, []
    end = time.monotonic() + 30

    def consume(_):
        while len(done) < groups * each and time.monotonic() < end:
            for message in cloud.receive(url):
                group, n = message["Body"].split(":")
                with guard:
                    assert group not in holding
                    holding.add(group)
                    assert int(n) == seen.get(group, -1) + 1
                    seen[group] = int(n)
                time.sleep(0.001)
                with guard:
                    holding.discard(group)
                cloud.delete(url, message)
                done.append(message["Body"])

    in_threads(8, consume)
    assert len(done) == len(set(done)) == groups * each
