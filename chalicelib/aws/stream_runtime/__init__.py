"""A Lambda runtime that streams: the ASGI app's body chunks go to the client as they are sent.

The managed Python runtime answers in one piece only. The usual way around it is the Lambda Web Adapter: a
compiled layer from another account and a second HTTP server inside the function, with a hop between the two.
This package instead speaks the Runtime API itself and calls the ASGI app directly, so that nothing foreign is
deployed, nothing is parsed twice, and the tests run exactly what Lambda runs. Lambda starts it through
`AWS_LAMBDA_EXEC_WRAPPER`, in the place of the managed runtime's own loop.
"""
