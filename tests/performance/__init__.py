"""A benchmark of the server as its users meet it. Not a test: `make bench`, or `python -m tests.performance.bench`."""
