"""How the common routes show errors, and paths that belong to no family."""

from collections.abc import Mapping

from chalicelib.core.errors import LambentError
from chalicelib.doors.common.schemas import ErrorBody, ErrorEnvelope
from chalicelib.http.route import Answer


def render_error(error: LambentError, headers: Mapping[str, str], request_id: str) -> Answer:  # noqa: ARG001 - one look for all
    """The error envelope."""
    body = ErrorBody(type=error.kind, message=error.message, field=error.field, code=error.code)
    envelope = ErrorEnvelope(error=body, request_id=request_id)
    return Answer(envelope.model_dump(exclude_none=True), error.status)
