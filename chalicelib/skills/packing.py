"""Brings what was sent into one normal form: an archive with one top folder named like the skill, always the same bytes
for the same files."""

import hashlib
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from chalicelib.skills import guide, paths
from chalicelib.skills.errors import invalid
from chalicelib.skills.guide import MOST_GUIDE_BYTES, Guide
from chalicelib.skills.model import (
    GUIDE,
    MOST_BYTES,
    MOST_DESCRIPTION,
    MOST_FILE_BYTES,
    MOST_FILES,
    NAME,
    SkillFile,
    SkillVersion,
)
from chalicelib.skills.policy import Policy
from chalicelib.skills.sources import PIECE, SkillDraft, Source, spool
from chalicelib.skills.unpacking import unpacked

_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Pack:
    """The normal form. ``archive`` can be read while the context that made it lasts."""

    name: str
    description: str
    guide: Guide
    files: tuple[SkillFile, ...]
    archive: IO[bytes]
    size: int
    sha256: str

    def pieces(self) -> Iterator[bytes]:
        """The archive's bytes."""
        self.archive.seek(0)
        while piece := self.archive.read(PIECE):
            yield piece


def version_of(
    pack: Pack, skill_id: str, version_id: str, *, number: int, created_at: int, folder: str
) -> SkillVersion:
    """The version whose normal form a pack is."""
    body, cut = pack.guide.shown_body()
    return SkillVersion(
        id=version_id,
        skill_id=skill_id,
        number=number,
        name=pack.name,
        description=pack.description,
        file_count=len(pack.files),
        created_at=created_at,
        body=body,
        body_cut=cut,
        files=pack.files,
        folder=folder,
        size=pack.size,
        sha256=pack.sha256,
    )


@contextmanager
def packed(sent: SkillDraft, policy: Policy, name: str | None = None) -> Iterator[Pack]:
    """The normal form of a draft; ``name`` is what the skill is called already. Raises InvalidSkill."""
    only = sent.files[0] if len(sent.files) == 1 else None
    if only is not None and only.looks_like_zip():
        with unpacked(only) as files, _packed(files, sent, policy, name) as pack:
            yield pack
    else:
        with _packed(sent.files, sent, policy, name) as pack:
            yield pack


@contextmanager
def _packed(files: Sequence[Source], sent: SkillDraft, policy: Policy, name: str | None) -> Iterator[Pack]:
    by_path, top = _laid_out(files, policy)
    told = _guide(by_path)
    chosen = _name(told, sent, policy, top, name)
    description = _description(told, sent, policy)
    with spool() as archive:
        entries = _written(archive, chosen, by_path)
        size = archive.tell()
        yield Pack(chosen, description, told, entries, archive, size, _digest(archive))


def _laid_out(files: Sequence[Source], policy: Policy) -> tuple[dict[str, Source], str | None]:
    """The files by their path inside the skill, and the top folder they came in."""
    if not files:
        raise invalid("files", "at least one file is needed")
    if len(files) > MOST_FILES:
        raise invalid("files", f"a skill has at most {MOST_FILES} files")
    given = [paths.checked(one.path) for one in files]
    paths.demand_apart(given)
    _check_sizes(files)
    top = paths.top_folder(given)
    if policy.strict and (top is None or f"{top}/{GUIDE}" not in given):
        raise invalid("files", f"all files must lie in one top folder that holds {GUIDE}")
    cut = 0 if top is None else len(top) + 1
    return {path[cut:]: file for path, file in zip(given, files, strict=True)}, top


def _check_sizes(files: Sequence[Source]) -> None:
    if any(file.size > MOST_FILE_BYTES for file in files):
        raise invalid("files", f"a file of a skill has at most {MOST_FILE_BYTES} bytes")
    if sum(file.size for file in files) > MOST_BYTES:
        raise invalid("files", f"a skill has at most {MOST_BYTES} bytes")


def _guide(files: dict[str, Source]) -> Guide:
    found = files.get(GUIDE)
    if found is None:
        return Guide()
    if found.size > MOST_GUIDE_BYTES:
        raise invalid("files", f"{GUIDE} has more than {MOST_GUIDE_BYTES} bytes")
    return guide.read(b"".join(found.pieces()))


def _name(told: Guide, sent: SkillDraft, policy: Policy, top: str | None, fixed: str | None) -> str:
    name = told.name or ("" if policy.strict else sent.name or fixed or "")
    if not name:
        raise invalid("name", f"the front matter of {GUIDE} tells no name")
    if not NAME.fullmatch(name):
        raise invalid("name", f"{name[:80]!a} is not 1 to 64 lower-case letters, digits and hyphens")
    if policy.strict and top != name:
        raise invalid("files", f"the top folder {(top or '')[:80]!a} is not named like the skill, {name!r}")
    if fixed is not None and name != fixed:
        raise invalid("name", f"a version of {fixed!r} cannot be named {name!r}")
    return name


def _description(told: Guide, sent: SkillDraft, policy: Policy) -> str:
    description = told.description if policy.strict else sent.description.strip() or told.description
    if policy.strict and not description:
        raise invalid("description", f"the front matter of {GUIDE} tells no description")
    if len(description) > MOST_DESCRIPTION:
        raise invalid("description", f"at most {MOST_DESCRIPTION} characters")
    return description


def _written(archive: IO[bytes], name: str, files: dict[str, Source]) -> tuple[SkillFile, ...]:
    found = []
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for path in sorted(files):
            file = files[path]
            executable = file.head(2) == b"#!" if file.executable is None else file.executable
            entry = _entry(f"{name}/{path}", executable=executable)
            with writer.open(entry, "w") as target:
                offset = archive.tell()
                for piece in file.pieces():
                    target.write(piece)
            found.append(SkillFile(path, entry.file_size, executable, offset, entry.compress_size))
    return tuple(found)


def _entry(path: str, *, executable: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, _NO_TIME)
    entry.create_system = _UNIX
    entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _digest(archive: IO[bytes]) -> str:
    digest = hashlib.sha256()
    archive.seek(0)
    while piece := archive.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
