"""Dispatch rules: issues of Linear that a publication takes up by itself, found by the clock."""

from collections.abc import Callable
from dataclasses import asdict, replace

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.jsonio import dumps, loads
from chalicelib.events.log import SessionRef
from chalicelib.integrations.apps import Apps
from chalicelib.integrations.drafts import RuleCreate, RuleUpdate, filters_of
from chalicelib.integrations.errors import (
    BadSetup,
    InstallationNotFound,
    NotConfigured,
    ProviderError,
    PublicationNotFound,
    RuleNotFound,
)
from chalicelib.integrations.model import Publication, Rule, Signal
from chalicelib.integrations.providers.linear import Linear
from chalicelib.integrations.publishing import PublicationService
from chalicelib.integrations.store import IntegrationStore
from chalicelib.integrations.talks import Talks
from chalicelib.integrations.waking import Waking
from chalicelib.observability import logger
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.service import SessionService
from chalicelib.storage import rooms, writes
from chalicelib.storage.errors import ConditionFailed, RoomFull, StorageBusy, TransactionRefused
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.rooms import Room
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.tenants.register import TenantRegister
from chalicelib.webhooks.due import due_fields

RULES = "integration_rules"
"""The noun of the rows, and so the kind of the errands the clock makes of them."""
_LINEAR = "linear"
_MOST = 50
_LOOKED_AT = 50
_TRIES = 10


class RuleService:
    """Keeps rules and follows them."""

    def __init__(
        self,
        table: Table,
        store: IntegrationStore,
        apps: Apps,
        publications: PublicationService,
        talks: Talks,
        waking: Waking,
        sessions: SessionService,
        tenants: TenantRegister,
    ) -> None:
        self._table = table
        self._store = store
        self._apps = apps
        self._publications = publications
        self._talks = talks
        self._waking = waking
        self._sessions = sessions
        self._tenants = tenants

    def all(self, space: Space, publication: str) -> list[Rule]:
        """A publication's, oldest first. Raises PublicationNotFound."""
        self._publications.get(space, _LINEAR, publication)
        return self._rules(space, publication)

    def _rules(self, space: Space, publication: str) -> list[Rule]:
        rows = self._table.walk(space.partition(RULES, publication))
        return sorted((Rule(**loads(row["doc"])) for row in rows), key=lambda rule: (rule.created_at, rule.id))

    def add(self, space: Space, publication: str, sent: RuleCreate, own_id: str | None = None) -> Rule:
        """A new rule; with an id that exists already, what has it. Raises PublicationNotFound, BadSetup."""
        self._publications.get(space, _LINEAR, publication)
        now = now_ms()
        made = Rule(
            id=own_id or new_id(),
            publication_id=publication,
            created_at=now,
            filters=_demand({name: value for name, value in filters_of(sent).items() if value is not None}),
            name=sent.name,
            enabled=sent.enabled,
            max_concurrent=sent.max_concurrent,
            poll_interval_seconds=sent.poll_interval_seconds,
            next_at=now,
        )
        try:
            rooms.enter(self._table, [self._room(space, publication)], [_put(space, made, writes.ABSENT)])
        except TransactionRefused:
            return self._find(space, publication, made.id)
        except RoomFull as full:
            raise BadSetup(f"a publication has at most {_MOST} dispatch rules") from full
        return made

    def _room(self, space: Space, publication: str) -> Room:
        return Room(
            space.key(RULES, publication, "room", sk="ROOM"), _MOST, lambda: len(self._rules(space, publication))
        )

    def _find(self, space: Space, publication: str, own_id: str) -> Rule:
        row = self._table.get(_key(space, publication, own_id))
        if row is None:
            raise RuleNotFound
        return Rule(**loads(row["doc"]))

    def update(self, space: Space, publication: str, own_id: str, sent: RuleUpdate) -> Rule:
        """The rule after the change. Raises PublicationNotFound, RuleNotFound, BadSetup."""
        plain = ("name", "enabled", "max_concurrent", "poll_interval_seconds")
        given = {name: getattr(sent, name) for name in plain if getattr(sent, name) is not None}

        def changed(before: Rule) -> Rule:
            filters = {name: value for name, value in (before.filters | filters_of(sent)).items() if value is not None}
            return replace(before, **given, filters=_demand(filters), next_at=now_ms())

        self._publications.get(space, _LINEAR, publication)
        return self._change(space, publication, own_id, changed)

    def delete(self, space: Space, publication: str, own_id: str) -> None:
        """Forget a rule. Raises PublicationNotFound, RuleNotFound."""
        self._publications.get(space, _LINEAR, publication)
        gone = writes.delete(_key(space, publication, own_id), writes.PRESENT)
        try:
            rooms.leave(self._table, [self._room(space, publication)], [gone])
        except TransactionRefused as error:
            raise RuleNotFound from error

    def _change(self, space: Space, publication: str, own_id: str, changed: Callable[[Rule], Rule]) -> Rule:
        for _ in range(_TRIES):
            before = self._find(space, publication, own_id)
            after = replace(changed(before), revision=before.revision + 1)
            try:
                self._table.write(_put(space, after, writes.equals("revision", before.revision)))
            except ConditionFailed:
                continue
            return after
        raise StorageBusy("the rule is changed by too many at once")

    def follow(self, space: Space, publication_id: str) -> None:
        """Look for issues for the rules of a publication that are due."""
        try:
            publication = self._publications.get(space, _LINEAR, publication_id)
        except PublicationNotFound:
            return
        for rule in self.all(space, publication_id):
            if rule.enabled and rule.next_at <= now_ms():
                self._follow_one(space, publication, rule)

    def _follow_one(self, space: Space, publication: Publication, rule: Rule) -> None:
        over = publication.status == "unpublished"

        def onward(before: Rule) -> Rule:
            following = now_ms() + before.poll_interval_seconds * 1000
            return replace(before, next_at=following, enabled=before.enabled and not over)

        try:
            self._change(space, publication.id, rule.id, onward)
            tenant = self._tenants.recent(space.tenant)
            if publication.status == "live" and tenant is not None and tenant.active:
                self._take_up(space, publication, rule)
        except RuleNotFound:
            return
        except (ProviderError, NotConfigured, InstallationNotFound) as error:
            logger("integrations").warning("a dispatch rule was not followed", extra={"reason": error.message})

    def _take_up(self, space: Space, publication: Publication, rule: Rule) -> None:
        speaker = self._apps.provider(_LINEAR)
        if not isinstance(speaker, Linear) or publication.installation_id is None:
            return
        installation = self._store.installation(space, _LINEAR, publication.installation_id)
        found = speaker.issues(self._apps.token(space, installation), rule.filters, _LOOKED_AT)
        states = [(signal, self._at_work(space, publication, signal)) for signal in found]
        room = rule.max_concurrent - sum(at_work is True for _, at_work in states)
        for signal, at_work in states:
            if at_work is None and room > 0:
                self._waking.wake(space, publication, signal)
                room -= 1

    def _at_work(self, space: Space, publication: Publication, signal: Signal) -> bool | None:
        """Whether the session about an issue works; None when there never was one."""
        own = signal.keys[publication.granularity]
        generation = self._talks.generation(space, publication.id, own)
        if generation is None:
            return None
        ref = SessionRef(space, self._waking.session_of(space, publication, own, generation))
        try:
            return self._sessions.get(ref).head.run is not None
        except SessionNotFound:
            return False


def _demand(filters: dict[str, str]) -> dict[str, str]:
    if not filters:
        raise BadSetup("a dispatch rule needs at least one filter", code="no_filter")
    return filters


def _put(space: Space, rule: Rule, condition: writes.Condition) -> Write:
    key = _key(space, rule.publication_id, rule.id)
    row: Row = {"pk": key.pk, "sk": key.sk, "doc": dumps(asdict(rule)), "revision": rule.revision}
    due = due_fields(rule.id, rule.next_at) if rule.enabled else {}
    return writes.put(row | due, condition)


def _key(space: Space, publication: str, own_id: str) -> Key:
    return space.key(RULES, publication, sk=own_id)
