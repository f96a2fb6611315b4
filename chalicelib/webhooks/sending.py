"""One try to hand a message to its receiver."""

import time
from collections.abc import Sequence
from threading import Event

from chalicelib.core.clock import now_ms
from chalicelib.outbound import errors
from chalicelib.outbound.guard import Outbound
from chalicelib.webhooks import places, signing
from chalicelib.webhooks.message import event_name
from chalicelib.webhooks.model import Attempt, Delivery, Endpoint
from chalicelib.webhooks.places import PlaceRules

_SECONDS = 10.0
_MOST_BYTES = 16 << 10
_KINDS: tuple[tuple[type[errors.OutboundError], str], ...] = (
    (errors.OutboundTimeout, "timeout"),
    (errors.OutboundUnreachable, "unreachable"),
    (errors.AnswerUnreadable, "unreadable_answer"),
)


class Sender:
    """Posts messages to addresses that tenants chose; redirects are not followed, answers hardly read."""

    def __init__(self, outbound: Outbound, rules: PlaceRules) -> None:
        self._outbound = outbound
        self._rules = rules

    def attempt(self, endpoint: Endpoint, delivery: Delivery, keys: Sequence[str]) -> Attempt:
        """Try once, signed with each of the secrets."""
        began, at = time.monotonic(), now_ms()
        status, error = self._post(endpoint.url, delivery, keys, at)
        return Attempt(at, int((time.monotonic() - began) * 1000), status, error)

    def _post(self, url: str, delivery: Delivery, keys: Sequence[str], at: int) -> tuple[int | None, str | None]:
        headers = signing.signed_headers(event_name(delivery.event_id), delivery.body, keys, at)
        try:
            places.check(self._outbound, self._rules, url)
            answer = self._outbound.request(
                "POST",
                url,
                headers=headers,
                body=delivery.body.encode(),
                timeout_s=_SECONDS,
                max_bytes=_MOST_BYTES,
                cancelled=Event(),
                follow=0,
            )
        except errors.OutboundError as error:
            return None, next((name for kind, name in _KINDS if isinstance(error, kind)), "refused_address")
        return answer.status, _verdict(answer.status)


def _verdict(status: int) -> str | None:
    """Why an answer does not count; None when it does."""
    if 200 <= status < 300:
        return None
    return "redirect" if 300 <= status < 400 else "status"
