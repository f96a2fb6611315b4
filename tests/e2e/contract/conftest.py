"""Names for tests that are made from operations: otherwise all have one name, and of one name only one is run."""

import pytest
from schemathesis.pytest.plugin import SchemathesisFunction


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name each test after its operation, below the operation's tag: tags are shared out among processes."""
    for item in items:
        if isinstance(item, SchemathesisFunction) and item.parent is not None:
            tag = next(iter(item.operation_tags or ()), "other").replace(" ", "-")
            item._id = item.parent.id.child(tag).child(item.name)
