"""The calls of AWS Lambda MicroVMs, with the errors the rest of the product knows."""

import itertools
import random
import time
import uuid
from collections.abc import Callable
from typing import Any

from chalicelib.sandbox.hosts.base import BoxSpec, Condition, SandboxError, SandboxRefused, SandboxUnavailable
from chalicelib.sandbox.settings import MOST_SECONDS, MicrovmSettings

_SLOW_DOWN = {"ThrottlingException", "TooManyRequestsException"}
_FAILED = {"InternalServerException", "ServiceException"}
_LATER = {"ServiceQuotaExceededException", "InsufficientCapacityException", *_FAILED}
_CONDITIONS: dict[str, Condition] = {
    "PENDING": "running",
    "RUNNING": "running",
    "SUSPENDING": "frozen",
    "SUSPENDED": "frozen",
    "TERMINATING": "gone",
    "TERMINATED": "gone",
}
ENDED = ("TERMINATING", "TERMINATED")
_PATIENCE_SECONDS = 8.0
TOKEN_MINUTES = 60


class MicrovmUnknown(SandboxUnavailable):
    """Lambda knows no such MicroVM."""


class MicrovmBusy(SandboxUnavailable):
    """The MicroVM's state does not permit the call now."""


def make_client(region: str) -> Any:
    """A boto3 client that tries once: what may be tried again, and how long, is decided by ``Calls``."""
    import boto3
    from botocore.config import Config

    config = Config(
        region_name=region,
        user_agent="lambent",
        connect_timeout=3,
        read_timeout=25,
        max_pool_connections=32,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.session.Session().client("lambda-microvms", config=config)


class Calls:
    """One method a call; each has some seconds of patience where Lambda asks to slow down, or fails in itself.

    All raise SandboxUnavailable (later it may work), SandboxRefused (it never will), MicrovmUnknown, MicrovmBusy.
    """

    def __init__(
        self, client: Callable[[], Any], settings: MicrovmSettings, *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._client = client
        self._settings = settings
        self._patience = patience_seconds

    def run(self, spec: BoxSpec, idle_seconds: int, max_seconds: int) -> dict[str, Any]:
        """A new MicroVM: at least its ``microvmId`` and ``endpoint``."""
        asked = {
            "imageIdentifier": self._settings.image,
            "imageVersion": self._settings.version,
            "executionRoleArn": self._settings.role,
            "ingressNetworkConnectors": list(self._settings.ingress),
            "egressNetworkConnectors": list(self._settings.egress),
            "logging": _logging(self._settings.log_group),
            "idlePolicy": {
                "maxIdleDurationSeconds": idle_seconds,
                "suspendedDurationSeconds": self._settings.suspended_seconds,
                "autoResumeEnabled": True,
            },
            # The box inside ends when its time is over; the MicroVM leaves it that time beside its own start.
            "maximumDurationInSeconds": min(
                min(spec.seconds, max_seconds) + self._settings.start_seconds, MOST_SECONDS
            ),
            # A new one for every MicroVM: Lambda answers a repeated token with the first answer for good.
            "clientToken": uuid.uuid4().hex,
        }
        try:
            return self._call("run_microvm", **{name: value for name, value in asked.items() if value})
        except MicrovmUnknown as error:
            raise SandboxRefused(f"there is no MicroVM image {self._settings.image}", code="image") from error

    def get(self, identity: str) -> dict[str, Any]:
        """What Lambda tells of a MicroVM; its state may be a moment old."""
        return self._call("get_microvm", microvmIdentifier=identity)

    def condition(self, identity: str) -> Condition:
        """The state in the words of all hosts; an unknown MicroVM is gone."""
        try:
            return _CONDITIONS.get(self.get(identity)["state"], "running")
        except MicrovmUnknown:
            return "gone"

    def token(self, identity: str, port: int) -> str:
        """A new credential for one port, good for TOKEN_MINUTES."""
        answer = self._call(
            "create_microvm_auth_token",
            microvmIdentifier=identity,
            expirationInMinutes=TOKEN_MINUTES,
            allowedPorts=[{"port": port}],
        )
        parts = {name.lower(): value for name, value in answer["authToken"].items()}
        return str(parts["x-aws-proxy-auth"])

    def suspend(self, identity: str) -> None:
        """Ask for the memory and disk to be kept and the MicroVM to stand still."""
        self._call("suspend_microvm", microvmIdentifier=identity)

    def resume(self, identity: str) -> None:
        """Ask for it to go on."""
        self._call("resume_microvm", microvmIdentifier=identity)

    def terminate(self, identity: str) -> None:
        """Ask for its end."""
        self._call("terminate_microvm", microvmIdentifier=identity)

    def _call(self, operation: str, **asked: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        until = time.monotonic() + self._patience
        for attempt in itertools.count():
            try:
                answer: dict[str, Any] = getattr(self._client(), operation)(**asked)
                return answer
            except ClientError as error:
                pause = _pause(error.response, attempt)
                if pause is None or time.monotonic() + pause > until:
                    raise _told(error.response) from error
            except BotoCoreError as error:
                pause = 0.2
                if attempt:
                    name = type(error).__name__
                    raise SandboxUnavailable(f"Lambda MicroVMs cannot be reached ({name})", code="host") from error
            time.sleep(pause)
        raise AssertionError("counting has no end")


def _logging(group: str) -> dict[str, Any]:
    return {"cloudWatch": {"logGroup": group}} if group else {"disabled": {}}


def _pause(response: dict[str, Any], attempt: int) -> float | None:
    """Seconds to wait before the same call is made again; None when that would not help.

    A repeat does no harm to any of them: a run carries its client token, the rest lead to a state.
    """
    if response["Error"]["Code"] not in _SLOW_DOWN | _FAILED:
        return None
    asked = str(response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", ""))
    usual: float = min(4.0, 0.25 * 2 ** min(attempt, 4)) * random.uniform(0.5, 1.5)
    return max(usual, float(asked)) if asked.isdecimal() else usual


def _told(response: dict[str, Any]) -> SandboxError:
    code, message = response["Error"]["Code"], response["Error"].get("Message", "")
    if code in _SLOW_DOWN:
        return SandboxUnavailable("Lambda MicroVMs asks to slow down", code="throttled")
    if code in _LATER:
        return SandboxUnavailable(f"Lambda has no MicroVM to give: {message or code}", code="capacity")
    if code == "ResourceNotFoundException":
        return MicrovmUnknown("there is no such MicroVM")
    if code == "ConflictException":
        return MicrovmBusy(f"the MicroVM is not ready for that: {message}")
    return SandboxRefused(f"Lambda MicroVMs refuses: {code}: {message}", code="refused")
