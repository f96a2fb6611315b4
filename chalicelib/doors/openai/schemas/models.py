"""Models as lists show them."""

from typing import Literal

from chalicelib.core.schema import Schema


class Model(Schema):
    """A model; when it was published is not known here."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Schema):
    """All models."""

    object: Literal["list"]
    data: list[Model]
