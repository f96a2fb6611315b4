"""The worker's side: what an agent said at the end of a turn is posted at the provider, once."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.integrations.apps import Apps
from chalicelib.integrations.errors import (
    InstallationNotFound,
    NotConfigured,
    ProviderAway,
    ProviderRefused,
    PublicationNotFound,
    TokenRevoked,
)
from chalicelib.integrations.installing import InstallService
from chalicelib.integrations.model import Installation, Publication
from chalicelib.integrations.publishing import WRITES, PublicationService
from chalicelib.integrations.store import IntegrationStore
from chalicelib.integrations.talks import TALK, Talk, Talks
from chalicelib.integrations.turns import Reply, replies
from chalicelib.observability import count, logger
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.service import SessionService
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import DoorbellQueue, Errand
from chalicelib.webhooks.ringing import ring

_LEASE_MS = 60_000
_POST_MS = 20_000
"""So much of a lease has to be left for a post: longer than it takes."""
_PAUSES_S = (5, 30, 120, 600, 1800, 3600)
_LIFE_MS = 24 * 3600 * 1000
_FRESH_MS = 60_000
_SOON_MS, _LATE_MS = 20_000, 15 * 60_000


@dataclass(frozen=True, slots=True)
class _Try:
    """A reply to be posted under a lease that began at a moment (milliseconds); ``in_doubt``: it may be posted."""

    reply: Reply
    place: dict[str, str]
    began_at: int
    in_doubt: bool


class Replies:
    """``deliver`` may run in many threads and processes; a talk is answered by one of them at a time."""

    def __init__(
        self,
        store: IntegrationStore,
        apps: Apps,
        installs: InstallService,
        publications: PublicationService,
        talks: Talks,
        sessions: SessionService,
        log: SessionLog,
        doorbells: Callable[[], DoorbellQueue],
        alone_since: int,
    ) -> None:
        self._store = store
        self._apps = apps
        self._installs = installs
        self._publications = publications
        self._talks = talks
        self._sessions = sessions
        self._log = log
        self._doorbells = doorbells
        self._alone_since = alone_since

    def after_run(self, ref: SessionRef) -> None:
        """Ring for the talk of a session that was worked on, if it has one."""
        talk = self._talks.find(ref.space, ref.id)
        if talk is not None:
            ring(self._doorbells(), Errand(TALK, ref.space.tenant, ref.id))

    def deliver(self, space: Space, session: str) -> None:
        """Post what is to be said, and settle when to look again."""
        talk = self._talks.find(space, session)
        if talk is None:
            return
        ref = SessionRef(space, session)
        try:
            head = self._sessions.get(ref).head
            publication = self._publications.get(space, talk.provider, talk.publication)
        except (SessionNotFound, PublicationNotFound):
            self._talks.drop(space, session)
            return
        posted = 0
        for reply in replies(session, self._log.walk(ref, talk.cursor)):
            after = self._say(space, talk, publication, reply)
            if after is None:
                return
            talk, posted = after, posted + 1
        busy = head.run is not None and head.run.state != "waiting"
        self._talks.settle(space, talk, _look_again(talk, busy=busy, posted=posted))

    def _say(self, space: Space, talk: Talk, publication: Publication, reply: Reply) -> Talk | None:
        """The talk after a reply was posted, or was not to be; None when it has to wait."""
        if reply.place is None or publication.status == "unpublished" or not _may_speak(publication):
            return self._talks.done(space, talk, reply.seq)
        in_doubt = talk.trying == reply.id
        if in_doubt and self._held(talk):
            self._talks.settle(space, talk, talk.tried_at + _LEASE_MS)
            return None
        claimed = self._talks.claim(space, talk, reply.id)
        if claimed is None:
            return None
        try:
            self._post(space, publication, _Try(reply, reply.place, claimed.tried_at, in_doubt=in_doubt))
        except ProviderRefused as error:
            self._note("refused", error.message)
        except (TokenRevoked, InstallationNotFound):
            self._lost(space, publication)
            return self._failed(space, claimed, reply)
        except (ProviderAway, NotConfigured) as error:
            self._note("away", error.message)
            return self._failed(space, claimed, reply)
        else:
            count("IntegrationReplied", outcome="posted")
        return self._talks.done(space, claimed, reply.seq)

    def _held(self, talk: Talk) -> bool:
        return talk.tried_at > self._alone_since and talk.tried_at + _LEASE_MS > now_ms()

    def _post(self, space: Space, publication: Publication, one: "_Try") -> None:
        if publication.installation_id is None:
            raise InstallationNotFound
        installation = self._store.installation(space, publication.provider, publication.installation_id)
        token = self._apps.token(space, installation)
        try:
            self._post_with(token, publication, one)
        except TokenRevoked:
            token = self._apps.token(space, self._again(space, installation), refused=token)
            self._post_with(token, publication, one)

    def _again(self, space: Space, installation: Installation) -> Installation:
        return self._store.installation(space, installation.provider, installation.id)

    def _post_with(self, token: str, publication: Publication, one: "_Try") -> None:
        provider, reply = self._apps.provider(publication.provider), one.reply
        if one.in_doubt and provider.posted(token, one.place, reply.id):
            return
        # Whoever begins after the lease looks for what is posted within it; what came later they could not see.
        if now_ms() > one.began_at + _LEASE_MS - _POST_MS:
            raise ProviderAway("it took too long to come to post the reply")
        provider.post(token, one.place, reply.text, reply.id)

    def _lost(self, space: Space, publication: Publication) -> None:
        self._note("revoked", "the provider does not accept our tokens any more")
        if publication.installation_id is None:
            return
        try:
            self._installs.over(space, publication.provider, publication.installation_id)
        except InstallationNotFound:
            logger("integrations").info("an installation is gone", extra={"tenant": space.tenant})

    def _failed(self, space: Space, talk: Talk, reply: Reply) -> Talk | None:
        now = now_ms()
        if talk.failing_since and now - talk.failing_since > _LIFE_MS:
            self._note("given_up", "a reply could not be posted for a day")
            return self._talks.done(space, talk, reply.seq)
        pause = _PAUSES_S[min(talk.tries, len(_PAUSES_S) - 1)] * 1000
        self._talks.failed(space, talk, now + pause)
        return None

    def _note(self, outcome: str, reason: str) -> None:
        count("IntegrationReplied", outcome=outcome)
        logger("integrations").warning("a reply was not posted", extra={"reason": reason})


def _may_speak(publication: Publication) -> bool:
    return not publication.capabilities or WRITES[publication.provider] in publication.capabilities


def _look_again(talk: Talk, *, busy: bool, posted: int) -> int | None:
    """While a run is at work its end rings; the clock only looks in case nobody does, ever less often."""
    now = now_ms()
    age = now - talk.touched_at
    if busy:
        return now + min(max(age, _SOON_MS), _LATE_MS)
    # What is said may be written only after the talk was.
    return now + _SOON_MS if not posted and age < _FRESH_MS else None
