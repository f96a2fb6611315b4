"""Isolation on this machine: what keeps a guest program and its commands apart from everything else."""
