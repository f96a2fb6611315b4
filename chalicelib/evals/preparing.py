"""What a trial does in its session's sandbox: files and a script before the first message, a script at the end."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.evals.errors import TrialFailed
from chalicelib.evals.model import Task
from chalicelib.events.log import SessionRef
from chalicelib.sessions.model import Spec
from chalicelib.tools.sandboxed import put_file

if TYPE_CHECKING:
    from chalicelib.sandbox.sessions.access import SessionSandbox
    from chalicelib.sandbox.sessions.bench import CommandResult

SandboxOf = Callable[[SessionRef, Spec], "SessionSandbox | None"]
USUAL_MS, MOST_MS = 120_000, 600_000
SHOWN_CHARS = 2000
_MARGIN_MS = 20_000


class Preparer:
    """``sandbox_of`` gives the way to a session's sandbox."""

    def __init__(self, sandbox_of: SandboxOf) -> None:
        self._sandbox_of = sandbox_of

    def prepare(self, ref: SessionRef, spec: Spec, task: Task, remaining_ms: Callable[[], int]) -> None:
        """Put the task's files in place and run its script. Raises TrialFailed, SandboxError."""
        if task.setup_files:
            self._put(self._sandbox(ref, spec), task)
        if task.setup_script:
            done = self.run(ref, spec, task.setup_script, USUAL_MS, remaining_ms)
            if done.exit_code:
                told = done.output[-SHOWN_CHARS:]
                raise TrialFailed(f"setup_script ended with {done.exit_code}. It said:\n{told}")

    def run(
        self, ref: SessionRef, spec: Spec, script: str, limit_ms: int, remaining_ms: Callable[[], int]
    ) -> "CommandResult":
        """Run a script apart from the agent's shell. Raises TrialFailed, SandboxError."""
        from chalicelib.sandbox.sessions.bench import execute

        limit = max(min(limit_ms, MOST_MS, remaining_ms() - _MARGIN_MS), 1)
        return execute(self._sandbox(ref, spec), script, limit)

    def _put(self, sandbox: "SessionSandbox", task: Task) -> None:
        from chalicelib.sandbox.client import GuestProblem

        try:
            for file in task.setup_files:
                put_file(sandbox.client(), file.path, file.content.encode())
        except GuestProblem as problem:
            raise TrialFailed(f"setup_files: {file.path}: {problem.message}") from problem
        finally:
            sandbox.persist()
            sandbox.release()

    def _sandbox(self, ref: SessionRef, spec: Spec) -> "SessionSandbox":
        found = self._sandbox_of(ref, spec)
        if found is None:
            raise TrialFailed("the sandbox of this session is run by a worker of the environment")
        return found
