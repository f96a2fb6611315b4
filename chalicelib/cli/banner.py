"""What a person sees when the server is ready: where it is, the key, how to begin; and on demand a conversation."""

import threading
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from chalicelib.local.runtime import Started


class Banner:
    """Prints to standard output. With ``demo`` a conversation comes first, and nothing else is printed meanwhile."""

    def __init__(self, *, demo: bool) -> None:
        self._demo = demo
        self._greeted = threading.Event()

    def show(self, started: "Started") -> None:
        """Greet; with a conversation that happens in a thread of its own."""
        if self._demo:
            threading.Thread(target=self._converse, args=(started,), name="demo", daemon=True).start()
        else:
            self._greet(started)

    def tell_sandboxes(self, sentence: str, isolated: bool) -> None:
        """Print how commands are isolated, after the greeting; what should worry stands out."""
        self._greeted.wait()
        click.echo(sentence if isolated else click.style(sentence, fg="yellow", bold=True))

    def _converse(self, started: "Started") -> None:
        from chalicelib.cli.demo import converse

        converse(started.url, started.credentials.api_key)
        self._greet(started)

    def _greet(self, started: "Started") -> None:
        url, key = started.url, started.credentials.api_key
        click.echo()
        click.echo(f"Lambent serves at {click.style(url, bold=True)}   docs: {url}/docs   Ctrl-C stops it")
        click.echo(f"API key: {click.style(key, bold=True)}")
        click.echo("In another terminal, and then on with docs/quickstart.md:")
        click.echo(f"  export LAMBENT={url} KEY={key}")
        click.echo('  curl -s "$LAMBENT/v1/me" -H "x-api-key: $KEY"')
        self._greeted.set()
