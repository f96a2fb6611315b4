"""The product's logger: JSON lines where machines read them, short lines on a laptop."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

from chalicelib.observability.context import bound
from chalicelib.observability.redaction import HIDDEN, is_secret_name, scrub, scrub_text

NAME = "lambent"
_LIBRARY = "chalicelib"
"""Modules that also run where there is no product's logger, as inside a MicroVM, use loggers of their own names."""

_PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Bound(logging.Filter):
    """Puts the bound ids on each record and hides secrets in its extra fields and arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in list(vars(record).items()):
            if name not in _PLAIN_FIELDS:
                setattr(record, name, HIDDEN if is_secret_name(name) else scrub(value))
        if isinstance(record.args, Mapping):
            record.args = scrub(record.args)
        elif record.args:
            record.args = tuple(scrub(value) for value in record.args)
        if isinstance(record.msg, Mapping):
            record.msg = scrub(record.msg)
        for name, value in bound().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class _Short(logging.Formatter):
    """``warning lambent.http: text (request_id=…)``, for people."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in _PLAIN_FIELDS}
        told = ", ".join(f"{name}={value}" for name, value in fields.items())
        line = f"{record.levelname.lower()} {record.name}: {record.getMessage()}{f' ({told})' if told else ''}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return scrub_text(line)


def configure(stage: str, level: str | None, stream: IO[str] | None = None) -> logging.Logger:
    """Set the logger up anew: quiet and short when ``stage`` is local and no ``level`` is wished, else JSON lines."""
    # It warns of every malformed upload, which is the client's affair and answered with 400.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    target = logging.getLogger(NAME)
    target.handlers.clear()
    vars(target).pop("init", None)
    if stage == "local" and not level:
        _add_handler(target, logging.StreamHandler(stream or sys.stderr), _Short(), "WARNING")
    else:
        _configure_json(target, _level(level), logging.StreamHandler(stream or _json_stream(stage)))
    target.propagate = False
    _follow(target)
    return target


def _follow(target: logging.Logger) -> None:
    library = logging.getLogger(_LIBRARY)
    library.handlers[:] = target.handlers
    library.setLevel(target.level)


def _json_stream(stage: str) -> IO[str]:
    # On a laptop standard output belongs to the command line; in Lambda it is what becomes the log.
    return sys.stderr if stage == "local" else sys.stdout


def _add_handler(target: logging.Logger, handler: logging.Handler, form: logging.Formatter, level: str) -> None:
    handler.addFilter(_Bound())
    handler.setFormatter(form)
    target.addHandler(handler)
    target.setLevel(level)


def _configure_json(target: logging.Logger, level: str, handler: logging.Handler) -> None:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    class Scrubbing(LambdaPowertoolsFormatter):
        def format(self, record: logging.LogRecord) -> str:
            return scrub_text(super().format(record))

    handler.addFilter(_Bound())
    Logger(
        service=target.name, level=level, logger_handler=handler, logger_formatter=Scrubbing(use_rfc3339=True, utc=True)
    )


def _level(wished: str | None) -> str:
    name = (wished or "INFO").strip().upper()
    return name if name in logging.getLevelNamesMapping() else "INFO"


@cache
def _from_environment() -> logging.Logger:
    return configure(os.environ.get("LAMBENT_STAGE", "local"), os.environ.get("LOG_LEVEL"))


def logger(part: str = "") -> logging.Logger:
    """The product's logger, or the one of a part of it (``http``, ``runs`` …), set up from the environment once."""
    root = _from_environment()
    return root.getChild(part) if part else root


def log_failure(target: logging.Logger, message: str, error: BaseException, **fields: Any) -> None:
    """An error line with the stack trace of ``error``."""
    target.error(message, exc_info=(type(error), error, error.__traceback__), extra=fields)


@contextmanager
def apart(part: str, message: str) -> Iterator[None]:
    """For one of many that are looked after: its failure goes to the log of ``part``, and the next has its turn."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - one of them must not keep the others waiting
        log_failure(logger(part), message, error)
