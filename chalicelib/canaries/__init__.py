"""Trials of an agent's version: a share of its new sessions gets it, and what becomes of them is counted."""
