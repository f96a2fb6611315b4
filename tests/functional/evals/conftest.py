"""The same workers as those of runs."""

from tests.functional.runs.conftest import make, model, rig

__all__ = ["make", "model", "rig"]
