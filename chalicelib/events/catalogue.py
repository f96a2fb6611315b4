"""The names of all records of the log, and who sees which."""

PRIMARY_THREAD = "sthr_primary"

INPUT_TYPES = frozenset(
    {
        "user.message",
        "user.interrupt",
        "user.tool_confirmation",
        "user.custom_tool_result",
        "user.tool_result",
        "user.define_outcome",
        "system.message",
    }
)

_AGENT = {
    "agent.message",
    "agent.thinking",
    "agent.tool_use",
    "agent.tool_result",
    "agent.mcp_tool_use",
    "agent.mcp_tool_result",
    "agent.custom_tool_use",
    "agent.thread_context_compacted",
    "agent.thread_message_sent",
    "agent.thread_message_received",
}
_STATUS = {
    "session.status_running",
    "session.status_idle",
    "session.status_rescheduled",
    "session.status_terminated",
    "session.deleted",
    "session.error",
    "session.thread_created",
    "session.thread_status_running",
    "session.thread_status_idle",
    "session.thread_status_rescheduled",
    "session.thread_status_terminated",
}
_SPANS = {
    "span.model_request_start",
    "span.model_request_end",
    "span.outcome_evaluation_start",
    "span.outcome_evaluation_ongoing",
    "span.outcome_evaluation_end",
}
_WORKFLOW = {
    "workflow_run.created",
    "workflow_run.status_running",
    "workflow_run.status_idle",
    "workflow_run.status_ended",
    "workflow_run.phase_started",
    "workflow_run.phase_ended",
    "workflow_run.error",
}

PLAIN_TYPES = frozenset(
    {
        "user.message",
        "user.interrupt",
        "user.tool_confirmation",
        "user.custom_tool_result",
        "user.define_outcome",
        *_AGENT,
        *_STATUS,
        *_SPANS,
    }
)
"""What a plain client's stream carries by default."""

SDK_TYPES = frozenset({*INPUT_TYPES, *_AGENT, *_STATUS, *_SPANS, *_WORKFLOW, "session.updated", "session.usage"})
"""What an SDK's lists and streams carry."""

EXTENSION_TYPES = frozenset(
    {
        "session.warning",
        "session.thread_idle",
        "span.model_first_token",
        "span.compaction_summarize_start",
        "span.compaction_summarize_end",
        "span.wakeup_scheduled",
        "aux.model_call",
    }
)
"""Stored, and shown to those who ask for everything."""

PUBLIC_TYPES = PLAIN_TYPES | SDK_TYPES | EXTENSION_TYPES

INPUT_QUEUED = "input.queued"
INPUT_TAKEN = "input.taken"
INPUT_REMOVED = "input.removed"
RUN_QUEUED = "run.queued"
RUN_CLAIMED = "run.claimed"
RUN_STARTED = "run.started"
RUN_WAITING = "run.waiting"
RUN_RESUMED = "run.resumed"
RUN_FINISHED = "run.finished"
RUN_REQUEUED = "run.requeued"
STEP_STARTED = "step.started"
STEP_FINISHED = "step.finished"
PERMISSION_ASKED = "permission.asked"
PERMISSION_ANSWERED = "permission.answered"
COMPACTION_STARTED = "compaction.started"
COMPACTION_FINISHED = "compaction.finished"

INTERNAL_TYPES = frozenset(
    {
        INPUT_QUEUED,
        INPUT_TAKEN,
        INPUT_REMOVED,
        RUN_QUEUED,
        RUN_CLAIMED,
        RUN_STARTED,
        RUN_WAITING,
        RUN_RESUMED,
        RUN_FINISHED,
        RUN_REQUEUED,
        STEP_STARTED,
        STEP_FINISHED,
        PERMISSION_ASKED,
        PERMISSION_ANSWERED,
        COMPACTION_STARTED,
        COMPACTION_FINISHED,
    }
)
"""Records of the core that the managed door prints to nobody; other doors render them."""
