"""`python -m tests.fakes.model_server PORT`"""

import asyncio
import contextlib
import sys

from tests.fakes.model_server.server import ModelServer


async def serve(port: int) -> None:
    server = ModelServer()
    print(await server.start(port), flush=True)
    await asyncio.Event().wait()


with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
