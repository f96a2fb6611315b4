"""The process Lambda starts: makes the app once, then answers one event after another."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys

from chalicelib.aws.http_event import EventError
from chalicelib.aws.stream_runtime.api import Invocation, RuntimeApi
from chalicelib.aws.stream_runtime.cycle import App, Cycle
from chalicelib.observability import log_failure, logger

DEFAULT_APP = "chalicelib.http.app:create_app"


def main() -> int:
    """Runs until Lambda ends the process; returns an exit status only if the app could not be made."""
    importlib.import_module("boto3")  # while the start phase's whole processor is there
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        app = make_app(os.environ.get("LAMBENT_ASGI_APP", DEFAULT_APP))
    # Whatever it is, Lambda must be told, or it waits for the start to time out.
    except Exception as error:  # noqa: BLE001 - logged
        log_failure(logger("aws"), "the app could not be made", error)
        api.init_error(error)
        return 1
    asyncio.run(_serve(api, app))
    return 0


def make_app(place: str) -> App:
    """The app made by the factory at `place` (`module:function`)."""
    module, _, factory = place.partition(":")
    app: App = getattr(importlib.import_module(module), factory)()
    return app


async def _serve(api: RuntimeApi, app: App) -> None:
    while True:
        invocation = await asyncio.to_thread(api.next)
        os.environ["_X_AMZN_TRACE_ID"] = invocation.trace_id
        await _answer(api, app, invocation)


async def _answer(api: RuntimeApi, app: App, invocation: Invocation) -> None:
    try:
        cycle = Cycle(api, invocation)
    except EventError as error:
        log_failure(logger("aws"), "the event is no request", error, invocation=invocation.id)
        await asyncio.to_thread(api.invocation_error, invocation.id, error)
        return
    await cycle.run(app)


if __name__ == "__main__":
    sys.exit(main())
