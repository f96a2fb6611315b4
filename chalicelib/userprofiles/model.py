"""What a user profile is: somebody whom the tenant serves, as the tenant tells of them."""

from typing import Literal

from pydantic import Field

from chalicelib.core.schema import Schema

AccessType = Literal["application", "passthrough"]
AccountStatus = Literal["active", "suspended", "blocked"]
EntityType = Literal["individual", "business", "non_profit", "government"]
Order = Literal["created_at", "name"]


class Details(Schema):
    """What the tenant states of the user besides who and since when."""

    account_status: AccountStatus | None = None
    country: str | None = None
    email_hash: str | None = None
    entity_type: EntityType | None = None
    name_hash: str | None = None


class Profile(Schema):
    """A profile. ``external_id`` is the tenant's own name of the user, ``onboarded_at`` since when it knows them;
    ``enrolled_at`` is when the user confirmed. Times in milliseconds."""

    id: str
    created_at: int
    updated_at: int
    name: str | None = None
    access_type: AccessType = "application"
    external_id: str | None = None
    onboarded_at: int | None = None
    details: Details = Field(default_factory=Details)
    metadata: dict[str, str] = Field(default_factory=dict)
    enrolled_at: int | None = None
    revision: int = 1
