"""The trajectory of a session: all that it was, did and came to, in one answer."""

from chalicelib.doors.managed.refs import session_ref
from chalicelib.doors.managed.render.trajectory import trajectory
from chalicelib.doors.managed.schemas.trajectory import Trajectory
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space


def retrieve(call: Call) -> Answer:
    """The whole session as it is now."""
    ref = session_ref(call)
    session = call.services.sessions.get(ref)
    provider = _provider(call, ref.space, session.spec.agent["model"]["id"])
    return Answer(trajectory(session, list(call.services.log.walk(ref)), provider))


def _provider(call: Call, space: Space, model: str) -> str | None:
    from chalicelib.models.errors import ModelError

    try:
        return call.services.serving.open(space).resolve(model).provider_name
    except ModelError:
        return None


ROUTES: tuple[Route, ...] = (
    Route(
        ("GET",),
        "/v1/sessions/{session_id}/trajectory",
        retrieve,
        "Retrieve the trajectory",
        answers={200: Trajectory},
        errors=(404,),
        tags=("sessions",),
    ),
)
