"""How kopf logs in to the API server, and kopf's settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import kopf

from netattach_kube.backoff import Backoff
from netattach_operator.settings import Settings

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_RECONNECT = 1.0

Login = Callable[[kopf.OperatorSettings], kopf.ConnectionInfo | None]
"""Called at the start, and again where the API server has refused the token."""


def login(settings: Settings) -> Login:
    """With the kubeconfig where there is one, else with the pod's service account."""

    def connect(kopf_settings: kopf.OperatorSettings) -> kopf.ConnectionInfo | None:
        if settings.kubeconfig:
            return kopf.login_with_kubeconfig(settings=kopf_settings)
        found = kopf.login_with_service_account(settings=kopf_settings)
        if found and settings.api_server:
            return dataclasses.replace(found, server=settings.api_server)
        return found

    return connect


def settings() -> kopf.OperatorSettings:
    """Each differs from its default, with which kopf would wait for ever, end, or write on objects."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.scanning.disabled = True
    made.persistence.finalizer = (
        "netattach.io/never-set"  # else it removes those of other operators made with kopf
    )
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 10
    made.networking.error_backoffs = _EndlessRetries()
    made.watching.server_timeout = 300
    made.watching.client_timeout = 330
    made.watching.connect_timeout = 10
    made.watching.inactivity_timeout = 90
    made.watching.reconnect_backoff = _RECONNECT
    made.watching.chunk_size = 200
    made.queueing.worker_limit = 32
    made.queueing.idle_timeout = (
        0.05  # a worker that waits for more events of its object counts towards the limit
    )
    made.queueing.exit_timeout = 0.5
    made.process.ultimate_exiting_timeout = None
    return made


class _EndlessRetries:
    """A new back-off for each request of kopf: an API server that is unreachable for a while must not end the operator."""

    def __iter__(self) -> Iterator[float]:
        return iter(Backoff(_FIRST_PAUSE, _LONGEST_PAUSE))
