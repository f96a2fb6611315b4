"""The sandbox of a session: what it is given, how its tools reach it, and what comes out of it."""
