#!/bin/sh
# Lambda runs this (AWS_LAMBDA_EXEC_WRAPPER) with the command of its managed Python runtime as arguments.
# The first of them is the interpreter; the streaming runtime takes the place of the rest.
# The managed runtime's directory holds boto3; the task's own packages come before it.
set -eu
root="${LAMBDA_TASK_ROOT:-/var/task}"
export PYTHONPATH="${root}:/opt/python:${LAMBDA_RUNTIME_DIR:-/var/runtime}${PYTHONPATH:+:${PYTHONPATH}}"
exec "$1" -m chalicelib.aws.stream_runtime
