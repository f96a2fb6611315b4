"""The id of a request, on its answer, its error envelope and its log lines."""

import os


def new_request_id() -> str:
    """``req_`` and 32 hexadecimal digits."""
    return "req_" + os.urandom(16).hex()


def request_id_headers(request_id: str) -> list[tuple[bytes, bytes]]:
    """Both spellings clients look for."""
    value = request_id.encode()
    return [(b"request-id", value), (b"x-request-id", value)]
