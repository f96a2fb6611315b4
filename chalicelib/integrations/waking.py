"""What is said at a provider becomes input of a session: the one that belongs to the place, opened if need be."""

import re
from collections.abc import Sequence

from chalicelib.core.errors import LambentError
from chalicelib.core.ids import derive_id, dress
from chalicelib.events.drafts import text_blocks
from chalicelib.events.log import SessionRef
from chalicelib.integrations.model import Publication, Signal
from chalicelib.integrations.talks import Talks
from chalicelib.observability import logger
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.errors import SessionEnded, SessionNotFound
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.opening import Opener, Opening
from chalicelib.sessions.service import SessionService
from chalicelib.storage.keys import Space

SOURCE = "integration"
"""The type in the metadata of a message that came from a provider."""
_MANNER = Manner("queue", while_waiting=True, door=SOURCE)
_TRIES = 3
_LONGEST_TITLE = 200


class Waking:
    """Repeating a signal meets the session and the input that it made before."""

    def __init__(self, talks: Talks, opener: Opener, sessions: SessionService) -> None:
        self._talks = talks
        self._opener = opener
        self._sessions = sessions

    def meant(self, space: Space, publications: Sequence[Publication], signal: Signal, slug: str) -> Publication | None:
        """Which of the publications of an installation a signal is for, None when for none."""
        said = signal.text.partition("\n\n")[2]
        named = [one for one in publications if mentions(said, one.persona_name)]
        if named:
            return named[0]
        if signal.kind != "comment" or mentions(said, slug):
            return publications[0] if publications else None
        talking = (
            one
            for one in publications
            if self._talks.generation(space, one.id, signal.keys[one.granularity]) is not None
        )
        return next(talking, None)

    def wake(self, space: Space, publication: Publication, signal: Signal) -> str | None:
        """The id of the session that was told; None when there can be none.

        A session that has ended is followed by another.
        """
        own = signal.keys[publication.granularity]
        generation = self._talks.generation(space, publication.id, own)
        if generation is None:
            generation = self._talks.begin(space, publication.id, own, None)
        for _ in range(_TRIES):
            seed = _seed(publication, own, generation)
            ref = SessionRef(space, self._sessions.new_id(space, seed))
            try:
                self._tell(ref, publication, signal, seed)
            except (SessionEnded, SessionNotFound):
                generation = self._talks.begin(space, publication.id, own, generation)
            except LambentError as refused:
                logger(SOURCE).warning("a session could not be told", extra={"reason": refused.message})
                return None
            else:
                return ref.id
        return None

    def session_of(self, space: Space, publication: Publication, own: str, generation: int) -> str:
        """The id of the session about a thing."""
        return self._sessions.new_id(space, _seed(publication, own, generation))

    def _tell(self, ref: SessionRef, publication: Publication, signal: Signal, seed: str) -> None:
        try:
            self._sessions.get(ref)
        except SessionNotFound:
            self._opener.open(ref.space, _opening(publication, signal, seed))
        self._talks.expect(ref.space, ref.id, publication.provider, publication.id)
        self._sessions.send(ref, [_message(publication, signal)], _MANNER)


def mentions(text: str, name: str) -> bool:
    """Whether a name is called with an @, whatever its case."""
    if not name:
        return False
    return re.search(rf"(?<![\w@])@{re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None


def _seed(publication: Publication, own: str, generation: int) -> str:
    return f"{SOURCE}/{publication.id}/{own}/{generation}"


def _opening(publication: Publication, signal: Signal, seed: str) -> Opening:
    return Opening(
        agent=AgentChoice(id=publication.agent_id),
        environment_id=publication.environment_id,
        title=signal.title[:_LONGEST_TITLE],
        metadata={"integration": publication.provider, "publication_id": dress("pub", publication.id)},
        seed=seed,
    )


def _message(publication: Publication, signal: Signal) -> Input:
    cause = {
        "type": SOURCE,
        "provider": publication.provider,
        "publication_id": dress("pub", publication.id),
        "place": signal.place,
    }
    data = {"content": text_blocks(signal.text), "metadata": cause}
    return Input("user.message", data, derive_id(SOURCE, publication.id, signal.once))
