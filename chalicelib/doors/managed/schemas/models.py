"""Models on the wire, in both families' shapes."""

from typing import Any, Literal

from chalicelib.core.schema import RootSchema, Schema
from chalicelib.doors.managed.schemas.lists import ListQuery, Page


class AnthropicModel(Schema):
    """A model as SDKs of the Managed Agents API read it."""

    id: str
    type: Literal["model"]
    display_name: str
    created_at: str
    lifecycle: Literal["active", "deprecated", "retired"]
    line: str | None
    max_input_tokens: int | None
    max_tokens: int | None
    capabilities: dict[str, Any] | None
    allowed_fallback_models: list[str] | None
    deprecated_at: str | None
    retires_at: str | None


class AnthropicModelPage(Page[AnthropicModel]):
    """A page of models."""


class OpenAIModel(Schema):
    """A model as OpenAI clients read it."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class OpenAIModelList(Schema):
    """All models."""

    object: Literal["list"]
    data: list[OpenAIModel]


class ModelAnswer(RootSchema[AnthropicModel | OpenAIModel]):
    """A model in the shape the request's headers ask for."""


class ModelListAnswer(RootSchema[AnthropicModelPage | OpenAIModelList]):
    """Models in the shape the request's headers ask for."""


class ModelName(Schema):
    """A model by id and name."""

    id: str
    name: str


class ModelNames(Schema):
    """The names of all models."""

    data: list[ModelName]


class ModelListQuery(ListQuery):
    """Which models."""

    after_id: str | None = None
    before_id: str | None = None
    lifecycle: list[Literal["active", "deprecated", "retired"]] | None = None
