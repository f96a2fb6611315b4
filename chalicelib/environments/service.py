"""What may be done with environments."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.paging import Page
from chalicelib.environments.building import build
from chalicelib.environments.draft import EnvironmentCreate, EnvironmentUpdate
from chalicelib.environments.errors import EnvironmentArchived, EnvironmentInUse, EnvironmentNotFound, NameTaken
from chalicelib.environments.model import Environment, EnvironmentSpec
from chalicelib.environments.store import EnvironmentStore
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.lookup import Lookup
from chalicelib.storage.writes import Write
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

_TRIES = 10
InUse = Callable[[Space, str], bool]
Forget = Callable[[Space, str], None]


@dataclass(frozen=True, slots=True)
class Policy:
    """Where clients' customs differ: whether names are unique, and whether a new environment has metadata pairs of
    ``""``. In a change, ``""`` removes a pair for all."""

    unique_names: bool
    blank_pairs: bool


SDK = Policy(unique_names=True, blank_pairs=True)
PLAIN = Policy(unique_names=False, blank_pairs=False)


@dataclass(frozen=True, slots=True)
class EnvironmentFilter:
    """Which environments a list shows; ``name_part`` is compared without case."""

    active: bool = True
    archived: bool = True
    name_part: str = ""


class EnvironmentService:
    """Creates, changes, archives and removes environments.

    ``in_use`` tells whether sessions need one, ``forget`` removes what hangs on one that is gone.
    """

    def __init__(self, store: EnvironmentStore, in_use: InUse, forget: Forget, announcer: Announcer = SILENT) -> None:
        self._store = store
        self._in_use = in_use
        self._forget = forget
        self._announcer = announcer

    def create(self, space: Space, sent: EnvironmentCreate, policy: Policy, env_id: str | None = None) -> Environment:
        """A new environment; with an id that exists already, the environment that has it.

        Raises InvalidRequest, NameTaken.
        """
        spec, now = build(sent, None, blank_removes=not policy.blank_pairs), now_ms()
        environment = _made(spec, id=env_id or new_id(), created_at=now, updated_at=now)
        name = self._store.take_name(space, spec.name, alone=policy.unique_names)
        try:
            told = self._told(space, "created", environment)
            self._store.commit([self._store.insert(space, environment), name, *told])
        except TransactionRefused as refusal:
            if 0 in refusal.failed:
                return self.get(space, environment.id)
            raise _taken(spec.name) from refusal
        return environment

    def get(self, space: Space, env_id: str) -> Environment:
        """One environment, also an archived one. Raises EnvironmentNotFound."""
        return self.lookup(space, env_id).read()

    def lookup(self, space: Space, env_id: str) -> Lookup[Environment]:
        """As ``get``, to be read together with something else."""

        def demand(found: Environment | None) -> Environment:
            if found is None:
                raise EnvironmentNotFound
            return found

        return self._store.lookup(space, env_id).then(demand)

    def update(self, space: Space, env_id: str, sent: EnvironmentUpdate, policy: Policy) -> Environment:
        """The environment after the change.

        Raises EnvironmentNotFound, EnvironmentArchived, InvalidRequest, ConfigTypeFixed, NameTaken.
        """
        for _ in range(_TRIES):
            current = self.get(space, env_id)
            if current.archived_at is not None:
                raise EnvironmentArchived
            before = EnvironmentSpec.model_validate(current.model_dump())
            spec = build(sent, before, blank_removes=True)
            if spec == before:
                return current
            changed = self._change(space, current, spec, policy)
            if changed is not None:
                return changed
        raise StorageBusy("the environment is changed by too many at once")

    def archive(self, space: Space, env_id: str) -> Environment:
        """Archive for good, and give its name free; a second call changes nothing. Raises EnvironmentNotFound."""
        for _ in range(_TRIES):
            current = self.get(space, env_id)
            if current.archived_at is not None:
                return current
            now = now_ms()
            steps = [self._store.archive(space, current, now), self._store.leave_name(space, current.name)]
            if self._store.committed([*steps, *self._told(space, "archived", current)]):
                return current.model_copy(update={"archived_at": now})
        raise StorageBusy("the environment is changed by too many at once")

    def delete(self, space: Space, env_id: str) -> None:
        """Remove an environment. Raises EnvironmentNotFound, EnvironmentInUse."""
        for _ in range(_TRIES):
            current = self.get(space, env_id)
            if self._in_use(space, env_id):
                raise EnvironmentInUse("a session that is not archived uses the environment")
            if self._store.held_by_agents(space, env_id):
                raise EnvironmentInUse("an active agent has the environment as its default")
            names = [] if current.archived_at is not None else [self._store.leave_name(space, current.name)]
            if self._store.committed(
                [self._store.delete(space, current), *names, *self._told(space, "deleted", current)]
            ):
                self._forget(space, env_id)
                return
        raise StorageBusy("the environment is changed by too many at once")

    def page(self, space: Space, window: Window, wanted: EnvironmentFilter) -> Page[Environment]:
        """Environments by creation; ``next`` is the position to go on after."""
        found = self._store.page(
            space,
            window,
            active=wanted.active,
            archived=wanted.archived,
            name_part=wanted.name_part.lower(),
        )
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.restored(row) for row in found.rows], following)

    def hold(self, space: Space, env_id: str) -> Write:
        """The write, for a transaction of an agent, that counts it as one that has the environment as default."""
        return self._store.hold(space, env_id)

    def release(self, space: Space, env_id: str) -> Write:
        """The write that takes such a count back."""
        return self._store.release(space, env_id)

    def _change(self, space: Space, current: Environment, spec: EnvironmentSpec, policy: Policy) -> Environment | None:
        """Write the next revision; None when another change came first."""
        changed = _made(
            spec, id=current.id, created_at=current.created_at, updated_at=now_ms(), revision=current.revision + 1
        )
        steps = [self._store.change(space, changed)]
        if spec.name != current.name:
            steps.append(self._store.take_name(space, spec.name, alone=policy.unique_names))
            steps.append(self._store.leave_name(space, current.name))
        try:
            self._store.commit([*steps, *self._told(space, "updated", changed)])
        except TransactionRefused as refusal:
            if 0 in refusal.failed:
                return None
            raise _taken(spec.name) from refusal
        return changed

    def _told(self, space: Space, what: str, environment: Environment) -> list[Write]:
        return self._announcer.tell(space, Happening(f"environment.{what}", environment.id))


def _made(spec: EnvironmentSpec, **facts: object) -> Environment:
    return Environment.model_validate(spec.model_dump() | facts)


def _taken(name: str) -> NameTaken:
    return NameTaken(f"name: another environment is named {name!r}", field="name")
