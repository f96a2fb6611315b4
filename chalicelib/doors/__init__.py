"""API families, each a package with its routes, schemas and renderings."""

from functools import cache

from chalicelib.http.route import Door


@cache
def all_doors() -> tuple[Door, ...]:
    """The doors this server has; the first answers for paths that belong to none. Imported when first asked for."""
    from chalicelib.doors import common, e2b, managed, openai, providers

    return (common.DOOR, managed.DOOR, e2b.DOOR, openai.DOOR, providers.DOOR)
