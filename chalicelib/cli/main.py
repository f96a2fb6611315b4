"""The ``lambent`` command."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from chalicelib.cli.running import running, stop


@click.group()
@click.version_option(package_name="lambent")
def main() -> None:
    """Lambent: a managed-agents API for your own AWS account."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, envvar="PORT", help="Port to listen on; 0 takes a free one.")
@click.option(
    "--model",
    default="embedded",
    show_default=True,
    envvar="MODEL",
    type=click.Choice(["embedded", "none"]),
    help="Whether the built-in demo model may be used.",
)
@click.option("--state", default=".lambent", show_default=True, help="Directory that keeps the state.")
@click.option("--ephemeral", is_flag=True, help="Keep nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready, and nothing else.")
@click.option("--demo", is_flag=True, help="Run one conversation through the API first.")
@click.option("--no-workers", is_flag=True, help="Only serve; `lambent worker` does the work.")
def dev(
    *, host: str, port: int, model: str, state: str, ephemeral: bool, as_json: bool, demo: bool, no_workers: bool
) -> None:
    """Serve everything from this machine."""
    from chalicelib.local.runtime import Options

    os.environ["LAMBENT_MODEL"] = model
    state_dir = None if ephemeral else Path(state).resolve()
    options = Options(host, port, state_dir, workers=not no_workers)
    _run(options, as_json=as_json, demo=demo)


@main.command()
@click.option("--state", default=".lambent", show_default=True, help="Directory with the server's keys.")
def worker(state: str) -> None:
    """Carry on runs from the queue at AWS_ENDPOINT_URL, without serving."""
    from chalicelib.local.runtime import Options

    if not os.environ.get("AWS_ENDPOINT_URL"):
        raise click.ClickException("AWS_ENDPOINT_URL is not set: a separate worker needs a shared endpoint.")
    _run(Options(state_dir=Path(state).resolve(), serves=False), as_json=True, demo=False)


main.add_command(running)
main.add_command(stop)


def _run(options: Any, *, as_json: bool, demo: bool) -> None:
    from chalicelib.cli.banner import Banner
    from chalicelib.http.server import CannotListen
    from chalicelib.local.engine.errors import EngineError
    from chalicelib.local.runtime import Runtime, Started

    runtime = Runtime(options)
    banner = Banner(demo=demo)

    def ready(started: Started) -> None:
        if as_json:
            _print_json(started)
        else:
            banner.show(started)

    try:
        runtime.run(ready, None if as_json else banner.tell_sandboxes)
    except (CannotListen, EngineError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        sys.exit(0)
    # Threads of the pools may be in the middle of a run; the log makes it whole at the next start.
    sys.stdout.flush()
    os._exit(0)


def _print_json(started: Any) -> None:
    keys = started.credentials
    line = {"url": started.url, "api_key": keys.api_key, "root_key": keys.root_key, "pid": os.getpid()}
    click.echo(json.dumps(line))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
