"""How a request wants its answer made: what can be asked of a model, and what is refused rather than left out."""

from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.openai.errors import Unsupported
from chalicelib.doors.openai.schemas import chat as schemas
from chalicelib.models.request import Controls, ToolSpec

_NEVER = (
    "logprobs",
    "top_logprobs",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "audio",
    "prediction",
    "functions",
    "function_call",
)
_AGENTS_OWN = (
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "reasoning_effort",
    "parallel_tool_calls",
)
_EMPTY_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}


def check(body: schemas.ChatCompletionCreate) -> None:
    """Refuse what no answer here can be. Raises InvalidRequest, Unsupported."""
    if body.n is not None and body.n != 1:
        raise InvalidRequest("n: only one answer can be given", field="n", code="unsupported")
    if body.modalities and body.modalities != ["text"]:
        raise Unsupported("modalities", "only text can be answered")
    for name in _NEVER:
        if getattr(body, name):
            raise Unsupported(name, "cannot be given here")
    # Without any options it asks for a search all the same.
    if body.web_search_options is not None:
        raise Unsupported("web_search_options", "cannot be given here")


def check_for_agent(body: schemas.ChatCompletionCreate) -> None:
    """Refuse what the agent's own configuration decides. Raises Unsupported."""
    for name in _AGENTS_OWN:
        if getattr(body, name) is not None:
            raise Unsupported(name, "is decided by the agent")
    if body.tool_choice not in (None, "auto"):
        raise Unsupported("tool_choice", "is decided by the agent")
    if body.response_format is not None and not isinstance(body.response_format, schemas.TextFormat):
        raise Unsupported("response_format", "is decided by the agent")


def tools(body: schemas.ChatCompletionCreate) -> tuple[ToolSpec, ...]:
    """The client's tools, without those that its choice leaves out."""
    choice = body.tool_choice
    some = {one.function.name for one in choice.allowed_tools.tools} if isinstance(choice, schemas.SomeTools) else None
    return tuple(
        ToolSpec(
            tool.function.name,
            tool.function.description or "",
            {"type": "object"} | (tool.function.parameters or _EMPTY_SCHEMA),
            bool(tool.function.strict),
        )
        for tool in body.tools or ()
        if some is None or tool.function.name in some
    )


def controls(body: schemas.ChatCompletionCreate) -> Controls:
    """The rest of what the request wants of a model. Raises InvalidRequest."""
    choice, tool = _tool_choice(body)
    wanted = body.response_format
    schema = wanted.json_schema if isinstance(wanted, schemas.SchemaFormat) else None
    stop = [body.stop] if isinstance(body.stop, str) else body.stop or []
    return Controls(
        temperature=body.temperature,
        top_p=body.top_p,
        stop=tuple(one for one in stop if one),
        seed=body.seed,
        tool_choice=choice,
        tool=tool,
        parallel_tools=body.parallel_tool_calls,
        json_only=isinstance(wanted, schemas.JsonFormat),
        answer_schema=None if schema is None else schema.schema_,
        answer_name="answer" if schema is None else schema.name,
        answer_strict=None if schema is None else schema.strict,
    )


def _tool_choice(body: schemas.ChatCompletionCreate) -> tuple[Any, str | None]:
    choice = body.tool_choice
    if isinstance(choice, schemas.NamedTool):
        _demand(body, choice, "tool_choice")
        return "one", choice.function.name
    if isinstance(choice, schemas.SomeTools):
        for place, one in enumerate(choice.allowed_tools.tools):
            _demand(body, one, f"tool_choice.allowed_tools.tools.{place}")
        choice = choice.allowed_tools.mode
    if choice == "required" and not body.tools:
        raise InvalidRequest("tool_choice: there is no tool to call", field="tool_choice")
    return ("any" if choice == "required" else choice), None


def _demand(body: schemas.ChatCompletionCreate, one: schemas.NamedTool, place: str) -> None:
    name, field = one.function.name, f"{place}.function.name"
    if name not in {tool.function.name for tool in body.tools or ()}:
        raise InvalidRequest(f"{field}: there is no tool named {name!r}", field=field)
