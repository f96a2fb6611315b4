"""Forks: a new session that goes on from a point of another one's log."""
