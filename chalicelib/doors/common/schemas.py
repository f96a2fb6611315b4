"""What the common routes answer."""

from pydantic import BaseModel


class Alive(BaseModel):
    """The process answers."""

    ok: bool


class Health(BaseModel):
    """The process answers, and which release it is."""

    status: str
    version: str


class Readiness(BaseModel):
    """Whether requests that need storage can be answered; ``away`` names the parts that do not answer."""

    ready: bool
    away: list[str]


class Index(BaseModel):
    """Where to go from here."""

    name: str
    version: str
    description: str
    links: dict[str, str]


class ErrorBody(BaseModel):
    """What went wrong."""

    type: str
    message: str
    field: str | None = None
    code: str | None = None


class ErrorEnvelope(BaseModel):
    """An error."""

    error: ErrorBody
    request_id: str
