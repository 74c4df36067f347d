"""What kopf does for us: it watches, and hands over what it sees.

Handlers of events only. All others make kopf write on the objects: annotations with its progress and with the last state that it
has handled, and finalizers, which outlive an uninstallation and then keep objects from being deleted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import kopf

from netattach_kube.resource import INVENTORIES, NADS, Resource
from netattach_operator.settings import Settings

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_RECONNECT = 1.0

Tell = Callable[[Resource, bool, dict[str, Any]], None]
"""The kind, whether the object is gone, the object."""

Login = Callable[[kopf.OperatorSettings], kopf.ConnectionInfo | None]


def registry(tell: Tell, login: Login) -> kopf.OperatorRegistry:
    """Without kopf's own logins, which would load the client library a second time."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    async def connect(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:
        return login(settings)

    @kopf.on.event(NADS.group, NADS.version, NADS.plural, registry=made)
    async def nad(event: kopf.RawEvent, **_: Any) -> None:
        tell(NADS, event["type"] == "DELETED", dict(event["object"]))

    @kopf.on.event(INVENTORIES.group, INVENTORIES.version, INVENTORIES.plural, registry=made)
    async def node_inventory(event: kopf.RawEvent, **_: Any) -> None:
        tell(INVENTORIES, event["type"] == "DELETED", dict(event["object"]))

    return made


def login(read: Settings) -> Login:
    """As the kubeconfig says where there is one, else as the pod's service account; asked again when its token is refused."""

    def connect(settings: kopf.OperatorSettings) -> kopf.ConnectionInfo | None:
        if read.kubeconfig:
            return kopf.login_with_kubeconfig(settings=settings)
        found = kopf.login_with_service_account(settings=settings)
        return dataclasses.replace(found, server=read.api_server) if found and read.api_server else found

    return connect


def settings() -> kopf.OperatorSettings:
    """Each where kopf's own would let it wait for ever, give up, or write."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    made.scanning.disabled = True
    made.persistence.finalizer = (
        "netattach.io/never-set"  # else it takes off those of other operators made with kopf
    )
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 10
    made.networking.error_backoffs = _Always()
    made.watching.server_timeout = 300
    made.watching.client_timeout = 330
    made.watching.connect_timeout = 10
    made.watching.inactivity_timeout = 90
    made.watching.reconnect_backoff = _RECONNECT
    made.watching.chunk_size = 200
    made.queueing.worker_limit = 32
    made.queueing.idle_timeout = (
        0.05  # a worker that waits for more of its object keeps its place among those
    )
    made.queueing.exit_timeout = 0.5
    made.process.ultimate_exiting_timeout = None
    return made


class _Always:
    """Pauses between tries, without an end: an API server that is away for a while is no reason to end."""

    def __iter__(self) -> Iterator[float]:
        pause = _FIRST_PAUSE
        while True:
            yield pause
            pause = min(2 * pause, _LONGEST_PAUSE)
