"""Why something of a cluster cannot be read."""

from __future__ import annotations


class ClusterError(Exception):
    """Nothing can be read: no kubectl, no kubeconfig, no API server, or credentials that it does not accept."""


class RequestError(Exception):
    """One request has failed; others may succeed."""


class ForbiddenError(RequestError):
    """The user has no right to it."""


class AbsentError(RequestError):
    """There is no such object, or the cluster has no such kind of objects."""
