"""Creates from a CloudFormation template what this machine serves: tables, queues and buckets.

Resources of other types are production's own: they are not created, and outputs that name them are left out.
"""

import importlib
import json
import logging
from collections.abc import Callable
from typing import Any

from chalicelib.local.engine.control import ControlPlane
from chalicelib.local.engine.definitions import ACCOUNT
from chalicelib.local.engine.errors import TemplateError
from chalicelib.local.engine.template import Resolver

logger = logging.getLogger(__name__)

_TABLE, _QUEUE, _BUCKET = "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::S3::Bucket"
_NAME_PROPERTY = {_TABLE: "TableName", _QUEUE: "QueueName", _BUCKET: "BucketName"}
_MODELS = {
    _TABLE: ("moto.dynamodb.models.table", "Table"),
    _QUEUE: ("moto.sqs.models", "Queue"),
    _BUCKET: ("moto.s3.models", "FakeBucket"),
}
# Encrypts nothing here, but moto would load its KMS and make a key: a third of a second of every start.
_LEFT_OUT = frozenset({"SSESpecification"})
# moto's own lookup of attributes imports every service it has, for seconds and 150 MB.
_ATTRIBUTES: dict[str, dict[str, Callable[[Any], str]]] = {
    _TABLE: {"Arn": lambda table: table.table_arn},
    _QUEUE: {
        "Arn": lambda queue: queue.queue_arn,
        "QueueName": lambda queue: queue.name,
        "QueueUrl": lambda queue: queue.physical_resource_id,
    },
    _BUCKET: {
        "Arn": lambda bucket: bucket.arn,
        "DomainName": lambda bucket: bucket.domain_name,
        "RegionalDomainName": lambda bucket: bucket.regional_domain_name,
    },
}


class _NotServed(TemplateError):
    """A reference to a resource that exists in production only."""


class Deployment:
    """One stack. Physical names are the template's own, else the stack's name with the logical id."""

    def __init__(
        self, control: ControlPlane, template: dict[str, Any] | str, stack: str, parameters: dict[str, str]
    ) -> None:
        self._template = _parsed(template)
        self._resources: dict[str, Any] = self._template.get("Resources", {})
        self._control = control
        self._stack = stack
        pseudo = {
            "AWS::Region": control.region,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": stack,
            "AWS::StackId": f"arn:aws:cloudformation:{control.region}:{ACCOUNT}:stack/{stack}/local",
        }
        self._resolver = Resolver(self._template, parameters, pseudo, self._attribute)
        self._created: dict[str, Any] = {}

    def run(self) -> dict[str, str]:
        """Creates what is missing; answers the outputs. Raises TemplateError."""
        for logical, resource in self._resources.items():
            wanted = "Condition" not in resource or self._resolver.condition(resource["Condition"])
            if wanted and resource["Type"] in _MODELS:
                self._create(logical)
        return self._outputs()

    def _outputs(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, output in self._template.get("Outputs", {}).items():
            if "Condition" in output and not self._resolver.condition(output["Condition"]):
                continue
            try:
                found[name] = str(self._resolver.value(output["Value"]))
            except _NotServed:
                logger.debug("the output %s names a resource that is not served here", name)
        return found

    def _attribute(self, logical: str, name: str | None) -> Any:
        resource = self._create(logical)
        if name is None:
            return resource.physical_resource_id
        read = _ATTRIBUTES[self._resources[logical]["Type"]].get(name)
        if read is None:
            raise TemplateError(f"{logical} has no attribute {name}")
        return read(resource)

    def _create(self, logical: str) -> Any:
        """The moto resource of a logical id, created first when it is missing, after what it refers to."""
        if logical in self._created:
            return self._created[logical]
        resource = self._resources.get(logical)
        if resource is None:
            raise TemplateError(f"the template has neither a parameter nor a resource {logical}")
        kind = resource["Type"]
        if kind not in _MODELS:
            raise _NotServed(f"{logical} is a {kind}")
        properties = self._resolver.value(resource.get("Properties", {}))
        name = self._name(logical, kind, properties)
        created = self._existing(kind, name) or self._make(kind, name, properties)
        self._created[logical] = created
        self._follow(kind, name, properties)
        return created

    def _name(self, logical: str, kind: str, properties: dict[str, Any]) -> str:
        given = properties.get(_NAME_PROPERTY[kind])
        if given:
            return str(given)
        if kind == _BUCKET:
            return f"{self._stack}-{logical}".lower()
        fifo = kind == _QUEUE and str(properties.get("FifoQueue", "")).lower() == "true"
        return f"{self._stack}-{logical}{'.fifo' if fifo else ''}"

    def _existing(self, kind: str, name: str) -> Any:
        service, held = {
            _TABLE: ("dynamodb", "tables"),
            _QUEUE: ("sqs", "queues"),
            _BUCKET: ("s3", "buckets"),
        }[kind]
        return getattr(self._control.backend(service), held).get(name)

    def _make(self, kind: str, name: str, properties: dict[str, Any]) -> Any:
        module, model = _MODELS[kind]
        kept = {key: value for key, value in properties.items() if key not in _LEFT_OUT}
        return getattr(importlib.import_module(module), model).create_from_cloudformation_json(
            name, {"Properties": kept}, ACCOUNT, self._control.region
        )

    def _follow(self, kind: str, name: str, properties: dict[str, Any]) -> None:
        if kind == _TABLE:
            ttl = properties.get("TimeToLiveSpecification")
            if ttl:
                # moto's CloudFormation leaves this property out.
                spec = {**ttl, "Enabled": str(ttl.get("Enabled", "")).lower() == "true"}
                self._control.backend("dynamodb").update_time_to_live(name, spec)
            self._control.follow_table(name)
        elif kind == _QUEUE:
            self._control.follow_queue(name)
        else:
            self._control.follow_bucket(name)


def _parsed(template: dict[str, Any] | str) -> dict[str, Any]:
    if isinstance(template, dict):
        return template
    try:
        parsed: dict[str, Any] = json.loads(template)
    except ValueError as error:
        raise TemplateError(f"the template is not JSON: {error}") from error
    return parsed
