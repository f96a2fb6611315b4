"""What an imported session gets beside its log: files, resources and the workspace, all under ids of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.bundles.archives import PIECE, Archive
from chalicelib.bundles.checking import Bundle
from chalicelib.bundles.errors import bad
from chalicelib.bundles.model import FILES, SESSION, EntryFacts, FileFacts, Missing, ResourceCard
from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest, NotFound, Unprocessable
from chalicelib.core.ids import derive_id, dress
from chalicelib.environments.work.resources import demand_mountable
from chalicelib.events.log import SessionRef
from chalicelib.files.model import FileDraft
from chalicelib.files.service import FileService
from chalicelib.memory.attaching import MEMORY_STORE, placed
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.sandbox.service import SandboxService
from chalicelib.sandbox.sessions import outputs
from chalicelib.sessions.attaching import Attaching
from chalicelib.sessions.mounts import UPLOADS
from chalicelib.sessions.resource_drafts import AnyResource, FileResource
from chalicelib.sessions.resources import FILE, REPOSITORY, VARIABLE, Resource, demand_apart
from chalicelib.storage.writes import Write
from chalicelib.workspaces.gathering import Finish
from chalicelib.workspaces.model import Entry
from chalicelib.workspaces.service import Moved, WorkspaceService

_DRAFT: TypeAdapter[AnyResource] = TypeAdapter(AnyResource, config=ConfigDict(defer_build=True))
_SECRET = "its secret is not in the bundle"
_GONE = "its file is not in the bundle"
_TWICE = "its file is attached already"


@dataclass(frozen=True, slots=True)
class _Coming:
    """An entry of the workspace on its way in."""

    path: str
    header: Mapping[str, Any]
    archive: Archive
    name: str

    def pieces(self, size: int = PIECE) -> Iterator[bytes]:
        """The content."""
        return self.archive.pieces(self.name, size)


class Belongings:
    """Makes them. A repeat for the same session makes the same, and goes on where the first was cut off."""

    def __init__(
        self,
        files: FileService,
        attaching: Attaching,
        workspaces: Callable[[], WorkspaceService],
        sandboxes: Callable[[], SandboxService],
    ) -> None:
        self._files = files
        self._attaching = attaching
        self._workspaces = workspaces
        self._sandboxes = sandboxes

    def check(self, bundle: Bundle) -> None:
        """Whether files and resources can be those of a session. Raises BadBundle."""
        for card in bundle.card.resources:
            if card.type == FILE:
                _placed_at(card)
            elif card.type != VARIABLE:
                _wanted(card)
        for file_id, facts in bundle.files.items():
            most = self._files.rules.limit_bytes
            if facts.size > most:
                raise bad(FILES + file_id, f"a file may have at most {most} bytes")
            try:
                _draft(facts, "").checked()
            except InvalidRequest as error:
                raise bad(FILES + file_id, error.message) from error

    def file_ids(self, bundle: Bundle, target: SessionRef) -> dict[str, str]:
        """The new ids of the bundle's files, by the old ones; outputs have those that the sandbox will give them."""
        ids: dict[str, str] = {}
        made = set[str]()
        for file_id, facts in bundle.files.items():
            as_output = _output_id(bundle, target, facts)
            ids[file_id] = derive_id("import", target.id, file_id) if as_output in made | {None} else str(as_output)
            made.add(ids[file_id])
        return ids

    def files(self, bundle: Bundle, target: SessionRef, ids: Mapping[str, str]) -> list[list[Write]]:
        """Store the files; gives for each the writes that make it known."""
        known = {file.id for file in self._files.find_many(target.space, list(ids.values()))}
        return [
            self._file(bundle, target, ids[file_id], facts)
            for file_id, facts in bundle.files.items()
            if ids[file_id] not in known
        ]

    def _file(self, bundle: Bundle, target: SessionRef, file_id: str, facts: EntryFacts) -> list[Write]:
        draft = _draft(facts, target.id)
        upload = self._files.begin(target.space, draft.checked().media_type, file_id, target.folder)
        try:
            for piece in bundle.archive.pieces(facts.name):
                upload.incoming.write(piece)
            return self._files.commit_writes(upload, draft)
        except BaseException:
            # What another try has stored there stays.
            upload.incoming.abort()
            raise

    def workspace(self, bundle: Bundle, target: SessionRef) -> None:
        """Store the tree, in one step."""
        if not bundle.tree:
            return
        # Who removes the session finds its workspace by its sandbox.
        self._sandboxes().ensure(target.space, SandboxDraft("session", sandbox_id=target.id))
        workspaces = self._workspaces()
        # Another try may be at it at the same time.
        with suppress(Moved):
            if not workspaces.ensure(target.space, target.id).layers:
                workspaces.take(target.space, target.id, "", _incoming(bundle), Finish())

    def resources(
        self, bundle: Bundle, target: SessionRef, ids: Mapping[str, str], *, self_hosted: bool
    ) -> tuple[list[Resource], list[Missing]]:
        """The resources that can be had, and those that cannot."""
        made: list[Resource] = []
        missing: list[Missing] = []
        for place, card in enumerate(bundle.card.resources):
            try:
                if self_hosted:
                    demand_mountable(card.type, "resources")
                one = self._resource(target, card, ids, place)
                if any(other["id"] == one["id"] for other in made):
                    raise _NotHad(_TWICE)
                demand_apart(made, one, "resources")
                made.append(placed(made, one, "resources"))
            except (_NotHad, NotFound, InvalidRequest, Unprocessable) as refused:
                missing.append(Missing(card.type, _name(card), getattr(refused, "message", str(refused))))
        attached = {one["file_id"] for one in made if one["type"] == FILE}
        if not self_hosted:
            made += [
                _kept_in_place(file_id, ids[file_id])
                for file_id, facts in bundle.files.items()
                if _was_sent(facts) and ids[file_id] not in attached
            ]
        return made, missing

    def _resource(self, target: SessionRef, card: ResourceCard, ids: Mapping[str, str], place: int) -> Resource:
        if card.type == FILE:
            source, path = _placed_at(card)
            if source not in ids:
                raise _NotHad(_GONE)
            return _resource_of(ids[source], path)
        if card.secret or card.type not in (REPOSITORY, MEMORY_STORE):
            raise _NotHad(_SECRET)
        return self._attaching.attach(target, _wanted(card), f"resources.{place}", "import")


class _NotHad(Exception):
    """A resource that cannot be had here; the message says why."""


def _draft(facts: EntryFacts, session_id: str) -> FileDraft:
    told = facts.file or FileFacts(filename="", media_type="", maker="client")
    return FileDraft(told.filename, told.media_type, told.maker, told.downloadable, session_id)


def _output_id(bundle: Bundle, target: SessionRef, facts: EntryFacts) -> str | None:
    """The id that the sandbox will give the file; None when it is no output that stands in the workspace."""
    path = facts.file.output if facts.file is not None else None
    if path is None or not path.startswith(outputs.FOLDER) or path not in bundle.tree:
        return None
    entry = bundle.tree[path][1]
    return outputs.output_id(target.space, target.id, path, entry) if entry.digest == facts.sha256 else None


def _incoming(bundle: Bundle) -> Iterator[_Coming]:
    for path, (name, entry) in bundle.tree.items():
        yield _Coming(path, _header(entry), bundle.archive, name)


def _header(entry: Entry) -> dict[str, Any]:
    header: dict[str, Any] = {"type": entry.kind, "mode": entry.mode, "mtime": entry.mtime, "size": entry.size}
    return header | {"target": entry.target, "labels": dict(entry.labels) if entry.labels else None}


def _was_sent(facts: EntryFacts) -> bool:
    return facts.file is not None and facts.file.attached and facts.file.maker == "client"


def _name(card: ResourceCard) -> str:
    told = card.fact({REPOSITORY: "url", VARIABLE: "name", MEMORY_STORE: "memory_store_id"}.get(card.type, "file_id"))
    return told if isinstance(told, str) and told else card.id


def _wanted(card: ResourceCard) -> AnyResource:
    facts = {name: value for name, value in (card.model_extra or {}).items() if value is not None}
    if isinstance(checkout := facts.get("checkout"), dict) and checkout.get("type") == "commit":
        facts["checkout"] = {"type": "commit", "sha": checkout.get("name")}
    try:
        return _DRAFT.validate_python(facts | {"type": card.type})
    except ValidationError:
        raise bad(SESSION, f"resources: {card.id} is no {card.type}") from None


def _placed_at(card: ResourceCard) -> tuple[str, str]:
    """Which file is where. Raises BadBundle."""
    wanted = _wanted(card)
    if not isinstance(wanted, FileResource) or wanted.mount_path is None:
        raise bad(SESSION, f"resources: {card.id} is no file")
    return wanted.file_id, wanted.mount_path


def _resource_of(file_id: str, place: str) -> Resource:
    return {"id": file_id, "type": FILE, "file_id": file_id, "mount_path": place, "created_at": now_ms()}


def _kept_in_place(file_id: str, new: str) -> Resource:
    """What was uploaded to the source stays where the conversation speaks of it."""
    return _resource_of(new, f"{UPLOADS}/{dress('file', file_id)}")


def unheld(bundle: Bundle, *, self_hosted: bool) -> Sequence[Missing]:
    """What of the session the bundle does not hold, or what it holds in vain."""
    left = [Missing(one.type, one.id, one.reason) for one in bundle.manifest.left_out]
    if self_hosted and bundle.tree:
        left.append(Missing("workspace", bundle.card.id, "the environment's workers have files of their own"))
    return left
