"""What can go wrong between this machine and a box. Tenants are shown nothing but NoIsolation."""


class BoxError(Exception):
    """The base of all of them; the text is for the operator."""


class NoIsolation(BoxError):
    """This machine, as it is set up, cannot give the isolation that was asked for; whoever wants a box is told why."""


class StartFailed(BoxError):
    """One box did not come up."""
