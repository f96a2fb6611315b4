"""Which route answers a request: those that are only for requests of a kind go first."""

from collections.abc import Iterable, Mapping

from chalicelib.http.dispatch import Match, RouteTable
from chalicelib.http.endpoint import Endpoint
from chalicelib.http.route import Condition


class Selection:
    """The routes of all doors: a table for each condition on headers, and one for routes without a condition.

    Raises RouteClash and BadPath.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        grouped: dict[Condition | None, list[Endpoint]] = {None: []}
        for endpoint in endpoints:
            grouped.setdefault(endpoint.route.when, []).append(endpoint)
        self._usual: RouteTable[Endpoint] = RouteTable(grouped[None])
        self._special = [(when, RouteTable(group)) for when, group in grouped.items() if when is not None]

    def find(self, method: str, raw_path: str, headers: Mapping[str, str]) -> Match[Endpoint]:
        """The route for a method, a percent-encoded path and headers; conditions are tried in the order of the doors.

        A condition that holds for headers but has nothing for the path leaves the request to the next.
        """
        for when, table in self._special:
            if when(headers):
                found = table.find(method, raw_path)
                if found.entry is not None or found.allowed:
                    return found
        return self._usual.find(method, raw_path)
