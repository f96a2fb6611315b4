"""What a person sees when the server is ready: where it is, the key, how to begin; and on demand a conversation."""

import threading
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from chalicelib.local.runtime import Started


def show(started: "Started", *, demo: bool) -> None:
    """Print the greeting; with ``demo`` a thread of its own runs the conversation first."""
    if not demo:
        _greet(started)
        return
    threading.Thread(target=_converse, args=(started,), name="demo", daemon=True).start()


def tell_sandboxes(sentence: str, isolated: bool) -> None:
    """Print how commands are isolated; what should worry stands out."""
    click.echo(sentence if isolated else click.style(sentence, fg="yellow", bold=True))


def _converse(started: "Started") -> None:
    from chalicelib.cli.demo import converse

    converse(started.url, started.credentials.api_key)
    _greet(started)


def _greet(started: "Started") -> None:
    url, key = started.url, started.credentials.api_key
    click.echo()
    click.echo(f"Lambent serves at {click.style(url, bold=True)}   docs: {url}/docs   Ctrl-C stops it")
    click.echo(f"API key: {click.style(key, bold=True)}")
    click.echo("Try it:")
    click.echo(f"  curl -s {url}/v1/agents -H 'x-api-key: {key}' -H 'content-type: application/json' \\")
    click.echo("""    -d '{"name": "First", "model": "default"}'""")
