"""Whether the parts behind the server answer."""

import asyncio
from collections.abc import Callable

from chalicelib.http.workers import on_thread
from chalicelib.observability import logger
from chalicelib.storage.keys import Key
from chalicelib.wiring import Services

_PATIENCE_SECONDS = 3.0
_NO_ROW = Key("readiness", "readiness")


async def parts_away(services: Services) -> list[str]:
    """The names of the parts that do not answer within three seconds; both are asked at once, at the lowest price."""
    checks: dict[str, Callable[[], object]] = {
        "table": lambda: services.table.get(_NO_ROW),
        "queue": lambda: _ask_queue(services),
    }
    answers = await asyncio.gather(*(_answers(name, check) for name, check in checks.items()))
    return [name for name, answered in zip(checks, answers, strict=True) if not answered]


async def _answers(name: str, check: Callable[[], object]) -> bool:
    try:
        await asyncio.wait_for(on_thread(check), _PATIENCE_SECONDS)
    except Exception as error:  # noqa: BLE001 - logged; whatever it is, the part cannot be used
        logger("http").warning("readiness: the %s does not answer: %s", name, type(error).__name__)
        return False
    return True


def _ask_queue(services: Services) -> None:
    bells = services.doorbells
    bells.client.get_queue_attributes(QueueUrl=bells.url, AttributeNames=["QueueArn"])
