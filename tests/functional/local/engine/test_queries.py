"""Queries and scans: ranges, order, pages, filters and indexes."""

import pytest


@pytest.fixture(scope="module")
def letters(cloud):
    table = cloud.table()
    for n, letter in enumerate("abcdefghij"):
        cloud.put(table, "p", letter * 2, n={"N": str(n)}, gpk={"S": "g"}, gsk={"S": f"{9 - n // 2}"})
    cloud.put(table, "other", "aa")
    return table


def _keys(answer):
    return [item["sk"]["S"][0] for item in answer["Items"]]


@pytest.mark.parametrize(
    ("bound", "values", "expected"),
    [
        ("sk = :a", {":a": "cc"}, "c"),
        ("sk < :a", {":a": "cc"}, "ab"),
        ("sk <= :a", {":a": "cc"}, "abc"),
        ("sk > :a", {":a": "hh"}, "ij"),
        ("sk >= :a", {":a": "hh"}, "hij"),
        ("sk BETWEEN :a AND :b", {":a": "bb", ":b": "dd"}, "bcd"),
        ("begins_with(sk, :a)", {":a": "e"}, "e"),
        ("sk > :a", {":a": "zz"}, ""),
        ("begins_with(sk, :a)", {":a": "zz"}, ""),
    ],
)
@pytest.mark.parametrize("forward", [True, False])
def test_ranges_in_both_directions(cloud, letters, bound, values, expected, forward):
    typed = {name: {"S": value} for name, value in values.items()}
    answer = cloud.query(letters, f"pk = :p AND {bound}", {":p": {"S": "p"}, **typed}, ScanIndexForward=forward)
    assert _keys(answer) == list(expected if forward else reversed(expected))


def _pages(cloud, table, condition, values, limit, **more):
    found, pages, start = [], 0, {}
    while True:
        answer = cloud.query(table, condition, values, Limit=limit, **start, **more)
        found += answer["Items"]
        pages += 1
        if "LastEvaluatedKey" not in answer:
            return found, pages
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("index", [None, "gsi"])
def test_pages_join_without_gap_or_overlap(cloud, letters, forward, index):
    named = {"IndexName": index} if index else {}
    condition, values = ("gpk = :p", {":p": {"S": "g"}}) if index else ("pk = :p", {":p": {"S": "p"}})
    whole = cloud.query(letters, condition, values, ScanIndexForward=forward, **named)["Items"]
    found, pages = _pages(cloud, letters, condition, values, 3, ScanIndexForward=forward, **named)
    assert found == whole
    assert len(found) == 10
    assert pages >= 4


def test_the_index_orders_by_its_own_key(cloud, letters):
    items = cloud.query(letters, "gpk = :g", {":g": {"S": "g"}}, IndexName="gsi")["Items"]
    order = [item["gsk"]["S"] for item in items]
    assert order == sorted(order)
    bounded = cloud.query(
        letters,
        "gpk = :g AND gsk BETWEEN :a AND :b",
        {":g": {"S": "g"}, ":a": {"S": "6"}, ":b": {"S": "7"}},
        IndexName="gsi",
    )
    assert {item["gsk"]["S"] for item in bounded["Items"]} == {"6", "7"}


def test_a_cursor_survives_the_deletion_of_its_item(cloud, key):
    table = cloud.table()
    for n in range(6):
        cloud.put(table, "p", str(n))
    first = cloud.query(table, "pk = :p", {":p": {"S": "p"}}, Limit=3)
    cloud.dynamodb.delete_item(TableName=table, Key=key("p", "2"))
    rest = cloud.query(table, "pk = :p", {":p": {"S": "p"}}, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert _keys(rest) == ["3", "4", "5"]


def test_a_filter_counts_what_it_read(cloud, letters):
    answer = cloud.query(letters, "pk = :p", {":p": {"S": "p"}, ":n": {"N": "2"}}, FilterExpression="n >= :n", Limit=5)
    assert (answer["Count"], answer["ScannedCount"]) == (3, 5)
    assert answer["LastEvaluatedKey"]["sk"] == {"S": "ee"}


def test_count_and_projection(cloud, letters):
    counted = cloud.query(letters, "pk = :p", {":p": {"S": "p"}}, Select="COUNT")
    assert counted["Count"] == 10
    assert "Items" not in counted
    projected = cloud.query(letters, "pk = :p", {":p": {"S": "p"}}, ProjectionExpression="n", Limit=1)
    assert projected["Items"] == [{"n": {"N": "0"}}]


def test_an_index_carries_what_it_projects(cloud):
    table = cloud.table(projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["kept"]})
    cloud.put(table, "a", "1", gpk={"S": "g"}, gsk={"S": "1"}, kept={"S": "yes"}, left={"S": "no"})
    [item] = cloud.query(table, "gpk = :g", {":g": {"S": "g"}}, IndexName="gsi")["Items"]
    assert set(item) == {"pk", "sk", "gpk", "gsk", "kept"}


def test_items_without_index_keys_are_not_in_the_index(cloud):
    table = cloud.table()
    cloud.put(table, "a", "1", gpk={"S": "g"})
    cloud.put(table, "a", "2", gpk={"S": "g"}, gsk={"S": "1"})
    assert cloud.query(table, "gpk = :g", {":g": {"S": "g"}}, IndexName="gsi")["Count"] == 1
    cloud.put(table, "a", "2")
    assert cloud.query(table, "gpk = :g", {":g": {"S": "g"}}, IndexName="gsi")["Count"] == 0


def test_numbers_sort_as_numbers(cloud):
    table = cloud.table(sort_type="N")
    for value in ("10", "9", "-1", "0.5", "100"):
        cloud.dynamodb.put_item(TableName=table, Item={"pk": {"S": "p"}, "sk": {"N": value}})
    items = cloud.query(table, "pk = :p AND sk > :n", {":p": {"S": "p"}, ":n": {"N": "-1.0"}})["Items"]
    assert [item["sk"]["N"] for item in items] == ["0.5", "9", "10", "100"]


def test_text_sorts_by_code_point_and_prefixes_end_where_they_should(cloud):
    table = cloud.table()
    for value in ("a", "aé", "a\U0010ffff", "a\U0010ffffz", "b", "B", "a\uffff"):
        cloud.put(table, "p", value)
    items = cloud.query(table, "pk = :p AND begins_with(sk, :s)", {":p": {"S": "p"}, ":s": {"S": "a"}})["Items"]
    assert [i["sk"]["S"] for i in items] == ["a", "aé", "a\uffff", "a\U0010ffff", "a\U0010ffffz"]


def test_a_page_holds_at_most_a_megabyte(cloud):
    table = cloud.table()
    for n in range(14):
        cloud.put(table, "p", f"{n:02d}", x={"S": "x" * 100_000})
    answer = cloud.query(table, "pk = :p", {":p": {"S": "p"}})
    assert 9 <= answer["Count"] <= 11
    found, _ = _pages(cloud, table, "pk = :p", {":p": {"S": "p"}}, 14)
    assert len(found) == 14


def test_scans_page_through_everything_once(cloud):
    table = cloud.table()
    for n in range(20):
        cloud.put(table, f"p{n % 4}", f"{n:02d}", n={"N": str(n)})
    found, start = [], {}
    while True:
        answer = cloud.dynamodb.scan(TableName=table, Limit=3, **start)
        found += [item["sk"]["S"] for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            break
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert sorted(found) == [f"{n:02d}" for n in range(20)]
    kept = cloud.dynamodb.scan(TableName=table, FilterExpression="n < :n", ExpressionAttributeValues={":n": {"N": "5"}})
    assert (kept["Count"], kept["ScannedCount"]) == (5, 20)
    segments = [cloud.dynamodb.scan(TableName=table, Segment=s, TotalSegments=3)["Items"] for s in range(3)]
    assert sorted(i["sk"]["S"] for part in segments for i in part) == sorted(found)


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("sk = :p", {":p": {"S": "p"}}),
        ("pk > :p", {":p": {"S": "p"}}),
        ("pk = :p AND n = :n", {":p": {"S": "p"}, ":n": {"N": "1"}}),
        ("pk = :p OR sk = :p", {":p": {"S": "p"}}),
        ("pk = :p AND sk <> :p", {":p": {"S": "p"}}),
        ("pk = :p", {":p": {"N": "1"}}),
    ],
)
def test_unsupported_key_conditions_are_refused(cloud, letters, refused, condition, values):
    refused("ValidationException", lambda: cloud.query(letters, condition, values))


def test_consistent_reads_of_a_global_index_are_refused(cloud, letters, refused):
    refused(
        "ValidationException",
        lambda: cloud.query(letters, "gpk = :g", {":g": {"S": "g"}}, IndexName="gsi", ConsistentRead=True),
    )
