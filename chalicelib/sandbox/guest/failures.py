"""What the system refuses, in words a caller can use."""

import contextlib
import errno
from collections.abc import Iterator

from .wire import Problem

_INSUFFICIENT_STORAGE = 507
_KNOWN = {
    errno.ENOENT: ("not_found", "path '{}' does not exist"),
    errno.ENOTDIR: ("invalid_argument", "a part of path '{}' is not a directory"),
    errno.EISDIR: ("invalid_argument", "path '{}' is a directory"),
    errno.ELOOP: ("invalid_argument", "path '{}' is a link that leads nowhere"),
    errno.ENAMETOOLONG: ("invalid_argument", "path '{}' is too long"),
    errno.ENXIO: ("invalid_argument", "path '{}' is not a file"),
    errno.EINVAL: ("invalid_argument", "path '{}' cannot be used like this"),
    errno.EEXIST: ("already_exists", "path '{}' already exists"),
    errno.ENOTEMPTY: ("already_exists", "directory '{}' is not empty"),
    errno.EACCES: ("permission_denied", "permission denied for path '{}'"),
    errno.EPERM: ("permission_denied", "permission denied for path '{}'"),
    errno.EROFS: ("permission_denied", "path '{}' can only be read"),
    errno.EBUSY: ("failed_precondition", "path '{}' is in use"),
    errno.ETXTBSY: ("failed_precondition", "path '{}' is in use"),
    errno.EMFILE: ("resource_exhausted", "too many files are open or watched"),
    errno.ENFILE: ("resource_exhausted", "too many files are open"),
    errno.ENOMEM: ("resource_exhausted", "there is not enough memory"),
    errno.EAGAIN: ("resource_exhausted", "the system has no room for this now"),
}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def problem_of(error: OSError, shown: str) -> Problem:
    """A failed system call as a Problem that names the path as the sandbox shows it."""
    if error.errno in _FULL:
        return Problem("resource_exhausted", "not enough disk space available", _INSUFFICIENT_STORAGE)
    code, words = _KNOWN.get(error.errno or 0, ("internal", f"the system refused path '{{}}' (error {error.errno})"))
    return Problem(code, words.format(shown))


@contextlib.contextmanager
def told(shown: str) -> Iterator[None]:
    """Turn what the system refuses meanwhile into a Problem about this path."""
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        raise problem_of(error, shown) from error
