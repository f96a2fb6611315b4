"""What the common routes answer."""

from chalicelib.core.schema import Schema


class Alive(Schema):
    """The process answers."""

    ok: bool


class Health(Schema):
    """The process answers, and which release it is."""

    status: str
    version: str


class Readiness(Schema):
    """Whether requests that need storage can be answered; ``away`` names the parts that do not answer."""

    ready: bool
    away: list[str]


class Index(Schema):
    """Where to go from here."""

    name: str
    version: str
    description: str
    links: dict[str, str]


class ErrorBody(Schema):
    """What went wrong."""

    type: str
    message: str
    field: str | None = None
    code: str | None = None


class ErrorEnvelope(Schema):
    """An error."""

    error: ErrorBody
    request_id: str
