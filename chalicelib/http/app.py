"""The whole surface as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Router

from chalicelib import wiring
from chalicelib.http.gateway import Gateway, gateway_of
from chalicelib.http.route import Door
from chalicelib.wiring import Services


def create_app(services: Services | None = None, doors: tuple[Door, ...] | None = None) -> Starlette:
    """The application over these services and doors; without them, over this process's own.

    Raises RouteClash when two doors claim the same method and path.
    """
    if doors is None:
        from chalicelib.doors import all_doors

        doors = all_doors()
    gateway = Gateway(services or wiring.services(), doors)
    app = Starlette()
    app.state.gateway = gateway
    # Starlette's own router would walk a list of patterns for each request.
    app.router = Router(default=gateway, redirect_slashes=False, lifespan=_lifespan)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    end_streams(app)
    for door in gateway_of(app).doors:
        if door.on_end is not None:
            await door.on_end()


def end_streams(app: Starlette) -> None:
    """End every stream the application is sending. Call it on the application's event loop."""
    gateway_of(app).streams.end_all()
