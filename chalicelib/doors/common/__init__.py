"""Probes, documentation, and answers for paths that belong to no family."""

from chalicelib.doors.common.render import render_error
from chalicelib.doors.common.routes import ROUTES
from chalicelib.doors.common.schemas import ErrorEnvelope
from chalicelib.http.route import Door

DOOR = Door("common", ROUTES, render_error, error_model=ErrorEnvelope)
