"""One call on its way through the engine."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field

from netattach_core.attach import outcome
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni.request import CniRequest
from netattach_core.errors import NetattachError
from netattach_plugin.call_ports import Shim
from netattach_plugin.engine.call_recorder import CallRecorder


@dataclass(frozen=True, slots=True)
class CallContext:
    """What the runtime asks for, and the shim that runs plugins for the call, each for `plugin_deadline` seconds at most.

    `skip_idle`: plugins that have nothing to do are not started; for a DEL only if what its ADD had to do is known.
    `native`: the plugins that native drivers may replace.
    `retried`: the daemon itself repeats the DEL of a sandbox, over the shim of another one, which is in another namespace.
    `recorder`: what an ADD took, for its Event and the metrics.
    """

    request: CniRequest
    shim: Shim
    plugin_deadline: float
    skip_idle: bool = False
    native: frozenset[str] = frozenset()
    retried: bool = False
    recorder: CallRecorder = field(default_factory=CallRecorder)

    def for_entry(self, sandbox: Sandbox | None) -> CallContext:
        """The context of the DEL of what the ledger has, None for nothing.

        An entry in DELETING may have been made from a cache, or from what the pod selects now: what the ADD had to do is unknown.
        """
        known = sandbox is not None and sandbox.phase is not Phase.DELETING
        return dataclasses.replace(self, skip_idle=self.skip_idle and known)


@contextlib.contextmanager
def pod_in_errors(request: CniRequest) -> Iterator[None]:
    """Puts the pod in front of the message of each NetattachError: the one place that does so."""
    try:
        yield
    except NetattachError as error:
        error.message = outcome.for_pod(request, error.message)
        raise
