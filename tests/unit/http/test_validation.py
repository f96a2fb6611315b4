"""One sentence out of pydantic's findings."""

from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from chalicelib.core.errors import InvalidRequest
from chalicelib.http.validation import validate


class Text(BaseModel):
    type: Literal["text"]
    text: str


class Cache(BaseModel):
    ttl: Literal["5m", "1h"]


class Image(BaseModel):
    type: Literal["image"]
    mode: Literal["fit", "fill"] = "fit"
    url: str
    cache: Cache | None = None


class Round(BaseModel):
    kind: Literal["round"]
    size: int


class Square(BaseModel):
    kind: Literal["square"]
    side: int


class Thing(BaseModel):
    name: str = Field("x", max_length=3)
    content: str | list[Text | Image] = ""
    shape: Annotated[Round | Square, Field(discriminator="kind")] | None = None
    numbers: list[int] = Field([], max_length=3)
    labels: list[str] = Field(["x"], min_length=1)
    cache: Cache | None = None
    secret: SecretStr = SecretStr("x")
    switch: bool = False
    never: None = None
    moment: datetime | None = None
    table: dict[str, int] = {}
    count: int | None = None
    text: str | Text | None = None
    given: int = Field(1, alias="from")

    @field_validator("name")
    @classmethod
    def not_bad(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("That name is taken")
        if value == "use":
            raise ValueError("Names should be short")
        return value

    @model_validator(mode="after")
    def not_both(self) -> "Thing":
        if self.count == 7 and self.numbers:
            raise ValueError("count and numbers exclude each other")
        return self


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"name": 1}, "name: must be a string"),
        ({"name": "long"}, "name: must have at most 3 characters"),
        ({"name": "bad"}, "name: that name is taken"),
        ({"name": "use"}, "name: names should be short"),
        ({"numbers": [1, "x"]}, "numbers.1: must be a whole number"),
        ({"table": {"a": "b"}}, "table.a: must be a whole number"),
        ({"count": "x"}, "count: must be a whole number"),
        ({"from": []}, "from: must be a whole number"),
        ({"numbers": 5}, "numbers: must be a list"),
        ({"numbers": [1, 2, 3, 4]}, "numbers: must have at most 3 items"),
        ({"labels": []}, "labels: must have at least 1 item"),
        ({"labels": {"a": "b"}}, "labels: must be a list"),
        ({"cache": "1h"}, "cache: must be an object"),
        ({"secret": 1}, "secret: must be a string"),
        ({"switch": "perhaps"}, "switch: must be true or false"),
        ({"never": 1}, "never: must be null"),
        ({"moment": "x"}, "moment: must be a valid datetime or date, input is too short"),
        ({"content": 5}, "content: must be a string or a list"),
        ({"content": {"type": "text"}}, "content: must be a string or a list"),
        ({"content": ["x"]}, "content.0: must be an object"),
        ({"content": [{"type": "text"}]}, "content.0.text: field required"),
        ({"content": [{"type": "text", "text": 5}]}, "content.0.text: must be a string"),
        ({"content": [{"type": "nope"}]}, "content.0.type: must be 'text' or 'image'"),
        ({"content": [{}]}, "content.0.type: field required"),
        (
            {"content": [{"type": "image", "url": "u", "cache": {"ttl": "2h"}}]},
            "content.0.cache.ttl: must be '5m' or '1h'",
        ),
        ({"content": [{"type": "image", "url": "u", "mode": "x"}]}, "content.0.mode: must be 'fit' or 'fill'"),
        ({"shape": {"kind": "round"}}, "shape.size: field required"),
        ({"shape": {"kind": "oval"}}, "shape.kind: must be one of 'round', 'square'"),
        ({"shape": {}}, "shape.kind: field required"),
        ({"text": {"type": "text", "text": 1}}, "text.text: must be a string"),
        ({"text": {}}, "text.type: field required"),
        ({"count": 7, "numbers": [1]}, "count and numbers exclude each other"),
    ],
)
def test_the_sentence_begins_with_the_path(data: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        validate(Thing, data)
    assert caught.value.message == says
    path, found, _ = says.partition(": ")
    assert caught.value.field == (path if found else None)


def test_what_fits_becomes_the_model() -> None:
    thing = validate(Thing, {"content": [{"type": "image", "url": "u"}], "unknown": 1})
    assert isinstance(thing.content[0], Image)
