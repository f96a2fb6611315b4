"""A custom tool that is an HTTP endpoint of its author."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from chalicelib.core import jsonio
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.exchange import OutboundAnswer
from chalicelib.tools.base import Bearer, ToolContext, ToolOutput, failure, text_output
from chalicelib.tools.hiding import hide
from chalicelib.tools.media import decoded, is_json, is_text, media_type
from chalicelib.tools.output import EMPTY

_MAX_BYTES = 1024 * 1024
_EXCERPT = 2000
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))


class HttpCall:
    """Sends the model's input to the tool's endpoint; the answer's body is the result.

    The input is the JSON body, with GET the query. A credential of the session's vaults for the endpoint goes along; it
    is hidden if the endpoint repeats it. The endpoint can recognise a repeated call by its ``idempotency-key``; only
    one whose author declares it ``idempotent`` is ever called twice for one tool use.
    """

    def __init__(self, definition: dict[str, Any]) -> None:
        """``definition`` is the custom tool as the agent has it, with an ``execution`` of type http."""
        self.name: str = definition["name"]
        self.description: str = definition["description"]
        self.input_schema: dict[str, Any] = definition["input_schema"]
        execution = definition["execution"]
        self.safe_to_repeat: bool = execution.get("idempotent") is True
        self._endpoint = str(execution.get("endpoint") or "")
        self._method = str(execution.get("method") or "POST").upper()

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """Call the endpoint. A status from 400 up, and no answer at all, are error results."""
        if self._method not in _METHODS:
            return failure(f"the tool's method {self._method!r} is not one of {', '.join(sorted(_METHODS))}.")
        bearer = self._bearer(context)
        try:
            answer = self._call(context, arguments, bearer)
        except OutboundError as error:
            return failure(f"the tool's endpoint could not be called. {error.message}")
        return _result(answer, () if bearer is None else bearer.secrets)

    def _bearer(self, context: ToolContext) -> Bearer | None:
        if context.bearer_for is None:
            return None
        bearer = context.bearer_for(self._endpoint)
        bearer.look()
        return bearer

    def _call(self, context: ToolContext, arguments: dict[str, Any], bearer: Bearer | None) -> OutboundAnswer:
        asks = self._method == "GET"
        credential = {"authorization": f"Bearer {bearer.token}"} if bearer is not None and bearer.token else {}
        return context.outbound.request(
            self._method,
            _with_query(self._endpoint, arguments) if asks else self._endpoint,
            headers={
                "accept": "application/json, text/*;q=0.9, */*;q=0.5",
                "content-type": "application/json",
                "idempotency-key": context.tool_use_id,
                "lambent-tool-use-id": context.tool_use_id,
                "user-agent": "Lambent",
                **credential,
            },
            body=None if asks else jsonio.dump_bytes(arguments),
            timeout_s=context.timeout_s,
            max_bytes=_MAX_BYTES,
            cancelled=context.cancelled,
        )


def _with_query(endpoint: str, arguments: dict[str, Any]) -> str:
    if not arguments:
        return endpoint
    pairs = {name: value if isinstance(value, str) else jsonio.dumps(value) for name, value in arguments.items()}
    bare = endpoint.partition("#")[0]
    return f"{bare}{'&' if '?' in bare else '?'}{urlencode(pairs)}"


def _result(answer: OutboundAnswer, secrets: Sequence[str]) -> ToolOutput:
    # Hidden before anything is cut, so that no part of a secret is left, and in JSON once more without its escapes.
    text = hide(decoded(answer), secrets) if is_text(answer) else ""
    if answer.status >= 400:
        return failure(f"the tool's endpoint answered {answer.status}.\n{text[:_EXCERPT]}".rstrip())
    if not answer.body.strip():
        return text_output(EMPTY)
    if not is_text(answer):
        return failure(f"the tool's endpoint answered with {media_type(answer)}, which is not text.")
    note = f"\n[Cut here: only the first {_MAX_BYTES} bytes of the answer were read.]" if answer.truncated else ""
    return text_output(hide(_readable(text), secrets) + note if is_json(answer) else text + note)


def _readable(text: str) -> str:
    import json

    try:
        return json.dumps(jsonio.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text
