"""Makes boto3 clients of this process reach the engine instead of AWS."""

import errno
import functools
import inspect
import itertools
import logging
import os
import secrets
from collections.abc import Callable
from typing import Any

import botocore.session

from chalicelib.local.engine.control import ControlPlane
from chalicelib.local.engine.errors import EngineClosed, ServiceError

Params = dict[str, Any]
Operations = dict[str, Callable[[Params], Params]]

logger = logging.getLogger(__name__)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_UNAVAILABLE = ServiceError("ServiceUnavailable", "there is no room on this machine", 503)
SERVICES = ("dynamodb", "sqs", "s3")
_PARAMS = "lambent_params"
_requests = itertools.count(1)
_process = secrets.token_hex(8)


class _Status:
    """What botocore asks of an HTTP answer when there was no HTTP."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code
        self.headers: dict[str, str] = {}


def _metadata(status: int) -> Params:
    request_id = f"{_process}-{next(_requests):x}"
    return {"RequestId": request_id, "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}


class _DirectSerializer:
    """Leaves the parameters of served operations as they are: nothing is sent, so nothing is serialised."""

    def __init__(self, serializer: Any, operations: Operations) -> None:
        self._serializer = serializer
        self._operations = operations

    def serialize_to_request(self, parameters: Params, operation_model: Any) -> Params:
        if operation_model.name not in self._operations:
            request: Params = self._serializer.serialize_to_request(parameters, operation_model)
            return {**request, _PARAMS: parameters}
        return {
            "url_path": "/",
            "query_string": {},
            "method": "POST",
            "headers": {},
            "body": b"",
            _PARAMS: parameters,
        }


class Gate:
    """Connects clients to an engine for as long as it is open."""

    def __init__(self, region: str, control: ControlPlane, operations: dict[str, Operations]) -> None:
        self._region = region
        self._control = control
        self._operations = operations
        self._original: Any = None
        self._open = False

    def install(self) -> None:
        """From now on sessions make clients that reach the engine, unless given an endpoint of their own."""
        self._open = True
        self._original = original = botocore.session.Session.create_client
        signature = inspect.signature(original)

        @functools.wraps(original)
        def create_client(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs).arguments
            if not self._wants(given):
                return original(*args, **kwargs)
            client = original(**self._credentials(given))
            self._connect(client, given["service_name"])
            return client

        botocore.session.Session.create_client = create_client

    def uninstall(self) -> None:
        """Sessions make ordinary clients again; those already made refuse to work."""
        self._open = False
        botocore.session.Session.create_client = self._original

    def _wants(self, given: Params) -> bool:
        elsewhere = given.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL")
        return given["service_name"] in SERVICES and not elsewhere

    def _credentials(self, given: Params) -> Params:
        """Arguments that need neither the caller's environment nor a change to it."""
        names = ("aws_access_key_id", "aws_secret_access_key")
        keys = {name: given.get(name) or "local" for name in names}
        return {**given, **keys, "region_name": given.get("region_name") or self._region}

    def _connect(self, client: Any, service: str) -> None:
        operations = self._operations[service]
        outer = client._serializer
        if hasattr(outer, "_param_validator"):
            outer._serializer = _DirectSerializer(outer._serializer, operations)
        else:
            client._serializer = _DirectSerializer(outer, operations)
        events = client.meta.events
        hyphenated = client.meta.service_model.service_id.hyphenize()
        events.register_first(f"before-call.{hyphenated}", functools.partial(self._before_call, operations))
        events.register_first(f"before-send.{hyphenated}", self._before_send)
        events.register_last(f"after-call.{hyphenated}", self._after_call)

    def _before_call(
        self, operations: Operations, model: Any, params: Params, context: Params, **_: Any
    ) -> tuple[_Status, Params] | None:
        if not self._open:
            raise EngineClosed("this client belongs to an engine that was closed")
        given = params.pop(_PARAMS)
        try:
            serve = operations.get(model.name)
            if serve is not None:
                return _Status(200), {**serve(given), "ResponseMetadata": _metadata(200)}
            self._control.refuse_early(model.name, given)
        except ServiceError as error:
            return _Status(error.status), _refusal(error)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            logger.error("the disk that keeps the state is full; %s was refused", model.name)
            return _Status(_UNAVAILABLE.status), _refusal(_UNAVAILABLE)
        context[_PARAMS] = given
        return None

    def _before_send(self, request: Any, **_: Any) -> Any:
        return self._control.process(request)

    def _after_call(self, http_response: Any, model: Any, context: Params, **_: Any) -> None:
        given = context.pop(_PARAMS, None)
        if given is not None and http_response.status_code < 300:
            self._control.followed(model.name, given)


def _refusal(error: ServiceError) -> Params:
    shown = {"Message": error.message, "Code": error.code}
    if "." in error.code:
        # SQS kept the codes of its older protocol; botocore finds the exception by the modelled name.
        name = error.code.rpartition(".")[2]
        shown["QueryErrorCode"] = "QueueDoesNotExist" if name == "NonExistentQueue" else name
    return {
        "Error": shown,
        "ResponseMetadata": _metadata(error.status),
        **error.members,
    }
