"""The queue's and the clock's events: doorbells, doorbells given up, ticks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from chalicelib.observability import count, log_failure, logger

Record = dict[str, Any]


class LambdaContext(Protocol):
    """What of Lambda's context object these handlers use."""

    def get_remaining_time_in_millis(self) -> int: ...


def work(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handles a batch of doorbells; answers which of them the queue shall deliver again."""
    from chalicelib.runs.entry import ring

    def one(record: Record) -> None:
        ring(
            record["body"],
            receipt=record.get("receiptHandle"),
            remaining_ms=context.get_remaining_time_in_millis,
        )

    return _each(event, one, failure="DoorbellFailed")


def give_up(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Handles a batch of doorbells that failed too often; answers which could not even be given up."""
    from chalicelib.runs.entry import dead_letter

    def one(record: Record) -> None:
        count("RunGivenUp")
        dead_letter(record["body"])

    return _each(event, one, failure="DeadLetterFailed")


def tick(event: object, context: object) -> None:  # noqa: ARG001
    """One beat of the clock.

    Raises:
        Exception: whatever the clock raised, so that Lambda counts it and tries again.
    """
    from chalicelib.runs.entry import tick as beat

    beat()


def _each(event: dict[str, Any], handle: Callable[[Record], None], *, failure: str) -> dict[str, Any]:
    """Runs `handle` on the records in order. In a FIFO batch nothing after a failed record may be taken as
    done, so the first failure ends the batch and the rest of it is reported too."""
    records: list[Record] = event.get("Records", [])
    for at, record in enumerate(records):
        try:
            handle(record)
        # A failed doorbell is reported to the queue, which delivers it again or sets it aside.
        except Exception as error:  # noqa: BLE001 - logged
            log_failure(logger("aws"), "queue message failed", error, message_id=record.get("messageId"))
            count(failure)
            return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in records[at:]]}
    return {"batchItemFailures": []}
