"""Webhook endpoints and deliveries on the wire; requests are the core's own drafts."""

from typing import Literal

from pydantic import Field

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import ListQuery, Page


class WebhookEndpointAnswer(Schema):
    """An endpoint. ``disabled_reason`` tells why the server disabled it, ``failing_since`` that nothing arrives."""

    id: str
    type: Literal["webhook_endpoint"]
    url: str
    description: str | None
    events: list[str]
    enabled: bool
    disabled_reason: str | None
    failing_since: str | None
    created_at: str
    updated_at: str


class NewWebhookEndpoint(WebhookEndpointAnswer):
    """An endpoint with its secret, which is not shown again."""

    secret: str


class WebhookEndpointPage(Page[WebhookEndpointAnswer]):
    """All endpoints."""


class AttemptAnswer(Schema):
    """One try. ``error`` is null when it worked, else timeout, unreachable, unreadable_answer, refused_address,
    redirect or status."""

    at: str
    duration_ms: int
    status: int | None
    error: str | None


class DeliveryAnswer(Schema):
    """One event on its way to one endpoint."""

    id: str
    type: Literal["webhook_delivery"]
    endpoint_id: str
    event_id: str
    event_type: str
    status: Literal["pending", "delivered", "failed"]
    reason: str | None = Field(description="given_up or endpoint_disabled when it failed")
    attempts: list[AttemptAnswer]
    created_at: str
    next_attempt_at: str | None
    delivered_at: str | None


class DeliveryPage(Page[DeliveryAnswer]):
    """A page of deliveries."""


class DeliveryQuery(ListQuery):
    """Which deliveries."""

    status: Literal["pending", "delivered", "failed"] | None = None
    event_type: str | None = None
    event_id: str | None = None


class Redriven(Schema):
    """How many deliveries are tried anew; with ``has_more`` the same request goes on."""

    type: Literal["webhook_redrive"]
    redriven: int
    has_more: bool
