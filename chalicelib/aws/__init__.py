"""The edge that exists only in Lambda: events in, the one ASGI app or one service call, answers out."""
