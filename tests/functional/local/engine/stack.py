"""A stack like the product's, and what it holds after a while; run as a program it writes until it is killed."""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import boto3

from chalicelib.local.engine import Engine

THREADS = 4
TEMPLATE: dict[str, Any] = {
    "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
    "Conditions": {"IsLarge": {"Fn::Equals": [{"Ref": "Stage"}, "large"]}},
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "gpk", "gsk")
                ],
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": "gsi",
                        "KeySchema": [
                            {"AttributeName": "gpk", "KeyType": "HASH"},
                            {"AttributeName": "gsk", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
            },
        },
        "Runs": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "FifoQueue": True,
                "VisibilityTimeout": 960,
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["DeadRuns", "Arn"]},
                    "maxReceiveCount": 3,
                },
            },
        },
        "DeadRuns": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
        "Files": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketName": {"Fn::Sub": "${AWS::StackName}-files-${Stage}"}},
        },
        "Spare": {"Type": "AWS::SQS::Queue", "Condition": "IsLarge", "Properties": {}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
        "Worker": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
    },
    "Outputs": {
        "Table": {"Value": {"Ref": "Table"}},
        "Queue": {"Value": {"Ref": "Runs"}},
        "QueueArn": {"Value": {"Fn::GetAtt": ["Runs", "Arn"]}},
        "Bucket": {"Value": {"Ref": "Files"}},
        "Worker": {"Value": {"Fn::GetAtt": ["Worker", "Arn"]}},
        "Spare": {"Condition": "IsLarge", "Value": {"Ref": "Spare"}},
    },
}


class Writer:
    """Writes of one thread, each told on standard output once the engine has acknowledged it."""

    def __init__(self, outputs: dict[str, str], number: int, lock: threading.Lock) -> None:
        self._outputs, self._number, self._lock = outputs, number, lock
        self._dynamodb, self._sqs, self._s3 = (boto3.client(name) for name in ("dynamodb", "sqs", "s3"))

    def run(self) -> None:
        n = 0
        while True:
            n += 1
            for write in (self._item, self._transaction, self._message, self._object):
                write(n)
                with self._lock:
                    sys.stdout.write(json.dumps([write.__name__, self._number, n]) + "\n")
                    sys.stdout.flush()

    def _item(self, n: int) -> None:
        self._dynamodb.update_item(
            TableName=self._outputs["Table"],
            Key={"pk": {"S": f"item{self._number}"}, "sk": {"S": "counter"}},
            UpdateExpression="SET n = :n, body5 = if_not_exists(body5, :body), bin_ = :bin",
            ExpressionAttributeValues={
                ":n": {"N": str(n)},
                ":body": {"S": "x" * 5000},
                ":bin": {"B": n.to_bytes(4, "big")},
            },
        )

    def _transaction(self, n: int) -> None:
        puts = [
            {"pk": {"S": f"tx{self._number}"}, "sk": {"S": f"{side}{n:08d}"}, "n": {"N": str(n)}}
            for side in ("left", "right")
        ]
        self._dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": self._outputs["Table"], "Item": put}} for put in puts]
        )

    def _message(self, n: int) -> None:
        self._sqs.send_message(
            QueueUrl=self._outputs["Queue"],
            MessageBody=str(n),
            MessageGroupId=str(self._number),
            MessageDeduplicationId=f"{self._number}-{n}",
        )

    def _object(self, n: int) -> None:
        body = f"{self._number}:{n}".encode() * 500
        self._s3.put_object(Bucket=self._outputs["Bucket"], Key=f"{self._number}/{n:08d}", Body=body)


def main() -> None:
    outputs = Engine.start(Path(sys.argv[1])).deploy(TEMPLATE, "stack", {})
    lock = threading.Lock()
    for number in range(THREADS):
        threading.Thread(target=Writer(outputs, number, lock).run).start()


if __name__ == "__main__":
    main()
