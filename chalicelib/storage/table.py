"""The one DynamoDB table: strongly consistent reads, conditional writes, transactions."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.storage.errors import ConditionFailed, StorageBusy, TransactionRefused
from chalicelib.storage.keys import BY_LIST, Key
from chalicelib.storage.marshal import Row, from_wire, to_wire, to_wire_value
from chalicelib.storage.writes import Write

_BATCH_GET = 100
_BATCH_WRITE = 25
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of one query page; ``more`` is the key to go on after, None when nothing is left."""

    rows: list[Row]
    more: dict[str, Any] | None = None


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0.2, 1.0) * min(0.005 * 2**attempt, 0.3))


def _refusal(error: ClientError) -> TransactionRefused | None:
    """The refusal when a condition failed; None when it was only contention, which a repeat may cure."""
    reasons = error.response.get("CancellationReasons", [])
    failed = [i for i, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]
    if not failed:
        return None
    rows = {i: from_wire(reasons[i]["Item"]) for i in failed if reasons[i].get("Item")}
    return TransactionRefused(tuple(failed), rows)


class Table:
    """Access to the table by its keys. Raises only StorageError and what the AWS client raises for faults."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, key: Key) -> Row | None:
        """One row, or None."""
        answer = self._client.get_item(TableName=self.name, Key=_wire_key(key), ConsistentRead=True)
        item = answer.get("Item")
        return None if item is None else from_wire(item)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        """Those of the rows that exist, in one call per hundred."""
        found: dict[Key, Row] = {}
        unique = list(dict.fromkeys(keys))
        for start in range(0, len(unique), _BATCH_GET):
            self._get_batch([_wire_key(key) for key in unique[start : start + _BATCH_GET]], found)
        return found

    def _get_batch(self, wanted: list[dict[str, Any]], found: dict[Key, Row]) -> None:
        for attempt in range(_TRIES):
            answer = self._client.batch_get_item(RequestItems={self.name: {"Keys": wanted, "ConsistentRead": True}})
            for item in answer["Responses"].get(self.name, []):
                row = from_wire(item)
                found[Key(row["pk"], row["sk"])] = row
            wanted = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if not wanted:
                return
            _pause(attempt)
        raise StorageBusy("rows could not be read")

    def query(
        self,
        pk: str,
        *,
        low: str | None = None,
        high: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        start: dict[str, Any] | None = None,
    ) -> Slice:
        """One page of a partition, ``low`` ≤ sk ≤ ``high``, in key order."""
        return self._query(("pk", "sk"), pk, low, high, descending, limit, start, ConsistentRead=True)

    def query_list(
        self,
        listing: str,
        *,
        low: str | None = None,
        high: str | None = None,
        descending: bool = True,
        limit: int | None = None,
        start: dict[str, Any] | None = None,
        index: str = BY_LIST,
    ) -> Slice:
        """One page of an index (keys only, eventually consistent)."""
        hash_name, range_name = ("list_pk", "list_sk") if index == BY_LIST else ("due_pk", "due_sk")
        return self._query((hash_name, range_name), listing, low, high, descending, limit, start, IndexName=index)

    def count_list(self, listing: str, most: int) -> tuple[int, bool]:
        """How many rows of an index's list there are, up to ``most`` or one page, and whether there are more."""
        answer = self._client.query(
            TableName=self.name,
            IndexName=BY_LIST,
            KeyConditionExpression="list_pk = :p",
            ExpressionAttributeValues={":p": {"S": listing}},
            Select="COUNT",
            Limit=most,
        )
        return int(answer["Count"]), "LastEvaluatedKey" in answer

    def _query(
        self,
        names: tuple[str, str],
        pk: str,
        low: str | None,
        high: str | None,
        descending: bool,
        limit: int | None,
        start: dict[str, Any] | None,
        **options: Any,
    ) -> Slice:
        expression, values = "#p = :p", {":p": {"S": pk}}
        if low is not None and high is not None:
            expression += " AND #s BETWEEN :l AND :h"
            values |= {":l": {"S": low}, ":h": {"S": high}}
        elif low is not None:
            expression += " AND #s >= :l"
            values[":l"] = {"S": low}
        elif high is not None:
            expression += " AND #s <= :h"
            values[":h"] = {"S": high}
        attribute_names = {"#p": names[0]} | ({"#s": names[1]} if "#s" in expression else {})
        if limit is not None:
            options["Limit"] = limit
        if start is not None:
            options["ExclusiveStartKey"] = to_wire(start)
        answer = self._client.query(
            TableName=self.name,
            KeyConditionExpression=expression,
            ExpressionAttributeNames=attribute_names,
            ExpressionAttributeValues=values,
            ScanIndexForward=not descending,
            **options,
        )
        more = answer.get("LastEvaluatedKey")
        return Slice([from_wire(item) for item in answer["Items"]], None if more is None else from_wire(more))

    def walk(self, pk: str, *, low: str | None = None, high: str | None = None) -> Iterator[Row]:
        """All rows of a range, page after page."""
        start: dict[str, Any] | None = None
        while True:
            page = self.query(pk, low=low, high=high, start=start)
            yield from page.rows
            start = page.more
            if start is None:
                return

    def write(self, write: Write, *, returning: bool = False) -> Row:
        """Carry out one write; ``returning`` gives an update's new row. Raises ConditionFailed."""
        call = {
            "Put": self._client.put_item,
            "Update": self._client.update_item,
            "Delete": self._client.delete_item,
        }[write.kind]
        options = {"ReturnValues": "ALL_NEW"} if returning else {}
        try:
            answer = call(TableName=self.name, **write.request, **options)
        except ClientError as error:
            if _code(error) == "ConditionalCheckFailedException":
                item = error.response.get("Item")
                raise ConditionFailed(None if item is None else from_wire(item)) from error
            raise
        _tell([write])
        return from_wire(answer.get("Attributes", {}))

    def transact(self, writes: Iterable[Write]) -> None:
        """All of the writes or none (at most 100). Raises TransactionRefused, StorageBusy."""
        steps = list(writes)
        items = [{write.kind: {"TableName": self.name, **write.request}} for write in steps]
        for attempt in range(_TRIES):
            try:
                self._client.transact_write_items(TransactItems=items)
            except ClientError as error:
                if _code(error) not in ("TransactionCanceledException", "TransactionConflictException"):
                    raise
                if refusal := _refusal(error):
                    raise refusal from error
                _pause(attempt)
            else:
                _tell(steps)
                return
        raise StorageBusy("the transaction met others again and again")

    def transacted(self, writes: Iterable[Write]) -> bool:
        """As ``transact``; whether it was done, or a condition refused it. Raises StorageBusy."""
        try:
            self.transact(writes)
        except TransactionRefused:
            return False
        return True

    def put_many(self, rows: Sequence[Row]) -> None:
        """Write rows without a condition, twenty-five a call. Raises StorageBusy."""
        self._write_many([{"PutRequest": {"Item": to_wire(row)}} for row in rows], "rows could not be written")

    def delete_many(self, keys: Sequence[Key]) -> None:
        """Remove rows without a condition, twenty-five a call. Raises StorageBusy."""
        self._write_many([{"DeleteRequest": {"Key": _wire_key(key)}} for key in keys], "rows could not be removed")

    def _write_many(self, requests: list[dict[str, Any]], refusal: str) -> None:
        for start in range(0, len(requests), _BATCH_WRITE):
            batch = requests[start : start + _BATCH_WRITE]
            for attempt in range(_TRIES):
                answer = self._client.batch_write_item(RequestItems={self.name: batch})
                batch = answer.get("UnprocessedItems", {}).get(self.name, [])
                if not batch:
                    break
                _pause(attempt)
            else:
                raise StorageBusy(refusal)


def _tell(done: Sequence[Write]) -> None:
    for write in done:
        if write.after is not None:
            write.after()


def _wire_key(key: Key) -> dict[str, Any]:
    return {"pk": to_wire_value(key.pk), "sk": to_wire_value(key.sk)}
