"""The tools of MCP servers in a run: offered at its start, told of when they cannot be used, let go at its end."""

from chalicelib.engine.job import Job
from chalicelib.events import drafts
from chalicelib.events.event import Draft
from chalicelib.mcp.errors import McpUnauthorized
from chalicelib.tools.offer import offer_mcp


def prepare(job: Job) -> None:
    """Offer what the servers have; the run goes on without those that do not answer.

    Raises LeaseLost, Interrupted, OutOfTime.
    """
    servers = job.servers
    if servers is None:
        return
    tools = servers.tools(job.look)
    job.offers = [*job.offers, *offer_mcp(job.spec.agent, tools, [offer.name for offer in job.offers])]
    if told_now := told(job):
        job.pen.append(told_now)


def told(job: Job) -> list[Draft]:
    """What went wrong with servers since it was last asked."""
    if job.servers is None:
        return []
    written = [drafts.warning("mcp", text, run=job.run_id) for text in job.servers.notes()]
    for name, error in job.servers.troubles():
        denied = isinstance(error, McpUnauthorized)
        kind = "mcp_authentication_failed_error" if denied else "mcp_connection_failed_error"
        text = f"The MCP server {name!r} could not be used: {error.message}"
        written.append(drafts.session_error(kind, text, retry="retrying", run=job.run_id, mcp_server_name=name))
    return written


def leave(job: Job) -> None:
    """Close the connections."""
    if job.servers is not None:
        job.servers.close()
