"""One call on its way through the engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from netattach_core.attach import outcome
from netattach_core.cni.request import CniRequest
from netattach_core.errors import NetattachError
from netattach_plugin.ports import Shim


@dataclass(frozen=True, slots=True)
class CallContext:
    """What the runtime asks for, and the shim that runs plugins for the call, each for `plugin_deadline` seconds at most.

    `retried`: the daemon itself repeats the DEL of a sandbox, over the shim of another one, which is in another namespace.
    """

    request: CniRequest
    shim: Shim
    plugin_deadline: float
    retried: bool = False


@contextlib.contextmanager
def pod_in_errors(request: CniRequest) -> Iterator[None]:
    """Puts the pod in front of the message of each NetattachError: the one place that does so."""
    try:
        yield
    except NetattachError as error:
        error.message = outcome.for_pod(request, error.message)
        raise
