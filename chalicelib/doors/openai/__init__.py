"""The OpenAI door: chat completions and models, and agents and sessions for clients of OpenAI's Agents API."""

from chalicelib.doors.openai.envelope import ErrorEnvelope, render_error
from chalicelib.doors.openai.routes import (
    agents,
    artifacts,
    chat,
    environments,
    events,
    models,
    sessions,
    subagents,
    turns,
    vaults,
)
from chalicelib.http.route import Door

PARTS = (chat, models, agents, sessions, events, turns, subagents, artifacts, environments, vaults)
"""The modules whose ``ROUTES`` make up the door, in the order in which its documentation shows them."""

DOOR = Door(
    name="openai",
    routes=tuple(route for part in PARTS for route in part.ROUTES),
    render_error=render_error,
    prefixes=("/openai", "/v1/chat"),
    error_model=ErrorEnvelope,
)
