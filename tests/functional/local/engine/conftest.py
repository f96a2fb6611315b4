"""The same checks run on the engine or, with LAMBENT_SEMANTICS_ENDPOINT set, on what listens there."""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.local.engine import Engine

ENDPOINT = os.environ.get("LAMBENT_SEMANTICS_ENDPOINT")


class Cloud:
    """Clients, and resources of their own for each test."""

    def __init__(self) -> None:
        config = Config(max_pool_connections=32, retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        given: dict[str, Any] = {"config": config}
        if ENDPOINT:
            given |= {"endpoint_url": ENDPOINT, "region_name": "us-east-1"}
            given |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self.dynamodb = boto3.client("dynamodb", **given)
        self.sqs = boto3.client("sqs", **given)
        self.s3 = boto3.client("s3", **given)

    def table(self, *, projection: dict[str, Any] | None = None, sort_type: str = "S") -> str:
        name = f"t-{uuid.uuid4().hex[:12]}"
        types = {"pk": "S", "sk": sort_type, "gpk": "S", "gsk": "S"}
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in types.items()],
            KeySchema=_keys("pk", "sk"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "gsi",
                    "KeySchema": _keys("gpk", "gsk"),
                    "Projection": projection or {"ProjectionType": "ALL"},
                }
            ],
        )
        return name

    def queue(self, **attributes: str) -> str:
        created = self.sqs.create_queue(
            QueueName=f"q-{uuid.uuid4().hex[:12]}.fifo", Attributes={"FifoQueue": "true", **attributes}
        )
        return str(created["QueueUrl"])

    def bucket(self) -> str:
        name = f"b-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=name)
        return name

    def put(self, table: str, pk: str, sk: str, **attributes: dict[str, Any]) -> None:
        self.dynamodb.put_item(TableName=table, Item={**key(pk, sk), **attributes})

    def get(self, table: str, pk: str, sk: str) -> dict[str, Any] | None:
        return self.dynamodb.get_item(TableName=table, Key=key(pk, sk), ConsistentRead=True).get("Item")

    def query(self, table: str, condition: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.dynamodb.query(
            TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values, **more
        )

    def send(self, url: str, group: str, body: str, deduplication: str | None = None) -> dict[str, Any]:
        return self.sqs.send_message(
            QueueUrl=url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=deduplication or uuid.uuid4().hex,
        )

    def receive(self, url: str, count: int = 1, **more: Any) -> list[dict[str, Any]]:
        return self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=count, AttributeNames=["All"], **more).get(
            "Messages", []
        )

    def delete(self, url: str, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def _keys(hash_name: str, range_name: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_name, "KeyType": "HASH"},
        {"AttributeName": range_name, "KeyType": "RANGE"},
    ]


def key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine | None]:
    running = None if ENDPOINT else Engine.current()
    started = None if ENDPOINT or running else Engine.start(None)
    yield running or started
    if started:
        started.close()


@pytest.fixture
def own_engine(engine: Engine | None) -> Engine:
    """For what only the engine promises."""
    if engine is None:
        pytest.skip("a promise of the engine alone")
    return engine


@pytest.fixture(scope="module")
def cloud(engine: Engine | None) -> Cloud:
    return Cloud()


@pytest.fixture(name="key")
def key_fixture() -> Callable[[str, str], dict[str, Any]]:
    return key


@pytest.fixture
def refused() -> Callable[..., dict[str, Any]]:
    """Calls and answers the error response; fails when the call succeeds."""

    def call(code: str, operation: Callable[..., Any], **given: Any) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            operation(**given)
        assert caught.value.response["Error"]["Code"] == code, caught.value.response
        return dict(caught.value.response)

    return call


@pytest.fixture
def in_threads() -> Callable[[int, Callable[[int], None]], None]:
    """Runs a function in so many threads at once and raises the first error."""

    def run(count: int, work: Callable[[int], None]) -> None:
        errors: list[BaseException] = []
        barrier = threading.Barrier(count)

        def guarded(number: int) -> None:
            barrier.wait()
            try:
                work(number)
            except Exception as error:  # noqa: BLE001 - raised again on the test's own thread
                errors.append(error)

        threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    return run
