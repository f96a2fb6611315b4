"""Bundles: whole sessions as archives, written out of one tenant and read into another, or the same, or elsewhere."""
