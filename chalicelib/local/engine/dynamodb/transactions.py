"""TransactWriteItems and TransactGetItems."""

import hashlib
import time
from collections import OrderedDict

from chalicelib.local.engine.dynamodb.reads import read_item
from chalicelib.local.engine.dynamodb.requests import Params
from chalicelib.local.engine.dynamodb.store import Change, TableStore
from chalicelib.local.engine.dynamodb.writes import plan_check, plan_delete, plan_put, plan_update
from chalicelib.local.engine.errors import ServiceError, validation

_MAX_OPERATIONS = 100
_MAX_BYTES = 4 << 20
_TOKEN_SECONDS = 600
_PLANS = {"Put": plan_put, "Delete": plan_delete, "Update": plan_update, "ConditionCheck": plan_check}
_REASONS = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ValidationException": "ValidationError",
}


class Tokens:
    """The idempotency tokens of the last ten minutes and what they were used for."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def used(self, token: str, request: bytes) -> bool:
        """Whether the same request was done under this token. Raises IdempotentParameterMismatch."""
        limit = time.monotonic() - _TOKEN_SECONDS
        while self._seen and next(iter(self._seen.values()))[0] < limit:
            self._seen.popitem(last=False)
        known = self._seen.get(token)
        if known is not None and known[1] != request:
            raise ServiceError(
                "IdempotentParameterMismatchException",
                "The request uses the same client token as a previous, but non-identical request.",
            )
        return known is not None

    def remember(self, token: str, request: bytes) -> None:
        """Notes that a request was done."""
        self._seen[token] = (time.monotonic(), request)

    def clear(self) -> None:
        """Forgets everything."""
        self._seen.clear()


def transact_write_items(store: TableStore, tokens: Tokens, params: Params) -> Params:
    """Does up to 100 writes, all or none."""
    operations = params["TransactItems"]
    if len(operations) > _MAX_OPERATIONS:
        raise validation(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
            "Member must have length less than or equal to 100"
        )
    token = params.get("ClientRequestToken")
    digest = hashlib.blake2b(repr(operations).encode(errors="surrogatepass")).digest() if token else b""
    with store.lock:
        if token and tokens.used(token, digest):
            return {}
        changes = _plan(store, operations)
        store.commit(changes)
        if token:
            tokens.remember(token, digest)
    store.announce(changes)
    return {}


def _plan(store: TableStore, operations: list[Params]) -> list[Change]:
    changes: list[Change] = []
    reasons: list[Params] = []
    for operation in operations:
        if len(operation) != 1:
            raise validation("TransactItems can only contain one of Check, Put, Update or Delete")
        ((kind, params),) = operation.items()
        try:
            changes.append(_PLANS[kind](store, params).change)
            reasons.append({"Code": "None"})
        except ServiceError as error:
            if error.code not in _REASONS:
                raise
            reasons.append({"Code": _REASONS[error.code], "Message": error.message, **error.members})
    if len(changes) < len(operations):
        raise _cancelled(reasons)
    _check_whole(changes)
    return changes


def _check_whole(changes: list[Change]) -> None:
    if len({(id(change.table), change.key) for change in changes}) < len(changes):
        raise validation("Transaction request cannot include multiple operations on one item")
    if sum(change.after.size for change in changes if change.after) > _MAX_BYTES:
        raise validation("Transaction request size exceeds the maximum allowed size of 4 MB")


def _cancelled(reasons: list[Params]) -> ServiceError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    return ServiceError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def transact_get_items(store: TableStore, params: Params) -> Params:
    """Reads up to 100 items at one moment."""
    operations = params["TransactItems"]
    if len(operations) > _MAX_OPERATIONS:
        raise validation("Member must have length less than or equal to 100")
    with store.lock:
        found = [read_item(store, operation["Get"]) for operation in operations]
    return {"Responses": [{} if item is None else {"Item": item} for item in found]}
