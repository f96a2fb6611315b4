"""Why a run gets no session, in the words runs are recorded with."""

from chalicelib.agents.errors import UnknownSkill
from chalicelib.core.errors import LambentError, NotFound, RateLimited
from chalicelib.deployments.errors import TenantDisabled
from chalicelib.deployments.model import RunFailure
from chalicelib.environments.errors import EnvironmentNotFound
from chalicelib.environments.work.errors import ResourcesUnsupported
from chalicelib.files.errors import FileNotFound
from chalicelib.memory.errors import MemoryStoreArchived
from chalicelib.sessions.errors import AgentArchived, EnvironmentArchived, NamedFileNotFound
from chalicelib.skills.errors import SkillNotFound, SkillVersionNotFound
from chalicelib.vaults.errors import VaultArchived, VaultNotFound

UNKNOWN = "unknown_error"
_REJECTED = "session_creation_rejected_error"
_LIMITED = "session_rate_limited_error"
_SERVER_FAULT = 500
_TYPES: dict[type[LambentError], str] = {
    AgentArchived: "agent_archived_error",
    EnvironmentArchived: "environment_archived_error",
    EnvironmentNotFound: "environment_not_found_error",
    VaultNotFound: "vault_not_found_error",
    VaultArchived: "vault_archived_error",
    FileNotFound: "file_not_found_error",
    NamedFileNotFound: "file_not_found_error",
    MemoryStoreArchived: "memory_store_archived_error",
    UnknownSkill: "skill_not_found_error",
    SkillNotFound: "skill_not_found_error",
    SkillVersionNotFound: "skill_not_found_error",
    ResourcesUnsupported: "self_hosted_resources_unsupported_error",
    TenantDisabled: "organization_disabled_error",
    RateLimited: _LIMITED,
    NotFound: "session_resource_not_found_error",
}
"""By the nearest class of the error; what is not here was refused for another reason."""

_PASSING = frozenset((_REJECTED, _LIMITED))


def failure_of(error: LambentError) -> RunFailure | None:
    """What to record of an error; None when the fault is the server's and the run is to be tried again."""
    if error.status >= _SERVER_FAULT:
        return None
    kind = next((_TYPES[one] for one in type(error).__mro__ if one in _TYPES), _REJECTED)
    return RunFailure(type=kind, message=error.message)


def is_lasting(failure: RunFailure) -> bool:
    """Whether every further run would fail in the same way until somebody changes something."""
    return failure.type not in _PASSING
