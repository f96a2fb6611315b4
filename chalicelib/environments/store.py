"""Where environments are kept: a row each, and one that counts the active environments of a name."""

import hashlib
from typing import Any

from chalicelib.environments.model import Environment, EnvironmentSpec
from chalicelib.storage import writes
from chalicelib.storage.committing import Committing
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Window, read_states
from chalicelib.storage.lookup import Lookup
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_NOUN = "environment"
_ARCHIVED = "archived"
_FACTS = ("id", "name", "created_at", "updated_at", "archived_at", "revision")


def _key(space: Space, env_id: str) -> Key:
    return space.key(_NOUN, env_id, sk="HEAD")


def _name_key(space: Space, name: str) -> Key:
    return space.key("environment_name", hashlib.sha256(name.encode()).hexdigest(), sk="NAME")


class EnvironmentStore(Committing):
    """Rows of environments."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    def lookup(self, space: Space, env_id: str) -> Lookup[Environment | None]:
        """One environment."""
        key = _key(space, env_id)
        return Lookup(self._table, (key,), lambda rows: self.restored(rows[key]) if key in rows else None)

    def restored(self, row: Row) -> Environment:
        """The environment of a row."""
        return Environment.model_validate(
            self._documents.unpack(row) | {name: row[name] for name in _FACTS if name in row}
        )

    def page(self, space: Space, window: Window, *, active: bool, archived: bool, name_part: str) -> Found:
        """Rows, by creation."""
        listings = space.listing(_NOUN), space.listing(_NOUN, _ARCHIVED)
        return read_states(
            self._table, listings, (active, archived), window, lambda row: name_part in row["name"].lower()
        )

    def insert(self, space: Space, environment: Environment) -> Write:
        """The write that makes an environment."""
        listed = {"list_pk": space.listing(_NOUN), "list_sk": list_sk(environment.created_at, environment.id)}
        key = _key(space, environment.id)
        return writes.put({"pk": key.pk, "sk": key.sk, **self._content(space, environment), **listed}, writes.ABSENT)

    def change(self, space: Space, environment: Environment) -> Write:
        """The write that replaces the revision before."""
        changes = self._content(space, environment)
        gone = {name: None for name in ("doc", "docz", "docref") if name not in changes}
        still = writes.equals("revision", environment.revision - 1) & writes.missing("archived_at")
        return writes.update(_key(space, environment.id), changes | gone, still)

    def archive(self, space: Space, environment: Environment, at_ms: int) -> Write:
        """The write that archives the revision seen."""
        changes: dict[str, Any] = {"archived_at": at_ms, "list_pk": space.listing(_NOUN, _ARCHIVED)}
        still = writes.equals("revision", environment.revision) & writes.missing("archived_at")
        return writes.update(_key(space, environment.id), changes, still)

    def delete(self, space: Space, environment: Environment) -> Write:
        """The write that removes the revision seen, unless an agent holds it."""
        still = writes.equals("revision", environment.revision)
        state = writes.missing("archived_at") if environment.archived_at is None else writes.PRESENT
        unheld = writes.missing("agents") | writes.compare("agents", "<=", 0)
        return writes.delete(_key(space, environment.id), (still & state) & unheld)

    def take_name(self, space: Space, name: str, *, alone: bool) -> Write:
        """The write that counts one environment more under a name; ``alone``: only if there is none."""
        free = writes.missing("holders") | writes.compare("holders", "<=", 0)
        return writes.update(_name_key(space, name), {}, free if alone else None, add={"holders": 1})

    def leave_name(self, space: Space, name: str) -> Write:
        """The write that counts one less."""
        return writes.update(_name_key(space, name), {}, add={"holders": -1})

    def hold(self, space: Space, env_id: str) -> Write:
        """The write that counts one agent more; fails without the environment."""
        return writes.update(_key(space, env_id), {}, writes.PRESENT, add={"agents": 1})

    def release(self, space: Space, env_id: str) -> Write:
        """The write that counts one agent less."""
        return writes.update(_key(space, env_id), {}, writes.PRESENT, add={"agents": -1})

    def held_by_agents(self, space: Space, env_id: str) -> bool:
        """Whether an active agent has it as default."""
        row = self._table.get(_key(space, env_id))
        return row is not None and row.get("agents", 0) > 0

    def _content(self, space: Space, environment: Environment) -> Row:
        document = environment.model_dump(include=set(EnvironmentSpec.model_fields))
        facts = {name: getattr(environment, name) for name in _FACTS}
        return facts | self._documents.pack(space, document)
