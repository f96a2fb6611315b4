"""The Chalice entry: Lambda's handlers wired to functions."""

# mypy: disable-error-code="untyped-decorator"

from typing import Any

from chalice import Chalice, Rate

from chalicelib.aws import preload

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]

# Chalice wants ARNs here; the template puts those of its own queues in their place.
QUEUE = "arn:aws:sqs:us-east-1:000000000000:runs.fifo"
DEAD_LETTER_QUEUE = "arn:aws:sqs:us-east-1:000000000000:runs-dead.fifo"


class Lambent(Chalice):  # type: ignore[misc]  # Chalice has no types
    """Chalice whose REST entry is the ASGI app; its own routes only declare what API Gateway lets through."""

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        from chalicelib.aws import rest

        return rest.handle(event, context)


app = Lambent(app_name="lambent")
app.api.binary_types = ["*/*"]


@app.route("/", methods=METHODS)
@app.route("/{proxy+}", methods=METHODS)
def everything() -> None:
    """Declares the two paths of the REST API; `Lambent.__call__` answers them."""


@app.on_sqs_message(queue_arn=QUEUE, batch_size=1, maximum_concurrency=50)
def run_worker(event: Any) -> dict[str, Any]:
    from chalicelib.aws import queue

    return queue.work(event.to_dict(), event.context)


@app.on_sqs_message(queue_arn=DEAD_LETTER_QUEUE, batch_size=1)
def dead_letters(event: Any) -> dict[str, Any]:
    from chalicelib.aws import queue

    return queue.give_up(event.to_dict(), event.context)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def tick(event: Any) -> None:
    from chalicelib.aws import queue

    queue.tick(event.to_dict(), event.context)


@app.lambda_function(name="stream")
def stream(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers in one piece, should the function ever start without its streaming runtime."""
    from chalicelib.aws import rest

    return rest.handle(event, context)


preload.for_handler()
