"""Query strings for models."""

from typing import Any

import pytest
from pydantic import AliasChoices, BaseModel, Field

from chalicelib.http.queries import QueryReader


class Listing(BaseModel):
    limit: int = 1
    types: list[str] = []
    tags: set[str] | None = None
    after: str | None = Field(None, alias="created_at[gte]")
    page: str | None = Field(None, validation_alias=AliasChoices("page", "cursor"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {}),
        ("limit=1&limit=2", {"limit": "2"}),
        ("types=a&types=b", {"types": ["a", "b"]}),
        ("types[]=a&types%5B%5D=b", {"types": ["a", "b"]}),
        ("types=a,b&types[]=c,,d", {"types": ["a", "b", "c", "d"]}),
        ("tags=a%2Cb", {"tags": ["a", "b"]}),
        ("created_at[gte]=2026&created_at%5Blt%5D=x", {"created_at[gte]": "2026"}),
        ("after=x&unknown=1", {}),
        ("cursor=c", {"cursor": "c"}),
        ("limit=&types=&types[]=", {}),
        ("limit[]=3", {}),
        ("page=a+b%20c", {"page": "a b c"}),
        ("page=%FF", {"page": "\N{REPLACEMENT CHARACTER}"}),
        ("&&=&limit", {}),
    ],
)
def test_reading(query: str, found: dict[str, Any]) -> None:
    assert QueryReader(Listing).read(query) == found
    Listing.model_validate(found)
