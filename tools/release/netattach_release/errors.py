"""Why there is no release."""


class ReleaseError(Exception):
    """What is wrong, and how to fix it."""
