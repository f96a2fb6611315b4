"""What a session can have mounted where a customer's worker is its sandbox."""

from chalicelib.environments.work.errors import ResourcesUnsupported

_REACHED_OVER_HTTP = frozenset({"memory_store"})


def demand_mountable(resource: str, field: str) -> None:
    """Only what workers fetch and keep in step by themselves. Raises ResourcesUnsupported."""
    if resource not in _REACHED_OVER_HTTP:
        raise ResourcesUnsupported(
            f"{field}: a session in a self-hosted environment takes no resource of type {resource!r}",
            field=field,
            code="self_hosted_resources_unsupported",
        )
