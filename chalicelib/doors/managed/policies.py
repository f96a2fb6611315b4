"""Which custom of the nouns a request follows."""

from collections.abc import Mapping

from chalicelib.agents import policy as agents
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.environments import service as environments
from chalicelib.skills import policy as skills


def policy_of(headers: Mapping[str, str]) -> agents.Policy:
    """How a request about an agent is read."""
    return agents.SDK if is_sdk(headers) else agents.PLAIN


def environment_policy_of(headers: Mapping[str, str]) -> environments.Policy:
    """How a request about an environment is read."""
    return environments.SDK if is_sdk(headers) else environments.PLAIN


def skill_policy_of(headers: Mapping[str, str]) -> skills.Policy:
    """How a request about a skill is read."""
    return skills.SDK if is_sdk(headers) else skills.PLAIN
