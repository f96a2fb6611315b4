"""The two customs of clients about skills."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """``strict``: files lie in one top folder that is named like the skill, and a description is needed.
    ``versions_first``: a skill goes only when its versions are gone, the last of which may be deleted; else the
    versions go with the skill, and the last one only so."""

    strict: bool
    versions_first: bool


SDK = Policy(strict=True, versions_first=True)
PLAIN = Policy(strict=False, versions_first=False)
