"""A CloudFormation template becomes tables, queues and buckets with stable names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.local.engine import TemplateError

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from stack import TEMPLATE  # noqa: E402


def test_what_the_template_says_is_there(cloud, own_engine):
    outputs = own_engine.deploy(json.dumps(TEMPLATE), "told", {"Stage": "large"})
    assert outputs["Table"] == "told-Table"
    assert outputs["Queue"].endswith("/told-Runs.fifo")
    assert outputs["QueueArn"] == "arn:aws:sqs:us-east-1:123456789012:told-Runs.fifo"
    assert outputs["Bucket"] == "told-files-large"
    assert outputs["Spare"].endswith("/told-Spare")
    assert "Worker" not in outputs
    shown = cloud.sqs.get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=["All"])["Attributes"]
    assert json.loads(shown["RedrivePolicy"])["deadLetterTargetArn"].endswith(":told-DeadRuns.fifo")
    assert (shown["VisibilityTimeout"], shown["FifoQueue"]) == ("960", "true")
    ttl = cloud.dynamodb.describe_time_to_live(TableName=outputs["Table"])["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    table = cloud.dynamodb.describe_table(TableName=outputs["Table"])["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["gsi"]


def test_deploying_again_keeps_what_is_stored(cloud, own_engine):
    outputs = own_engine.deploy(TEMPLATE, "again", {})
    cloud.put(outputs["Table"], "a", "1")
    assert own_engine.deploy(TEMPLATE, "again", {}) == outputs
    assert cloud.get(outputs["Table"], "a", "1")
    assert "Spare" not in outputs


@pytest.mark.parametrize(
    "wrong",
    [
        "{not json",
        {"Parameters": {"P": {"Type": "String"}}, "Resources": {}},
        {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Nobody"}}}}},
        {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::ImportValue": "x"}}}}},
    ],
)
def test_what_cannot_be_resolved_is_told(own_engine, wrong):
    with pytest.raises(TemplateError):
        own_engine.deploy(wrong, "wrong", {})


def test_neither_credentials_nor_a_region_nor_other_services_are_needed():
    script = (
        "import sys\n"
        "from chalicelib.local.engine import Engine\n"
        "import os, boto3\n"
        "from stack import TEMPLATE\n"
        "session = boto3.session.Session()\n"
        "engine = Engine.start(None)\n"
        "outputs = engine.deploy(TEMPLATE, 's', {})\n"
        "key = {'pk': {'S': 'a'}, 'sk': {'S': '1'}}\n"
        "session.client('dynamodb').put_item(TableName=outputs['Table'], Item=key)\n"
        "elsewhere = boto3.client('dynamodb', region_name='eu-west-1')\n"
        "assert elsewhere.get_item(TableName=outputs['Table'], Key=key)['Item']\n"
        "boto3.client('sqs').get_queue_attributes(QueueUrl=outputs['Queue'], AttributeNames=['All'])\n"
        "import botocore.session\n"
        "bare = botocore.session.get_session().create_client('dynamodb', 'eu-west-1')\n"
        "assert bare.get_item(TableName=outputs['Table'], Key=key)['Item']\n"
        "assert not [name for name in os.environ if name.startswith('AWS_')]\n"
        "heavy = ('docker', 'cryptography', 'moto.iam', 'moto.awslambda', 'moto.ec2')\n"
        "assert not [name for name in heavy if name in sys.modules]\n"
        "engine.close()\n"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{HERE}:{HERE.parents[3]}", "HOME": "/nowhere"}
    subprocess.run([sys.executable, "-c", script], check=True, env=env)
