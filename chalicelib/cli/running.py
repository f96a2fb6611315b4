"""What is at work on a server, and its stop: ``lambent running`` and ``lambent stop``."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import click

from chalicelib.cli.server import Server, reached, reaching

_MOST = 1000
_COLUMNS = ("SESSION", "TENANT", "AGENT", "FOR", "DOING", "COST")
_PHASES = {"queued": "waits for a worker", "retrying": "waits to try again", "stopping": "is being stopped"}
Command = TypeVar("Command", bound=Callable[..., Any])


def _choosing(command: Command) -> Command:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the server's answer as one JSON line."),
        click.option("--end-user", help="Only what is done for this end user."),
        click.option("--agent", help="Only sessions of this agent."),
        click.option("--tenant", help="Only this tenant; needs the root key."),
    ):
        command = option(command)
    return command


@click.command()
@_choosing
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, _MOST), help="So many at most.")
@reaching
def running(
    *,
    url: str,
    key: str | None,
    state: str,
    tenant: str | None,
    agent: str | None,
    end_user: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the sessions at work, the longest at work first."""
    server = reached(url, key, state)
    found = _listed(server, _chosen(server, tenant, agent, end_user), limit)
    if as_json:
        click.echo(json.dumps(found))
        return
    _show(found["data"])
    if found["has_more"]:
        click.echo(f"There are more; --limit goes up to {_MOST}.", err=True)


@click.command()
@click.argument("sessions", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything the key is good for.")
@_choosing
@click.option("--reason", help="Why; for the server's log.")
@click.option("--yes", is_flag=True, help="Also when it is more than one session.")
@reaching
def stop(
    *,
    sessions: tuple[str, ...],
    everything: bool,
    url: str,
    key: str | None,
    state: str,
    tenant: str | None,
    agent: str | None,
    end_user: str | None,
    reason: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Interrupt the SESSIONS named, or all that fit the options, and drop what waits in them."""
    server = reached(url, key, state)
    chosen = _chosen(server, tenant, agent, end_user)
    if everything == bool(sessions or chosen):
        raise click.UsageError("name sessions, or say --tenant, --agent, --end-user; --all alone stops everything")
    sent: dict[str, Any] = {**chosen, "reason": reason}
    if sessions or not yes:
        sent["session_ids"] = list(sessions) if yes else _at_most_one(server, chosen, sessions)
    done = server.ask("POST", server.path("running/stop"), json=sent)
    if as_json:
        click.echo(json.dumps(done))
        return
    later = f"; the server still asks {done['remaining']} more" if done["remaining"] else ""
    click.echo(f"{done['stopped']} of {done['matched']} at work were asked to stop{later}.")


def _at_most_one(server: Server, chosen: dict[str, str], sessions: Sequence[str]) -> list[str]:
    """The session that may be stopped without a word, if any. Raises UsageError when more are meant."""
    if len(sessions) == 1:
        return list(sessions)
    fitting = [one for one in _listed(server, chosen, _MOST)["data"] if not sessions or one["id"] in sessions]
    if sessions or len(fitting) > 1:
        _show(fitting)
        raise click.UsageError("more than one session is meant: say --yes")
    return [one["id"] for one in fitting]


def _chosen(server: Server, tenant: str | None, agent: str | None, end_user: str | None) -> dict[str, str]:
    if tenant and not server.operators:
        raise click.UsageError("--tenant needs the root key; this is the key of a tenant")
    sent = {"tenant_id": tenant, "agent_id": agent, "end_user": end_user}
    return {name: value for name, value in sent.items() if value is not None}


def _listed(server: Server, chosen: dict[str, str], most: int) -> dict[str, Any]:
    return server.ask("GET", server.path("running"), params=chosen | {"limit": most})


def _show(found: Sequence[dict[str, Any]]) -> None:
    if not found:
        click.echo("Nothing is at work.")
        return
    now = datetime.now(UTC)
    rows = [_COLUMNS, *(_row(one, now) for one in found)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(one: dict[str, Any], now: datetime) -> tuple[str, ...]:
    agent = f"{one['agent_name']} ({one['agent_id']})"
    cost = f"${Decimal(one['cost_usd']):.4f}"
    return (one["id"], one["tenant_id"], agent, _for(one["since"], now), _doing(one, now), cost)


def _doing(one: dict[str, Any], now: datetime) -> str:
    waits = _PHASES.get(one["phase"])
    steps = [f"{step['name'] or step['kind']} for {_for(step['since'], now)}" for step in one["doing"]]
    return waits or ", ".join(steps) or "works"


def _for(since: str | None, now: datetime) -> str:
    if since is None:
        return "-"
    minutes, seconds = divmod(max(int((now - datetime.fromisoformat(since)).total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(hours or minutes)
    return " ".join([*parts, f"{seconds} s"])
