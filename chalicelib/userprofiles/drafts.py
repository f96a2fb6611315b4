"""What clients may say of user profiles."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.core.schema import Schema
from chalicelib.userprofiles.model import AccessType, AccountStatus, EntityType

Text = Annotated[str, Field(min_length=1, max_length=255)]


class DetailsInput(Schema):
    """What the tenant states of the user."""

    account_status: AccountStatus | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    email_hash: Text | None = None
    entity_type: EntityType | None = None
    name_hash: Text | None = None
    onboarded_at: str | None = None
    reference_id: Text | None = None


class ProfileInput(Schema):
    """A profile, or what to change of it. ``external_id`` and ``external_user_onboarded_at`` mean the same as
    ``reference_id`` and ``onboarded_at`` of the details."""

    name: str | None = Field(default=None, max_length=255)
    access_type: AccessType | None = None
    external_id: Text | None = None
    external_user_onboarded_at: str | None = None
    external_user_details: DetailsInput | None = None
    metadata: dict[str, str | None] | None = None


class ProfileCreate(ProfileInput):
    """A new profile."""


class ProfileUpdate(ProfileInput):
    """What to change; what is absent stays."""


class EnrolEndUser(Schema):
    """The person who opens the URL enrols."""

    type: Literal["enroll_end_user"]


class ActionUrlCreate(Schema):
    """What the URL is for."""

    action: EnrolEndUser
