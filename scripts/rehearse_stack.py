"""Deploys build/package to the emulator, with the few rewrites the emulator needs."""

from __future__ import annotations

import copy
import json
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import rehearse_emulator

STACK = "lambent-rehearsal"
CODE_BUCKET = "rehearsal-code"
CODE_KEY = "deployment.zip"
TEMPLATE_KEY = "template.json"
DEPLOY_SECONDS = 120

Json = dict[str, Any]


class DeployFailedError(Exception):
    """The stack did not come up."""


@dataclass(frozen=True)
class Deployment:
    """A stack that is up: its outputs, and where the emulator serves its gateway and function URL."""

    endpoint: str
    outputs: dict[str, str]
    resources: dict[str, str]

    @property
    def api_url(self) -> str:
        return f"{self.endpoint}/_aws/execute-api/{self.outputs['RestAPIId']}/live"

    @property
    def stream_url(self) -> str:
        identity = self.outputs["StreamUrl"].partition("//")[2].partition(".")[0]
        return f"{self.endpoint}/_aws/lambda-url/{identity}"


def client(endpoint: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def keep_secret(endpoint: str, name: str, text: str) -> str:
    """Keeps `text` in Secrets Manager; the ARN of the secret."""
    return str(client(endpoint, "secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])


def deploy(endpoint: str, package: Path, scratch: Path, parameters: dict[str, str]) -> Deployment:
    """Creates the stack from `package`.

    Raises:
        DeployFailedError: CloudFormation says why.
    """
    archive = _with_bootstrap(package / "deployment.zip", scratch / "deployment.zip")
    storage = client(endpoint, "s3")
    storage.create_bucket(Bucket=CODE_BUCKET)
    storage.upload_file(str(archive), CODE_BUCKET, CODE_KEY)
    template = adapted(json.loads((package / "sam.json").read_text()))
    # A template of more than 51,200 bytes is taken from a bucket alone.
    storage.put_object(Bucket=CODE_BUCKET, Key=TEMPLATE_KEY, Body=json.dumps(template).encode())
    cloud = client(endpoint, "cloudformation")
    cloud.create_stack(
        StackName=STACK,
        TemplateURL=f"{endpoint}/{CODE_BUCKET}/{TEMPLATE_KEY}",
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    stack = _finished(cloud)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    resources = cloud.describe_stack_resources(StackName=STACK)["StackResources"]
    return Deployment(
        endpoint=endpoint,
        outputs=outputs,
        resources={r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources},
    )


def adapted(template: Json) -> Json:
    """`template` as the emulator can take it:

    - code comes from its S3;
    - its Python runtime does not honour AWS_LAMBDA_EXEC_WRAPPER, so the function URL gets a copy of the
      streaming function that runs as a custom runtime, which starts the same script;
    - it does not read the binary media types out of the API's definition;
    - it has no alarms on metric math;
    - it is reached over plain HTTP, which the bucket's policy forbids;
    - it does not tell policies the encryption context of a call to KMS, so the roles lose that condition.
    """
    resources: Json = copy.deepcopy(template["Resources"])
    for name in [name for name, each in resources.items() if "Metrics" in each.get("Properties", {})]:
        del resources[name]
    del resources["BucketPolicy"]
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": CODE_BUCKET, "Key": CODE_KEY}
        if resource["Type"] == "AWS::IAM::Role":
            _forget_encryption_context(resource)
    resources["RestAPI"]["Properties"]["BinaryMediaTypes"] = ["*/*"]
    streaming = copy.deepcopy(resources["Stream"])
    streaming["Properties"] |= {"Runtime": "provided.al2023", "Handler": "bootstrap"}
    resources["StreamAsCustomRuntime"] = streaming
    resources["StreamUrl"]["Properties"]["TargetFunctionArn"] = {"Fn::GetAtt": ["StreamAsCustomRuntime", "Arn"]}
    return template | {"Resources": resources}


def _forget_encryption_context(role: Json) -> None:
    for policy in role["Properties"].get("Policies", ()):
        for statement in policy["PolicyDocument"]["Statement"]:
            if "kms:EncryptionContext:" in json.dumps(statement.get("Condition", {})):
                del statement["Condition"]


def _with_bootstrap(source: Path, target: Path) -> Path:
    """The bundle with the one file a custom runtime must have."""
    target.write_bytes(source.read_bytes())
    python = rehearse_emulator.installed()
    script = f'#!/bin/sh\ncd "$(dirname "$0")"\nLAMBDA_TASK_ROOT="$PWD" exec ./stream_runtime.sh {python}\n'
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o100755 << 16
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(entry, script)
    return target


def _finished(cloud: Any) -> Json:
    end = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < end:
        stack: Json = cloud.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return stack
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(0.1)
    events = cloud.describe_stack_events(StackName=STACK)["StackEvents"]
    reasons = [
        f"{e['LogicalResourceId']}: {e['ResourceStatusReason']}" for e in events if e.get("ResourceStatusReason")
    ]
    raise DeployFailedError("\n".join([stack["StackStatus"], *reasons]))
