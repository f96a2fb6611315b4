"""User profiles on the wire; requests are the core's own drafts."""

from typing import Literal

from pydantic import AliasChoices, ConfigDict, Field

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import Page
from chalicelib.userprofiles.model import AccessType, Details

EnforcementStatus = Literal["unrestricted", "pending", "restricted", "banned"]


class DetailsAnswer(Details):
    """What the tenant states of the user."""

    onboarded_at: str | None
    reference_id: str | None


class GrantAnswer(Schema):
    """How a grant stands."""

    status: Literal["active", "pending", "rejected"]


class ProgramsAnswer(Schema):
    """Programs of other operators; this server has none."""

    cyber: None
    efs: None


class UserProfileAnswer(Schema):
    """A profile. ``trust_grants`` has ``enrollment`` once the user has enrolled; this server takes no enforcement
    actions."""

    id: str
    type: Literal["user_profile"]
    name: str | None
    access_type: AccessType
    external_id: str | None
    external_user_onboarded_at: str | None
    external_user_details: DetailsAnswer
    trust_grants: dict[str, GrantAnswer]
    enforcement_actions: list[None]
    enforcement_status: EnforcementStatus
    programs: ProgramsAnswer
    metadata: dict[str, str]
    created_at: str
    updated_at: str


class UserProfilePage(Page[UserProfileAnswer]):
    """A page of profiles."""


class UserProfileQuery(Schema):
    """Order and place of a page; profiles without a name come last by name."""

    model_config = ConfigDict(populate_by_name=True)

    limit: str | None = None
    page: str | None = Field(default=None, validation_alias=AliasChoices("page", "cursor"))
    order: Literal["asc", "desc"] = "desc"
    order_by: Literal["created_at", "name"] = "created_at"
    enforcement_status: list[EnforcementStatus] | None = Field(default=None, alias="enforcement_status[]")


class ActionUrlAnswer(Schema):
    """A URL for the person who enrols."""

    type: Literal["user_profile_action_url"]
    url: str
    expires_at: str


class EnrollmentUrlAnswer(Schema):
    """A URL for the person who enrols."""

    type: Literal["enrollment_url"]
    url: str
    expires_at: str
