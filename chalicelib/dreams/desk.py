"""What the tools of a dream reach: the memories and transcripts that were named for it, and the store it writes."""

from collections.abc import Iterator

from chalicelib.core.errors import InvalidRequest, NotFound
from chalicelib.core.ids import undress
from chalicelib.dreams.model import Dream
from chalicelib.dreams.store import DreamStore
from chalicelib.events.log import SessionLog, SessionRef
from chalicelib.memory import paths
from chalicelib.memory.errors import MemoryNotFound
from chalicelib.memory.memories import MemoryService, Place
from chalicelib.memory.model import Actor, Memory
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.service import SessionService
from chalicelib.sessions.transcript import lines
from chalicelib.storage.keys import Space

_SEGMENTS = 20
_LONGEST_LINE = 8_000
_LONGEST_PAGE = 40_000


class Desk:
    """Opens what belongs to one dream, for its own session and only while it runs."""

    def __init__(self, store: DreamStore, memories: MemoryService, sessions: SessionService, log: SessionLog) -> None:
        self._store = store
        self.memories = memories
        self.sessions = sessions
        self.log = log

    def open(self, tenant: str, session_id: str, dream_id: str) -> "OpenDream":
        """Raises NotFound, InvalidRequest."""
        space, core = Space(tenant), undress("drm", dream_id)
        dream = None if core is None else self._store.find(space, core)
        if dream is None or dream.session_id != session_id:
            raise NotFound("this tool belongs to a dream of another session")
        if dream.status != "running":
            raise InvalidRequest(f"the dream is {dream.status}; nothing more is read or written")
        return OpenDream(self, space, dream)


class OpenDream:
    """One dream under way."""

    def __init__(self, desk: Desk, space: Space, dream: Dream) -> None:
        self._desk = desk
        self._space = space
        self._dream = dream
        self._actor = Actor("session", str(dream.session_id))

    @property
    def _output(self) -> str:
        return str(self._dream.output_id)

    def memories(self, *, written: bool) -> list[Memory]:
        """The memories of the store that is read, or of the one that is written, by path."""
        store_id = self._output if written else self._dream.store_id
        return sorted(self._desk.memories.all(self._space, store_id), key=lambda one: one.path)

    def memory(self, path: str, *, written: bool) -> str:
        """What a memory holds. Raises MemoryNotFound."""
        found = self._at(self._output if written else self._dream.store_id, path)
        return self._desk.memories.contents(self._space, [found]).get(found.id, "")

    def write(self, path: str, content: str) -> Memory:
        """Put a memory into the store that is written. Raises InvalidRequest and what ``MemoryService.create`` does."""
        place = Place(paths.checked(path, strict=False))
        return self._desk.memories.create(self._space, self._output, place, content, self._actor)

    def keep(self, path: str, target: str) -> Memory:
        """Take a memory over as it is. Raises as ``memory`` and ``write``."""
        return self.write(target, self.memory(path, written=False))

    def delete(self, path: str) -> None:
        """Remove a memory from the store that is written. Raises MemoryNotFound."""
        found = self._at(self._output, path)
        self._desk.memories.delete(self._space, self._output, found.id, self._actor)

    def transcript(self, named: str, after: int) -> tuple[str, int | None]:
        """A part of a session's transcript behind a place, and the place to go on after. Raises SessionNotFound."""
        core = undress("sesn", named)
        if core is None or core not in self._dream.session_ids:
            raise SessionNotFound("this session is not among those of the dream")
        ref = SessionRef(self._space, core)
        self._desk.sessions.get(ref)
        return self._part(ref, after)

    def _part(self, ref: SessionRef, after: int) -> tuple[str, int | None]:
        said: list[str] = []
        size, last = 0, after
        events = self._desk.log.read(ref, after, _SEGMENTS)
        for event in events:
            text = "\n".join(_cut(lines([event])))
            if said and size + len(text) > _LONGEST_PAGE:
                return "\n\n".join(said), last
            said += [text] if text else []
            size, last = size + len(text), event.seq
        return "\n\n".join(said), last if events else None

    def _at(self, store_id: str, path: str) -> Memory:
        found = self._desk.memories.at(self._space, store_id, paths.checked(path, strict=False))
        if found is None:
            raise MemoryNotFound
        return found


def _cut(texts: Iterator[str]) -> Iterator[str]:
    for text in texts:
        yield text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]} […]"
