"""Ringing for an errand of the webhooks, without ever failing for it."""

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.observability import logger
from chalicelib.storage.queue import DoorbellQueue, Errand


def ring(doorbells: DoorbellQueue, errand: Errand) -> None:
    """Ring; a failure is only logged, for the clock rings again."""
    try:
        doorbells.ring(errand)
    except (BotoCoreError, ClientError):
        logger("webhooks").warning("doorbell not sent; the clock will ring", exc_info=True)
