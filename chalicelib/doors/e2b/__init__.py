"""The E2B door: sandboxes for unmodified E2B clients. The control plane takes API keys, the data plane tokens."""

from chalicelib.doors.e2b.envelope import Problem, render_error
from chalicelib.doors.e2b.plane.guests import GUESTS
from chalicelib.doors.e2b.routes import copies, data_plane, living, making, reading
from chalicelib.http.route import Door

PARTS = (making, reading, living, copies, data_plane)
"""The modules whose ``ROUTES`` make up the door, in the order in which its documentation shows them."""

DOOR = Door(
    name="e2b",
    routes=tuple(route for part in PARTS for route in part.ROUTES),
    render_error=render_error,
    prefixes=(
        "/sandboxes",
        "/v2/sandboxes",
        "/templates",
        # What other classes of the clients ask for; none of it is offered.
        "/v2/templates",
        "/v3/templates",
        "/snapshots",
        "/volumes",
        "/secrets",
        "/files",
        "/process.Process",
        "/filesystem.Filesystem",
    ),
    error_model=Problem,
    on_end=GUESTS.close,
)
