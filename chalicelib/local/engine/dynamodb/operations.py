"""DynamoDB operations on items, by name."""

from collections.abc import Callable

from chalicelib.local.engine.dynamodb import reads, writes
from chalicelib.local.engine.dynamodb.requests import Params
from chalicelib.local.engine.dynamodb.store import TableStore
from chalicelib.local.engine.dynamodb.transactions import Tokens, transact_get_items, transact_write_items

Operation = Callable[[Params], Params]


def operations(store: TableStore, tokens: Tokens) -> dict[str, Operation]:
    """What serves each operation of a client."""
    plain: dict[str, Callable[[TableStore, Params], Params]] = {
        "GetItem": reads.get_item,
        "BatchGetItem": reads.batch_get_item,
        "Query": reads.query,
        "Scan": reads.scan,
        "PutItem": writes.put_item,
        "UpdateItem": writes.update_item,
        "DeleteItem": writes.delete_item,
        "BatchWriteItem": writes.batch_write_item,
        "TransactGetItems": transact_get_items,
    }
    served: dict[str, Operation] = {
        name: lambda params, serve=serve: serve(store, params)  # type: ignore[misc]
        for name, serve in plain.items()
    }
    served["TransactWriteItems"] = lambda params: transact_write_items(store, tokens, params)
    return served
