"""Failures of the engine itself, and the service errors its callers see as botocore `ClientError`s."""

from typing import Any


class EngineError(Exception):
    """Base of everything the engine raises outside a service call."""


class EngineAlreadyRunning(EngineError):
    """A second engine was started in one process; close the first."""


class EngineClosed(EngineError):
    """A client made by an engine was used after that engine was closed."""


class StateDirectoryInUse(EngineError):
    """Another process holds the state directory."""


class JournalDamaged(EngineError):
    """A record in the middle of the journal cannot be read, or the journal is of an unknown format."""


class TemplateError(EngineError):
    """The CloudFormation template cannot be resolved for this machine."""


class ServiceError(Exception):
    """An error answer of an AWS service.

    `code` and `message` become `Error.Code` and `Error.Message`; `members` lie beside them at the top of
    the response, as modelled members do; `status` is the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def validation(message: str) -> ServiceError:
    """DynamoDB's answer to a malformed request."""
    return ServiceError("ValidationException", message)
