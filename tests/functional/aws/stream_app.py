"""The app the streaming runtime is tested with: a real Starlette app, opened and closed by named pipes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


async def lines_of(gate: str) -> AsyncIterator[str]:
    with Path(gate).open("r+b", buffering=0) as file:
        while True:
            line = await asyncio.to_thread(file.readline)
            if line == b"END\n":
                return
            yield line.decode().strip()


async def gated(request: Request) -> Response:
    """Sends each line of the gate as one server-sent event; `BOOM` breaks off."""

    async def events() -> AsyncIterator[str]:
        async for line in lines_of(request.query_params["gate"]):
            if line == "BOOM":
                raise RuntimeError("secret detail")
            yield f"data: {line}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def endless(request: Request) -> Response:
    """Sends one event, then waits for ever; tells the pipe `seen` when it is made to stop."""

    async def events() -> AsyncIterator[str]:
        try:
            yield "data: first\n\n"
            await asyncio.Event().wait()
        finally:
            with Path(request.query_params["seen"]).open("r+b", buffering=0) as file:
                file.write(b"stopped\n")

    return StreamingResponse(events(), media_type=request.query_params.get("type", "text/event-stream"))


async def stubborn(request: Request) -> Response:
    """Never looks whether its client is still there, and never answers."""
    await asyncio.Event().wait()
    return Response()


async def big(request: Request) -> Response:
    async def blocks() -> AsyncIterator[bytes]:
        for number in range(int(request.query_params["blocks"])):
            yield bytes([number % 256]) * 65536

    return StreamingResponse(blocks(), media_type="application/octet-stream")


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse(
        {
            "path": request.scope["path"],
            "raw_path": request.scope["raw_path"].decode(),
            "query": request.query_params.multi_items(),
            "cookies": request.cookies,
            "body": body.hex(),
            "client": request.client.host if request.client else None,
        }
    )


async def empty(request: Request) -> Response:
    return Response(status_code=204)


async def cookies(request: Request) -> Response:
    response = JSONResponse({})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def broken(request: Request) -> Response:
    raise RuntimeError("secret detail")


async def mute(scope: object, receive: object, send: object) -> None:
    """An app that breaks the protocol: it returns without a word."""


def create_app() -> Starlette:
    everything = ["GET", "POST"]
    return Starlette(
        routes=[
            Route("/gated", gated),
            Route("/endless", endless),
            Route("/stubborn", stubborn),
            Route("/big", big),
            Route("/empty", empty),
            Route("/cookies", cookies),
            Route("/broken", broken),
            Route("/echo/{rest:path}", echo, methods=everything),
        ]
    )


def create_mute() -> object:
    return mute


def create_nothing() -> object:
    raise LookupError("secret detail")
