"""The program that runs inside a sandbox: files and processes over HTTP, with the standard library alone."""
