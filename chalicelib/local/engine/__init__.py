"""DynamoDB, SQS and S3 in this process, behind ordinary boto3 clients, durable across `kill -9`.

moto holds the definitions of resources and answers requests about them; items, messages and objects are
served here, because they must be correct under threads, quick whatever their number, and kept on disk.
"""

from chalicelib.local.engine.engine import Engine
from chalicelib.local.engine.errors import (
    EngineAlreadyRunning,
    EngineClosed,
    EngineError,
    JournalDamaged,
    StateDirectoryInUse,
    TemplateError,
)

__all__ = [
    "Engine",
    "EngineAlreadyRunning",
    "EngineClosed",
    "EngineError",
    "JournalDamaged",
    "StateDirectoryInUse",
    "TemplateError",
]
