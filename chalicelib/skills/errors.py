"""What can go wrong with skills."""

from chalicelib.core.errors import Conflict, Forbidden, InvalidRequest, NotFound


class SkillNotFound(NotFound):
    """No such skill of this tenant, and none that comes with the server."""

    def __init__(self) -> None:
        super().__init__("no such skill")


class SkillVersionNotFound(NotFound):
    """The skill has no such version."""

    def __init__(self) -> None:
        super().__init__("the skill has no such version")


class SkillFileNotFound(NotFound):
    """The version has no such file."""

    def __init__(self) -> None:
        super().__init__("the skill has no such file")


class BuiltInSkill(Forbidden):
    """What comes with the server cannot be changed by a tenant."""

    def __init__(self) -> None:
        super().__init__("this skill comes with the server and cannot be changed", code="builtin_skill")


class SkillIdTaken(Conflict):
    """The id a client chose belongs to another skill."""

    def __init__(self) -> None:
        super().__init__("id: there is a skill with this id", field="id", code="skill_id_taken")


class SkillDiffers(Conflict):
    """A repeated request under one key came with other content."""

    def __init__(self) -> None:
        super().__init__("another skill was stored under this key before", code="idempotency_key_reused")


class SkillHasVersions(InvalidRequest):
    """The client's custom is to delete the versions first."""

    def __init__(self) -> None:
        super().__init__("the skill still has versions; delete them first", code="skill_has_versions")


class LastVersion(InvalidRequest):
    """The client's custom is that a skill has a version as long as it lives."""

    def __init__(self) -> None:
        super().__init__("this is the skill's only version; delete the skill instead", code="last_version")


class InvalidSkill(InvalidRequest):
    """What was sent does not make a skill."""


def invalid(field: str, reason: str) -> InvalidSkill:
    """A refused field; the message begins with its path."""
    return InvalidSkill(f"{field}: {reason}", field=field)
