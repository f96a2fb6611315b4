"""Why a worker stops working on a run."""


class RunError(Exception):
    """Base of the worker's layer."""


class LeaseLost(RunError):
    """Another worker holds the run, or the session is gone; nothing more may be written."""


class Interrupted(RunError):
    """The client asked to stop."""


class OutOfTime(RunError):
    """This invocation nears its time limit; the run goes on in another."""


class RunTooLong(RunError):
    """The run took longer than its session allows."""
