"""What providers and the people they send back call: messages, ends of authorizations, set-up pages."""

from chalicelib.doors.providers.pages import ErrorAnswer, render_error
from chalicelib.doors.providers.routes import ROUTES
from chalicelib.http.route import Door

DOOR = Door(
    name="providers",
    routes=ROUTES,
    render_error=render_error,
    prefixes=("/linear", "/github", "/slack"),
    error_model=ErrorAnswer,
)
