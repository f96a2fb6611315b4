"""The engine as a whole: started, deployed to, emptied and closed."""

import gc
import logging
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from chalicelib.local.engine import describing
from chalicelib.local.engine.control import ControlPlane
from chalicelib.local.engine.deploy import Deployment
from chalicelib.local.engine.dynamodb.operations import operations as table_operations
from chalicelib.local.engine.dynamodb.store import TableStore
from chalicelib.local.engine.dynamodb.transactions import Tokens
from chalicelib.local.engine.errors import EngineAlreadyRunning, JournalDamaged
from chalicelib.local.engine.install import Gate, Operations
from chalicelib.local.engine.journal import FileJournal, Journal, Record
from chalicelib.local.engine.s3 import listing, multipart
from chalicelib.local.engine.s3 import operations as objects_module
from chalicelib.local.engine.s3.blobs import BlobStore
from chalicelib.local.engine.s3.store import ObjectStore
from chalicelib.local.engine.signals import Signal
from chalicelib.local.engine.sqs import operations as queues_module
from chalicelib.local.engine.sqs.store import QueueStore

logger = logging.getLogger(__name__)
_starting = threading.Lock()


class Engine:
    """DynamoDB, SQS and S3 of this process. Start it with `start`; only one runs at a time."""

    def __init__(self, journal: Journal, blobs: BlobStore, region: str) -> None:
        self._journal = journal
        self._blobs = blobs
        self._checkpoint: threading.Thread | None = None
        self._written = Signal()
        self._messaged = Signal()
        self._tokens = Tokens()
        self._tables = TableStore(journal, self._written.emit)
        self._queues = QueueStore(journal, self._messaged.emit)
        self._objects = ObjectStore(journal, blobs)
        self._control = ControlPlane(region, self._tables, self._queues, self._objects)
        self._gate = Gate(region, self._control, self._operations())

    @classmethod
    def start(cls, state_dir: Path | None, region: str = "us-east-1", *, fsync: bool = False) -> Self:
        """Makes boto3 clients reach this engine and brings back what `state_dir` holds (None: keeps nothing).

        Resources are served once `deploy` or a client has created them. `fsync` makes every write survive
        a loss of power too. Raises StateDirectoryInUse, JournalDamaged, EngineAlreadyRunning.
        """
        with _starting:
            if Engine._current is not None:
                raise EngineAlreadyRunning("another engine runs in this process")
            Engine._current = engine = cls._started(state_dir, region, fsync)
        return engine

    @staticmethod
    def current() -> "Engine | None":
        """The engine that runs in this process, if any."""
        return Engine._current

    @classmethod
    def _started(cls, state_dir: Path | None, region: str, fsync: bool) -> Self:
        journal = FileJournal(state_dir, fsync=fsync) if state_dir else Journal()
        try:
            directory = state_dir / "objects" if state_dir else Path(tempfile.mkdtemp(prefix="lambent-"))
            engine = cls(journal, BlobStore(directory, fsync=fsync), region)
            engine._ephemeral = state_dir is None
            engine._control.reset()
            with _no_collections():
                engine._replay()
        except BaseException:
            journal.close()
            raise
        engine._gate.install()
        # What was replayed is long-lived and free of cycles: collections need not look at it again and again.
        gc.freeze()
        return engine

    _current: ClassVar["Engine | None"] = None
    _ephemeral = True

    def _operations(self) -> dict[str, Operations]:
        served = {service: _bound(described, self._control) for service, described in describing.OPERATIONS.items()}
        served["dynamodb"] |= table_operations(self._tables, self._tokens)
        served["sqs"] |= _bound(queues_module.OPERATIONS, self._queues)
        for module in (objects_module, multipart, listing):
            served["s3"] |= _bound(module.OPERATIONS, self._objects)
        return served

    def _replay(self) -> None:
        stores = {"q": self._queues.replay, "t": self._tables.replay, "w": self._tables.replay}
        for record in self._journal.records():
            replay = next((stores[name] for name in stores if name in record), self._objects.replay)
            try:
                replay(record)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                raise JournalDamaged(f"a record does not fit the ones before it: {record['o']}") from error
        self._objects.end_stale_uploads()
        self._objects.sweep_files()
        if self._journal.oversized:
            self._journal.checkpoint(self._freeze)
        self._journal.outgrown = self._checkpoint_soon

    def _checkpoint_soon(self) -> None:
        # Called by a writer that holds its store's lock: the work is another thread's.
        if self._checkpoint is None or not self._checkpoint.is_alive():
            self._checkpoint = threading.Thread(target=self.checkpoint, name="engine-checkpoint")
            self._checkpoint.start()

    def _freeze(self, rotate: Callable[[], None]) -> Iterable[Record]:
        with self._tables.lock, self._queues.lock, self._objects.lock:
            rotate()
            parts = [self._tables.snapshot(), self._queues.snapshot(), self._objects.snapshot()]
        return (record for part in parts for record in part)

    def deploy(self, template: dict[str, Any] | str, stack_name: str, parameters: dict[str, str]) -> dict[str, str]:
        """Creates the tables, queues and buckets of a CloudFormation template with what was kept of them.

        The template is a dict or JSON. Answers the outputs that name such resources. A stack has the same
        physical names at every start. Raises TemplateError.
        """
        return Deployment(self._control, template, stack_name, parameters).run()

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Calls back with each partition key that a DynamoDB write touched; answers how to end it."""
        return self._written.connect(callback)

    def on_message(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Calls back with the name of a queue that may have something to deliver; answers how to end it."""
        return self._messaged.connect(callback)

    def checkpoint(self) -> None:
        """Replaces the journal by the present state; other threads go on meanwhile."""
        self._journal.checkpoint(self._freeze)

    def reset(self) -> None:
        """Empties every table, queue and bucket, and keeps their definitions."""
        self._tables.clear()
        self._queues.clear()
        self._objects.clear()
        self._tokens.clear()
        self._journal.checkpoint(self._freeze)

    def close(self) -> None:
        """Ends waiting receives, disconnects the clients and gives the state directory up."""
        self._gate.uninstall()
        self._queues.close()
        self._journal.outgrown = None
        if self._checkpoint is not None:
            self._checkpoint.join()
        self._journal.close()
        if self._ephemeral:
            self._blobs.destroy()
        with _starting:
            if Engine._current is self:
                Engine._current = None


@contextmanager
def _no_collections() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _bound(operations: dict[str, Callable[[Any, Any], Any]], store: Any) -> Operations:
    return {
        name: lambda params, serve=serve: serve(store, params)  # type: ignore[misc]
        for name, serve in operations.items()
    }
