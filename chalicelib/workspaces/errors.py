"""What can go wrong with workspaces."""

from chalicelib.core.errors import Conflict, InvalidRequest, LambentError, NotFound, TooLarge


class WorkspaceError(LambentError):
    """The base of this noun's errors."""


class WorkspaceNotFound(WorkspaceError, NotFound):
    """There is no such workspace for this tenant."""


class SnapshotNotFound(WorkspaceError, NotFound):
    """There is no such snapshot for this tenant."""


class PathNotFound(WorkspaceError, NotFound):
    """There is nothing at the path."""


class NotAFile(WorkspaceError, InvalidRequest):
    """The path leads to a folder where a file is wanted, or the reverse."""


class PathEscapes(WorkspaceError, InvalidRequest):
    """The path leads out of the workspace."""


class ComputerReplaced(WorkspaceError, Conflict):
    """Another computer works on the workspace by now; what this one has is not taken."""


class WorkspaceFull(WorkspaceError, TooLarge):
    """The workspace would have more files and folders than it may; nothing was taken."""
