"""Prints what one operation of the local engine costs: wall and CPU milliseconds, by threads and table size.

Usage: python scripts/bench_engine.py [--sizes 1000,10000,60000] [--seconds 1.0] [--state DIRECTORY]
"""

import argparse
import itertools
import json
import resource
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.local.engine import Engine

PARTITION_ITEMS = 100
BODY = json.dumps({"text": "x" * 280})
LARGE = json.dumps([{"role": "user", "content": "y" * 90}] * 2900)


def template() -> dict[str, Any]:
    """A table with one index, a FIFO queue with its dead letter queue, and a bucket."""
    names = ("pk", "sk", "gpk", "gsk")
    index = {
        "IndexName": "gsi1",
        "KeySchema": [
            {"AttributeName": "gpk", "KeyType": "HASH"},
            {"AttributeName": "gsk", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "ALL"},
    }
    table = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "GlobalSecondaryIndexes": [index],
    }
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5}
    resources = {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table},
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"FifoQueue": True, "VisibilityTimeout": 60, "RedrivePolicy": redrive},
        },
        "Bucket": {"Type": "AWS::S3::Bucket"},
    }
    outputs = {name: {"Value": {"Ref": name}} for name in ("Table", "Queue", "Bucket")}
    return {"Resources": resources, "Outputs": outputs}


def item(partition: str, sort: str, body: str = BODY) -> dict[str, Any]:
    """An item like most of ours: keys, index keys, a number and one JSON text."""
    return {
        "pk": {"S": partition},
        "sk": {"S": sort},
        "gpk": {"S": f"org#{hash(partition) % 20}"},
        "gsk": {"S": sort},
        "n": {"N": "0"},
        "body": {"S": body},
    }


class Bench:
    """Runs operations for a while and prints their cost."""

    def __init__(self, outputs: dict[str, str], seconds: float) -> None:
        config = Config(max_pool_connections=32)
        self.table, self.queue, self.bucket = (outputs[name] for name in ("Table", "Queue", "Bucket"))
        self.dynamodb = boto3.client("dynamodb", config=config)
        self.sqs = boto3.client("sqs", config=config)
        self.s3 = boto3.client("s3", config=config)
        self.seconds = seconds

    def measure(self, name: str, operation: Callable[[int], Any], threads: int, note: str) -> None:
        """Prints one line."""
        times: list[float] = []
        counter = itertools.count()
        end = time.perf_counter() + self.seconds

        def work() -> None:
            while (begin := time.perf_counter()) < end:
                operation(next(counter))
                times.append(time.perf_counter() - begin)

        cpu, wall = time.process_time(), time.perf_counter()
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        times.sort()
        p50, p95 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.95))
        print(
            f"{name:22s} {note:>12s} threads={threads} {len(times) / wall:8.0f}/s"
            f"  p50 {p50:7.3f}  p95 {p95:7.3f}  cpu {cpu / len(times) * 1000:7.3f} ms"
        )

    def load(self, start: int, stop: int) -> None:
        """Fills the table up to a size."""
        for first in range(start, stop, 25):
            rows = [
                item(f"s{n // PARTITION_ITEMS}", f"{n % PARTITION_ITEMS:08d}")
                for n in range(first, min(first + 25, stop))
            ]
            self.dynamodb.batch_write_item(RequestItems={self.table: [{"PutRequest": {"Item": row}} for row in rows]})

    def run_reads(self, size: int, threads: int) -> None:
        """Every kind of read at one size."""
        partitions = size // PARTITION_ITEMS
        call, name, note = self.dynamodb, self.table, f"{size} items"

        def key(n: int) -> dict[str, Any]:
            return {"pk": {"S": f"s{n % partitions}"}, "sk": {"S": f"{n % PARTITION_ITEMS:08d}"}}

        def page(n: int, after: str) -> Any:
            return call.query(
                TableName=name,
                KeyConditionExpression="pk = :p AND sk > :s",
                ExpressionAttributeValues={":p": {"S": f"s{n % partitions}"}, ":s": {"S": after}},
                Limit=50,
            )

        operations: dict[str, Callable[[int], Any]] = {
            "GetItem": lambda n: call.get_item(TableName=name, Key=key(n)),
            "Query 50": lambda n: page(n, f"{10:08d}"),
            "Query empty tail": lambda n: page(n, "zzzzzz"),
            "Query index 50": lambda n: call.query(
                TableName=name,
                IndexName="gsi1",
                KeyConditionExpression="gpk = :p",
                ExpressionAttributeValues={":p": {"S": f"org#{n % 20}"}},
                Limit=50,
            ),
        }
        for label, operation in operations.items():
            self.measure(label, operation, threads, note)

    def run_writes(self, size: int, threads: int) -> None:
        """Every kind of write at one size."""
        partitions = size // PARTITION_ITEMS
        call, name, note = self.dynamodb, self.table, f"{size} items"

        def key(n: int) -> dict[str, Any]:
            return {"pk": {"S": f"s{n % partitions}"}, "sk": {"S": f"{n % PARTITION_ITEMS:08d}"}}

        def fresh(n: int) -> dict[str, Any]:
            return item(f"s{n % partitions}", f"zz{uuid.uuid4().hex}")

        absent, one = "attribute_not_exists(pk)", {":one": {"N": "1"}}
        bump = {"UpdateExpression": "SET n = n + :one", "ExpressionAttributeValues": one}
        operations: dict[str, Callable[[int], Any]] = {
            "PutItem conditional": lambda n: call.put_item(TableName=name, Item=fresh(n), ConditionExpression=absent),
            "UpdateItem": lambda n: call.update_item(TableName=name, Key=key(n), **bump),
            "TransactWrite 3": lambda n: call.transact_write_items(
                TransactItems=[
                    {"Put": {"TableName": name, "Item": fresh(n), "ConditionExpression": absent}},
                    {"Put": {"TableName": name, "Item": fresh(n)}},
                    {"Update": {"TableName": name, "Key": key(n), **bump}},
                ]
            ),
        }
        for label, operation in operations.items():
            self.measure(label, operation, threads, note)

    def run_large(self) -> None:
        """Items with one attribute of some 350 KB."""
        call, name = self.dynamodb, self.table
        key = {"pk": {"S": "large"}, "sk": {"S": "0"}}
        one = {":one": {"N": "1"}}
        self.measure("PutItem 350 KB", lambda _: call.put_item(TableName=name, Item=item("large", "0", LARGE)), 1, "")
        self.measure("GetItem 350 KB", lambda _: call.get_item(TableName=name, Key=key), 1, "")
        self.measure(
            "UpdateItem 350 KB",
            lambda _: call.update_item(
                TableName=name, Key=key, UpdateExpression="ADD n :one", ExpressionAttributeValues=one
            ),
            1,
            "",
        )

    def run_queue(self, threads: int) -> None:
        """Sending, and receiving with deleting."""
        url = self.queue

        def send(n: int) -> None:
            self.sqs.send_message(
                QueueUrl=url,
                MessageBody=BODY,
                MessageGroupId=f"g{n % 50}",
                MessageDeduplicationId=uuid.uuid4().hex,
            )

        def take(_: int) -> None:
            for message in self.sqs.receive_message(QueueUrl=url).get("Messages", []):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

        def round_trip(n: int) -> None:
            send(n)
            take(n)

        self.measure("SQS send", send, threads, "")
        self.measure("SQS receive+delete", take, threads, "")
        self.sqs.purge_queue(QueueUrl=url)
        self.measure("SQS send+recv+delete", round_trip, threads, "")

    def run_bucket(self, threads: int) -> None:
        """Objects of 10 KB."""
        body, name = b"z" * 10240, self.bucket
        self.measure("S3 put", lambda n: self.s3.put_object(Bucket=name, Key=f"k/{n % 1000}", Body=body), threads, "")
        self.measure("S3 get", lambda _: self.s3.get_object(Bucket=name, Key="k/0")["Body"].read(), threads, "")
        self.measure("S3 list 100", lambda _: self.s3.list_objects_v2(Bucket=name, MaxKeys=100), threads, "")


def main() -> None:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,60000")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--state", type=Path, help="keep a journal there")
    arguments = parser.parse_args()
    cpu = time.process_time()
    engine = Engine.start(arguments.state)
    outputs = engine.deploy(template(), "bench", {})
    print(f"start and deploy: {(time.process_time() - cpu) * 1000:.0f} ms CPU besides imports")
    bench = Bench(outputs, arguments.seconds)
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    loaded = 0
    for size in map(int, arguments.sizes.split(",")):
        bench.load(loaded, size)
        loaded = size
        for threads in (1, 8):
            bench.run_reads(size, threads)
            bench.run_writes(size, threads)
    bench.run_large()
    for threads in (1, 8):
        bench.run_queue(threads)
        bench.run_bucket(threads)
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    engine.close()


if __name__ == "__main__":
    main()
