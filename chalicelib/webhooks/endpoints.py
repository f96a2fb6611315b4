"""What may be done with endpoints."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id, new_id
from chalicelib.observability import logger
from chalicelib.storage.errors import RoomFull, SecretUnreadable, StorageBusy
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import LANES, lane_of
from chalicelib.storage.secrets import SecretBox
from chalicelib.webhooks import kinds, queue_store, schedule, signing
from chalicelib.webhooks.drafts import EndpointCreate, EndpointUpdate
from chalicelib.webhooks.due import QUEUE
from chalicelib.webhooks.endpoint_store import EndpointStore
from chalicelib.webhooks.errors import EndpointNotFound, SecretReplaced, TooManyEndpoints, UnknownEventType
from chalicelib.webhooks.model import KEPT_SECRETS, MOST_ENDPOINTS, SECRET_OVERLAP_MS, Endpoint, OldSecret

_PURPOSE = "webhook-secret"
_TRIES = 10
CheckUrl = Callable[[str], None]


class EndpointService:
    """Creates, changes and removes endpoints. Secrets leave through ``create``, ``rotate`` and for signing alone."""

    def __init__(self, store: EndpointStore, box: SecretBox, check_url: CheckUrl) -> None:
        self._store = store
        self._box = box
        self._check_url = check_url

    def create(self, space: Space, sent: EndpointCreate, endpoint_id: str | None = None) -> tuple[Endpoint, str]:
        """A new endpoint and its secret; with an id that exists already, what has it.

        Raises UrlNotAllowed, UnknownEventType, TooManyEndpoints, SecretReplaced.
        """
        own = endpoint_id or self._lone_id(space)
        if endpoint_id is not None and self._store.find(space, own) is not None:
            return self.reveal(space, own, own)
        self._demand_sound(sent.url, sent.events)
        now, secret = now_ms(), signing.new_secret()
        made = Endpoint(
            id=own,
            url=sent.url,
            events=_ordered(sent.events),
            created_at=now,
            updated_at=now,
            sealed=self._box.seal(space, _PURPOSE, own, secret),
            secret_id=own,
            description=sent.description,
            enabled=sent.enabled,
        )
        try:
            return (made, secret) if self._store.insert(space, made) else self.reveal(space, own, own)
        except RoomFull as full:
            raise TooManyEndpoints(f"a tenant has at most {MOST_ENDPOINTS} webhook endpoints") from full

    def _lone_id(self, space: Space) -> str:
        """An id in the lane where the fewest of the tenant's endpoints stand: they wait for each other there."""
        taken = Counter(lane_of(QUEUE, one.id) for one in self._store.all(space))
        wanted = min(range(LANES), key=lambda lane: taken[lane])
        return next(made for made in iter(new_id, "") if lane_of(QUEUE, made) == wanted)

    def _demand_sound(self, url: str | None, events: list[str] | None) -> None:
        for position, pattern in enumerate(events or ()):
            if not kinds.known(pattern):
                field = f"events.{position}"
                raise UnknownEventType(f"{field}: there is no event type {pattern!r}", field=field)
        if url is not None:
            self._check_url(url)

    def all(self, space: Space) -> list[Endpoint]:
        """A tenant's endpoints, oldest first."""
        return self._store.all(space)

    def find(self, space: Space, endpoint_id: str) -> Endpoint | None:
        """One endpoint, if it exists."""
        return self._store.find(space, endpoint_id)

    def get(self, space: Space, endpoint_id: str) -> Endpoint:
        """One endpoint. Raises EndpointNotFound."""
        found = self._store.find(space, endpoint_id)
        if found is None:
            raise EndpointNotFound
        return found

    def update(self, space: Space, endpoint_id: str, sent: EndpointUpdate) -> Endpoint:
        """The endpoint after the change; enabling it forgets that it failed.

        Raises EndpointNotFound, UrlNotAllowed, UnknownEventType, InvalidRequest.
        """
        given = sent.model_dump(exclude_unset=True)
        for name in ("url", "events", "enabled"):
            if name in given and given[name] is None:
                raise InvalidRequest(f"{name}: cannot be null", field=name)
        self.get(space, endpoint_id)
        self._demand_sound(sent.url, sent.events)
        if sent.events is not None:
            given["events"] = _ordered(sent.events)

        def change(current: Endpoint) -> Endpoint:
            revived = {"disabled_reason": None, "failing_since": None} if given.get("enabled") else {}
            return replace(current, **(given | revived))

        return self._changed(space, endpoint_id, change)

    def _changed(self, space: Space, endpoint_id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
        for _ in range(_TRIES):
            current = self.get(space, endpoint_id)
            after = change(current)
            if after == current:
                return current
            after = replace(after, revision=current.revision + 1, updated_at=now_ms())
            if self._store.replace(space, after):
                return after
        raise StorageBusy("the endpoint is changed by too many at once")

    def delete(self, space: Space, endpoint_id: str) -> None:
        """Remove an endpoint; its deliveries go soon after. Raises EndpointNotFound."""
        if not self._store.remove(space, endpoint_id, queue_store.look_soon(space, endpoint_id, now_ms())):
            raise EndpointNotFound

    def rotate(self, space: Space, endpoint_id: str, seed: str | None = None) -> tuple[Endpoint, str]:
        """A new secret; the one before signs too for a day. The same ``seed`` gives the same secret again.

        Raises EndpointNotFound, SecretReplaced.
        """
        fresh = derive_id("webhook-secret", endpoint_id, seed) if seed else new_id()
        secret = signing.new_secret()
        sealed = self._box.seal(space, _PURPOSE, endpoint_id, secret)

        def change(current: Endpoint) -> Endpoint:
            if fresh in (current.secret_id, *(old.id for old in current.old_secrets)):
                return current
            now = now_ms()
            newest = OldSecret(current.secret_id, current.sealed, now + SECRET_OVERLAP_MS)
            still = [one for one in (newest, *current.old_secrets) if one.until > now]
            kept = still[:KEPT_SECRETS] if self.signing_secrets(space, current) else []
            return replace(current, sealed=sealed, secret_id=fresh, old_secrets=tuple(kept))

        self._changed(space, endpoint_id, change)
        return self.reveal(space, endpoint_id, fresh)

    def reveal(self, space: Space, endpoint_id: str, secret_id: str) -> tuple[Endpoint, str]:
        """An endpoint and its secret, to whoever made that one. Raises EndpointNotFound, SecretReplaced."""
        found = self.get(space, endpoint_id)
        if found.secret_id != secret_id:
            raise SecretReplaced("the secret of this request has been rotated away since")
        return found, self._box.open_text(space, _PURPOSE, endpoint_id, found.sealed)

    def signing_secrets(self, space: Space, endpoint: Endpoint) -> list[str]:
        """The secrets that sign now, the newest first; none when they were sealed under another root key."""
        sealed = endpoint.sealed_secrets(now_ms())
        try:
            return [self._box.open_text(space, _PURPOSE, endpoint.id, one) for one in sealed]
        except SecretUnreadable:
            logger("webhooks").warning("the secret of a webhook endpoint cannot be read")
            return []

    def note_success(self, space: Space, endpoint: Endpoint) -> None:
        """Something got through."""
        if endpoint.failing_since is not None:
            self._store.set_failing(space, endpoint, None)

    def note_failure(self, space: Space, endpoint: Endpoint) -> bool:
        """Nothing got through; whether the endpoint is still enabled."""
        now = now_ms()
        if endpoint.failing_since is None:
            self._store.set_failing(space, endpoint, now)
        elif now - endpoint.failing_since >= schedule.DISABLED_AFTER_MS:
            days = schedule.DISABLED_AFTER_MS // (24 * 3600 * 1000)
            return not self.disable(space, endpoint, f"no delivery succeeded for {days} days")
        return True

    def disable(self, space: Space, endpoint: Endpoint, reason: str) -> bool:
        """Send nothing there any more; False when the endpoint was changed meanwhile."""
        after = replace(endpoint, enabled=False, disabled_reason=reason, revision=endpoint.revision + 1)
        return self._store.replace(space, replace(after, updated_at=now_ms()))


def _ordered(events: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(events))
