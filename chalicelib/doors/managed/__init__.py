"""The managed door: agents, environments, sessions, files and keys under ``/v1``; the operator under ``/admin``."""

from chalicelib.doors.managed.envelope import ErrorEnvelope, render_error
from chalicelib.doors.managed.routes import (
    agents,
    api_keys,
    credentials,
    environments,
    events,
    files,
    models,
    resources,
    session_parts,
    session_sandbox,
    sessions,
    tenants,
    vaults,
    work,
)
from chalicelib.http.route import Door

PARTS = (
    agents,
    environments,
    work,
    sessions,
    resources,
    session_parts,
    session_sandbox,
    events,
    files,
    vaults,
    credentials,
    models,
    api_keys,
    tenants,
)
"""The modules whose ``ROUTES`` make up the door, in the order in which its documentation shows them."""

DOOR = Door(
    name="managed",
    routes=tuple(route for part in PARTS for route in part.ROUTES),
    render_error=render_error,
    prefixes=("/v1", "/admin"),
    error_model=ErrorEnvelope,
)
