"""The skills of a session's agents, put where they find them, for reading only."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.core.errors import LambentError
from chalicelib.sandbox import frames
from chalicelib.sandbox.client import GuestClient, GuestGone
from chalicelib.sandbox.sending import send_tree
from chalicelib.skills.model import SkillVersion
from chalicelib.skills.places import FOLDER
from chalicelib.skills.reading import SkillReader
from chalicelib.skills.sources import PIECE, spool
from chalicelib.storage.keys import Space
from chalicelib.workspaces.model import Entry

REAL_FOLDER = "/mnt/session/skills"
"""Outside of what is kept of a sandbox; the guest has the folder that agents know lead there."""
_READ, _RUN = 0o444, 0o555


class SkillFolders:
    """A folder for each pinned version; it goes by skill and version."""

    def __init__(self, skills: SkillReader, space: Space, pins: Sequence[Mapping[str, Any]]) -> None:
        self._skills = skills
        self._space = space
        self._pins = {f"{REAL_FOLDER}/{pin['folder']}": pin for pin in pins}

    def wanted(self) -> dict[str, str]:
        """Skill and version by folder."""
        return {path: f"{pin['skill']}/{pin['version']}" for path, pin in self._pins.items()}

    def put(self, client: GuestClient, have: Mapping[str, str]) -> list[str]:
        """Bring a computer's folders from what it has to what is wanted; tells what could not be put there.

        Raises GuestGone.
        """
        wanted = self.wanted()
        stale = [path for path in have if path.startswith(f"{REAL_FOLDER}/") and have[path] != wanted.get(path)]
        problems = send_tree(client, frames.sent((), stale)) if stale else []
        for path, pin in self._pins.items():
            if have.get(path) != wanted[path]:
                problems += self._put_one(client, path, pin)
        return problems

    def _put_one(self, client: GuestClient, path: str, pin: Mapping[str, Any]) -> list[str]:
        try:
            version = self._skills.find_version(self._space, pin["skill"], pin["version"])
            with spool() as file:
                for piece in self._skills.archive(self._space, version):
                    file.write(piece)
                with zipfile.ZipFile(file) as archive:
                    return send_tree(client, frames.sent(_entries(archive, path, version)))
        except GuestGone:
            raise
        except LambentError as error:
            return [f"The skill {pin['name']} could not be put into {FOLDER}/{pin['folder']}: {error.message}"]


def _entries(
    archive: zipfile.ZipFile, path: str, version: SkillVersion
) -> Iterator[tuple[str, Entry, Iterable[bytes]]]:
    for file in version.files:
        entry = Entry("file", _RUN if file.executable else _READ, version.created_at * 1_000_000, file.size)
        yield f"{path}/{file.path}", entry, _pieces(archive, f"{version.name}/{file.path}")


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as file:
        while piece := file.read(PIECE):
            yield piece
