"""The data of each type of record: fields that nobody relies on are free, those that conversations, doors and runs read
have the form they expect."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from chalicelib.agents.model import AgentVersion
from chalicelib.bundles.blocks import LONGEST_ID, Block, Data, EventId, Free, TextBlock, ThreadName, Tokens, Words
from chalicelib.bundles.model import CoreId
from chalicelib.events import catalogue
from chalicelib.events.catalogue import PRIMARY_THREAD


class _Said(Data):
    content: list[Block]


class _Told(Data):
    content: list[Block] = Field(min_length=1)


class _Ruled(Data):
    content: list[TextBlock] = Field(min_length=1)


class _Spoken(Data):
    content: list[TextBlock]


class _Decision(Data):
    tool_use_id: EventId
    result: Literal["allow", "deny"]
    deny_message: str | None = None


class _ToolResult(_Said):
    tool_use_id: EventId
    is_error: bool | None = None


class _McpResult(_Said):
    mcp_tool_use_id: EventId
    is_error: bool | None = None


class _CustomResult(_Said):
    custom_tool_use_id: EventId
    is_error: bool | None = None


class _Rubric(Free):
    type: Literal["text"]
    content: str


class _Script(Free):
    type: Literal["script"]
    verify_script: Words
    timeout_ms: int | None = Field(default=None, ge=1, le=600_000)


class _Scorer(Free):
    type: Literal["verifiable"]
    scorer: Literal["exact_match", "contains", "number"]
    opts: dict[str, Any]


class _Endpoint(Free):
    type: Literal["reward_model"]
    endpoint: str = Field(max_length=4096)
    threshold: float | None = None


class _Composite(Free):
    type: Literal["composite"]
    mode: Literal["all", "any"] = "all"
    verifiers: list[Annotated[_Script | _Scorer | _Endpoint, Field(discriminator="type")]] = Field(
        min_length=1, max_length=10
    )


class _Goal(Data):
    description: Words
    rubric: _Rubric | None = None
    verifier: Annotated[_Script | _Scorer | _Endpoint | _Composite, Field(discriminator="type")] | None = None
    max_iterations: int = Field(ge=1, le=20)
    outcome_id: CoreId


class _Use(Data):
    name: Words
    input: dict[str, Any]
    evaluated_permission: Literal["allow", "ask", "deny"] = "allow"


class _McpUse(_Use):
    mcp_server_name: str


class _Summary(Data):
    summary: str


class _Sent(_Said):
    to_session_thread_id: ThreadName
    to_agent_name: str | None


class _Received(_Told):
    from_session_thread_id: ThreadName
    from_agent_name: str | None
    parent_event_id: EventId


class _Stop(Free):
    type: Words
    event_ids: list[EventId] = Field(default_factory=list)


class _Idle(Data):
    stop_reason: _Stop
    stop_details: dict[str, Any] | None = None


class _Reason(Data):
    reason: str


class _Problem(Free):
    type: Words
    message: str
    retry_status: dict[str, Any]


class _Failed(Data):
    error: _Problem


class _OfThread(Data):
    session_thread_id: ThreadName
    agent_name: str


class _Created(_OfThread):
    agent_id: CoreId | None = None
    parent_thread_id: ThreadName = PRIMARY_THREAD


class _ThreadIdle(_OfThread):
    stop_reason: _Stop


class _Rested(Data):
    session_thread_id: ThreadName


class _Asked(Data):
    model: str


class _Figures(Free):
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None


class _Answered(_Asked):
    model_usage: _Figures
    is_error: bool = False


class _Heard(_Answered):
    model_request_start_id: EventId


class _Judging(Data):
    outcome_id: CoreId
    iteration: int = Field(ge=0, le=1000)


class _Judged(_Judging):
    outcome_evaluation_start_id: Annotated[str, Field(max_length=LONGEST_ID)]
    result: Literal["satisfied", "needs_revision", "max_iterations_reached", "failed", "interrupted"]
    explanation: str | None
    usage: _Figures


class _Changed(Data):
    title: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    agent: dict[str, Any] | None = None
    budget: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _agent(self) -> "_Changed":
        if self.agent is not None:
            AgentVersion.model_validate(self.agent)
        return self


class _Total(Data):
    usage: dict[str, Any]
    budget: dict[str, Any] | None = None


class _Warned(Data):
    source: str
    message: str


class _WakeUp(Data):
    parent_event_id: EventId


class _Input(Data):
    type: str
    input_id: EventId
    pending_seq: int = Field(ge=0)
    thread: CoreId | None = None


class _Run(Data):
    run_id: str = Field(max_length=64)


class _Claim(_Run):
    fence: int = Field(ge=0, le=10**12)


class _Finished(_Run):
    status: Literal["completed", "failed", "cancelled", "timed_out"]


class _Step(Data):
    step_id: str = Field(max_length=64)
    kind: Literal["model", "tool"]
    tool_use_id: EventId | None = None


class _Permission(Data):
    tool_use_id: EventId


DATA: dict[str, type[BaseModel]] = {
    "user.message": _Told,
    "system.message": _Ruled,
    "user.tool_confirmation": _Decision,
    "user.custom_tool_result": _CustomResult,
    "user.tool_result": _ToolResult,
    "user.define_outcome": _Goal,
    "agent.message": _Spoken,
    "agent.tool_use": _Use,
    "agent.custom_tool_use": _Use,
    "agent.mcp_tool_use": _McpUse,
    "agent.tool_result": _ToolResult,
    "agent.mcp_tool_result": _McpResult,
    "agent.thread_context_compacted": _Summary,
    "agent.thread_message_sent": _Sent,
    "agent.thread_message_received": _Received,
    "session.status_idle": _Idle,
    "session.status_rescheduled": _Reason,
    "session.error": _Failed,
    "session.thread_created": _Created,
    "session.thread_status_running": _OfThread,
    "session.thread_status_idle": _ThreadIdle,
    "session.thread_status_rescheduled": _OfThread,
    "session.thread_status_terminated": _OfThread,
    "session.thread_idle": _Rested,
    "session.updated": _Changed,
    "session.usage": _Total,
    "session.warning": _Warned,
    "span.model_request_start": _Asked,
    "span.model_request_end": _Heard,
    "span.compaction_summarize_start": _Asked,
    "span.compaction_summarize_end": _Answered,
    "span.outcome_evaluation_start": _Judging,
    "span.outcome_evaluation_ongoing": _Judging,
    "span.outcome_evaluation_end": _Judged,
    "span.wakeup_scheduled": _WakeUp,
    catalogue.INPUT_QUEUED: _Input,
    catalogue.INPUT_TAKEN: _Input,
    catalogue.INPUT_REMOVED: _Input,
    catalogue.RUN_QUEUED: _Run,
    catalogue.RUN_CLAIMED: _Claim,
    catalogue.RUN_STARTED: _Run,
    catalogue.RUN_WAITING: _Run,
    catalogue.RUN_RESUMED: _Run,
    catalogue.RUN_FINISHED: _Finished,
    catalogue.RUN_REQUEUED: _Run,
    catalogue.STEP_STARTED: _Step,
    catalogue.STEP_FINISHED: _Step,
    catalogue.PERMISSION_ASKED: _Permission,
    catalogue.PERMISSION_ANSWERED: _Permission,
}
"""The forms of those types whose data somebody relies on."""
