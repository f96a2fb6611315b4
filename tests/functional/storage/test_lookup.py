from collections.abc import Callable

import pytest

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import new_id
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.lookup import Lookup, Rows
from chalicelib.storage.table import Table
from chalicelib.wiring import Services
from tests.performance.metering import Bill, Meter


@pytest.fixture
def table(services: Services) -> Table:
    return services.table


@pytest.fixture
def meter(table: Table) -> Meter:
    client = table._client
    made = Meter(table.name, client)
    made.watch(client)
    return made


def stored(table: Table, text: str) -> Key:
    key = Space(new_id()).key("thing", new_id(), sk="HEAD")
    table.write(writes.put({"pk": key.pk, "sk": key.sk, "text": text}))
    return key


def text_of(table: Table, *keys: Key) -> Lookup[list[str | None]]:
    return Lookup(table, keys, lambda rows: [rows[key]["text"] if key in rows else None for key in keys])


def calls(meter: Meter, work: Callable[[], object]) -> Bill:
    with meter.measuring() as bill:
        work()
    return bill


def test_a_lookup_reads_its_rows_and_tells_which_are_missing(table: Table) -> None:
    first, absent = stored(table, "a"), Space(new_id()).key("thing", new_id(), sk="HEAD")
    assert text_of(table, first).read() == ["a"]
    assert text_of(table, absent).read() == [None]
    assert text_of(table, first, absent).read() == ["a", None]


def test_two_lookups_are_read_in_one_call(table: Table, meter: Meter) -> None:
    one, other = text_of(table, stored(table, "a"), stored(table, "b")), text_of(table, stored(table, "c"))
    assert one.read_with(other) == (["a", "b"], ["c"])
    assert dict(calls(meter, lambda: one.read_with(other)).calls) == {"dynamodb.BatchGetItem": 1}


def test_a_lone_row_is_read_by_the_cheaper_call(table: Table, meter: Meter) -> None:
    lookup = text_of(table, stored(table, "a"))
    assert dict(calls(meter, lookup.read).calls) == {"dynamodb.GetItem": 1}


def test_the_same_row_may_be_in_both_lookups(table: Table) -> None:
    key = stored(table, "a")
    assert text_of(table, key).read_with(text_of(table, key)) == (["a"], ["a"])


def test_a_further_step_sees_what_came_of_the_read_and_may_refuse_it(table: Table) -> None:
    lookup = text_of(table, stored(table, "a")).then(lambda texts: str(texts[0]).upper())
    assert lookup.read() == "A"

    def refuse(rows: Rows) -> str:
        raise NotFound("nothing there")

    with pytest.raises(NotFound, match="nothing there"):
        Lookup(table, lookup.keys, refuse).read_with(lookup)
