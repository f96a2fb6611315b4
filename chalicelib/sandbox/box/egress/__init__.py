"""The one way out of a box: which hosts it may reach, and secrets that are put in outside of it."""
