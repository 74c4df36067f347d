"""Finds running pods that lack a network: after a reboot, a time without netattach, or the loss of an interface.

Each look compares the running pods with the ledger and with their network namespaces. What one look alone sees may be a pod that
is just started or deleted; what two see is compared with the API, once, and then reported.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from netattach_core.api.fair_share import Rotation
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.node_state import UnmetPods, UnmetReason
from netattach_core.api.pod import PodRef
from netattach_core.attach import unmet_pods
from netattach_core.attach.attached_pods import AttachedPods, AttachedSandbox
from netattach_core.attach.unmet_pods import InNamespace, Unmet
from netattach_core.errors import NetattachError
from netattach_plugin.calls.multus_counts import MultusCounts
from netattach_plugin.cluster.running_pods import RunningPod, RunningPods
from netattach_plugin.netlink.namespace_links import NamespaceLinks
from netattach_plugin.ports import Events, Ledger
from netattach_plugin.state.multus_pods import MultusPods

_log = logging.getLogger(__name__)

_INTERVAL = 10.0
_RECHECK = 3.0
"""Seconds between looks: usually, and after one that has seen something new."""

_AT_ONCE = 16
_BREAK = 0.02
"""Namespaces that are looked into without a break, and its seconds: calls go on meanwhile."""

_MOST_ASKED = 20
"""Pods that the API is asked about after one look."""

Suspect = tuple[RunningPod, Unmet]


class UnmetSweep:
    """`report` gets the pods that lack networks whenever they change; `booted` is the time of the node's start.

    `attached` gets the pods that Multus attached, and `counted` is called where they change, and when they are known.
    """

    def __init__(  # noqa: PLR0913  # one collaborator each
        self,
        *,
        pods: RunningPods,
        attached: AttachedPods,
        ledger: Ledger,
        links: NamespaceLinks,
        multus: MultusPods,
        events: Events,
        selection: Callable[[], SelectionSettings],
        report: Callable[[UnmetPods], None],
        booted: float,
        counted: Callable[[], None] = lambda: None,
    ) -> None:
        self._pods = pods
        self._attached = attached
        self._ledger = ledger
        self._links = links
        self._multus = multus
        self._events = events
        self._selection = selection
        self._report = report
        self._booted = booted
        self._counts = MultusCounts(multus, pods, attached, counted)
        self._suspects: Mapping[PodRef, Unmet] = {}
        self._rotation: Rotation[PodRef] = Rotation(_MOST_ASKED, namespace=lambda ref: ref.namespace)
        self._outcomes: dict[tuple[PodRef, Unmet], Unmet | None] = {}
        self._unmet: Mapping[PodRef, Unmet] | None = None

    @property
    def count(self) -> int:
        """The pods that lack networks."""
        return len(self._unmet or ())

    async def run(self) -> None:
        """Looks once the pods are listed; most nodes have no pods of Multus, and know it before. Never returns."""
        await _survived(self._counts.update)
        await self._pods.synced.wait()
        while True:
            before = self._suspects
            await _survived(self.look)
            await asyncio.sleep(_INTERVAL if self._suspects.items() <= before.items() else _RECHECK)

    async def look(self) -> None:
        """Compares all pods once, and reports those that lack networks for the second time."""
        await self._counts.update()
        suspects = await self._compared()
        repeated = [(pod, unmet) for pod, unmet in suspects if self._suspects.get(pod.ref) == unmet]
        self._suspects = {pod.ref: unmet for pod, unmet in suspects}
        self._forget()
        await self._ask(repeated)
        found = {pod.ref: outcome for pod, unmet in suspects if (outcome := self._outcome(pod, unmet))}
        if found != self._unmet:
            before, self._unmet = self._unmet or {}, found
            self._report(unmet_pods.summary(found))
            for ref, unmet in found.items():
                if before.get(ref) != unmet:
                    self._events.missing(ref, unmet.message)

    async def _compared(self) -> list[Suspect]:
        found = await self._in_namespaces()
        settings = self._selection()
        suspects = []
        for pod in self._pods:
            asked = unmet_pods.wanted(pod.annotations, pod.ref.namespace, settings)
            unmet = unmet_pods.decide(asked, self._sandboxes(pod), found) if asked else None
            if unmet is not None:
                suspects.append((pod, unmet))
        return suspects

    async def _in_namespaces(self) -> dict[str, InNamespace]:
        sandboxes = tuple(self._attached)
        self._links.forget_all_but({each.container_id for each in sandboxes})
        found: dict[str, InNamespace] = {}
        for start in range(0, len(sandboxes), _AT_ONCE):
            found |= await asyncio.to_thread(self._links.look, sandboxes[start : start + _AT_ONCE])
            await asyncio.sleep(_BREAK)
        return found

    def _sandboxes(self, pod: RunningPod) -> Sequence[AttachedSandbox]:
        sandboxes = self._attached.of_pod((pod.ref.namespace, pod.ref.name))
        return [each for each in sandboxes if each.uid in ("", pod.runtime_uid)]

    def _outcome(self, pod: RunningPod, unmet: Unmet) -> Unmet | None:
        return self._outcomes.get((pod.ref, unmet))

    def _forget(self) -> None:
        """Of pods that are gone or have their networks."""
        kept = self._suspects.items()
        self._outcomes = {key: outcome for key, outcome in self._outcomes.items() if key in kept}

    async def _ask(self, suspects: Sequence[Suspect]) -> None:
        """What is undecided now, as for a pod whose containers do not run, is asked again after a later look.

        Pods that stay undecided, as those whose containers crash, delay no others for long, in however many namespaces they are.
        """
        unasked = {pod.ref: (pod, unmet) for pod, unmet in suspects if (pod.ref, unmet) not in self._outcomes}
        for ref in self._rotation.take(unasked.keys()):
            pod, unmet = unasked[ref]
            try:
                runs = await self._pods.in_pod_network(pod, self._booted)
            except NetattachError as error:
                _log.warning("whether pod %s lacks networks is not known: %s", pod.ref, error)
                continue
            if runs is None:
                self._outcomes[pod.ref, unmet] = None
            elif runs:
                self._outcomes[pod.ref, unmet] = await self._elsewhere(pod, unmet)

    async def _elsewhere(self, pod: RunningPod, unmet: Unmet) -> Unmet | None:
        """What a pod without an entry lacks, by what else is known of it: Multus or the shim alone may have attached it."""
        if unmet.reason is not UnmetReason.NOT_ATTACHED:
            return unmet
        asked = unmet_pods.wanted(pod.annotations, pod.ref.namespace, self._selection())
        ref = PodRef(pod.ref.namespace, pod.ref.name, pod.runtime_uid)
        by_multus = self._multus.sandboxes(ref)
        networks = by_multus[-1] if by_multus else None
        if networks is None and await self._is_in_ledger(ref):
            networks = ()
        return unmet if networks is None else unmet_pods.changed(asked, networks)

    async def _is_in_ledger(self, ref: PodRef) -> bool:
        """Whether it was attached to the default network alone, as its annotation asked for then."""
        async for sandbox in self._ledger.sandboxes(lambda *_: None):
            own = sandbox.pod
            if own and (own.namespace, own.name) == (ref.namespace, ref.name) and own.uid in ("", ref.uid):
                return True
        return False


async def _survived(step: Callable[[], Awaitable[None]]) -> None:
    try:
        await step()
    except Exception:  # noqa: BLE001  # it only reports; the daemon has to go on
        _log.exception("the pods of this node are not compared with their networks")
