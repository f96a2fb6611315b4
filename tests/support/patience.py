"""How long tests wait for what must come."""

PATIENCE = 60.0
"""Seconds: many times what it takes on a quiet machine, so that a busy one fails no test; what comes ends the wait."""
