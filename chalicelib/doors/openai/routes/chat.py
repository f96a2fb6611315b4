"""Chat completions."""

from chalicelib.doors.openai.chat import agents, bare, wishes
from chalicelib.doors.openai.chat.naming import named_agent
from chalicelib.doors.openai.schemas import chat as schemas
from chalicelib.http.route import Call, Result, Route

_SSE = "text/event-stream"


async def create(call: Call) -> Result:
    """The answer of a model, or of an agent in its session."""
    body: schemas.ChatCompletionCreate = call.body
    wishes.check(body)
    named = named_agent(body.model)
    return await (bare.answer(call, body) if named is None else agents.answer(call, body, named))


ROUTES: tuple[Route, ...] = tuple(
    Route(
        ("POST",),
        path,
        create,
        "Answer a chat, as a model or an agent",
        scope="write",
        body=schemas.ChatCompletionCreate,
        answers={200: (schemas.ChatCompletion, _SSE)},
        errors=(404, 409, 501, 502, 504),
        tags=("chat",),
    )
    for path in ("/openai/v1/chat/completions", "/v1/chat/completions")
)
