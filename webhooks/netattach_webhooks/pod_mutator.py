"""Changes new pods, or warns how it would change them: node affinity and devices for their networks, as the settings say."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from netattach_core import admission
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Body
from netattach_core.mutation import device_requests, node_affinity, pod_networks
from netattach_core.mutation.json_patch import Operation
from netattach_kube.cluster_settings import ClusterSettings
from netattach_webhooks.cluster_cache import ClusterCache
from netattach_webhooks.metrics import Metrics, MutationOutcome
from netattach_webhooks.review import AdmissionRequest
from netattach_webhooks.threads import if_long, network_annotations, run_in

SCHEDULING, DEVICES = "scheduling", "deviceInjection"
"""The changes, by the name of their setting."""

_OFF, _ON = "off", "on"
"""Values of both settings."""


@dataclass(frozen=True, slots=True)
class MutationResult:
    """The operations of a JSON Patch, and warnings."""

    patch: Sequence[Operation] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Pod:
    """A new pod, its namespace, and the NADs of its attachments; a NAD that is attached twice is there twice."""

    body: Body
    namespace: str
    attached: Sequence[Nad]

    @property
    def networks(self) -> Sequence[Nad]:
        """Each once."""
        return list({(nad.namespace, nad.name): nad for nad in self.attached}.values())


class PodMutator:
    """With a thread of its own, for long annotations."""

    def __init__(self, cache: ClusterCache, metrics: Metrics) -> None:
        self._cache = cache
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(1, "mutation")

    def close(self) -> None:
        """Cancels all work that has not started."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def mutate(self, request: AdmissionRequest) -> MutationResult:
        """Raises NotSyncedError, whereupon the pod is admitted as it is."""
        settings = self._cache.cluster_settings()
        changes = {SCHEDULING: settings.scheduling.value, DEVICES: settings.device_injection.value}
        wanted = {name: mode for name, mode in changes.items() if mode != _OFF}
        if request.operation != "CREATE" or request.object is None or not wanted:
            return MutationResult()
        pod = await self._read(request, request.object, settings)
        results = {name: self._change(name, pod, mode) for name, mode in wanted.items()}
        for name, result in results.items():
            self._metrics.mutations.labels(name, _outcome(result).value).inc()
        return MutationResult(
            [each for result in results.values() for each in result.patch],
            [each for result in results.values() for each in result.warnings],
        )

    async def _read(self, request: AdmissionRequest, body: Body, settings: ClusterSettings) -> _Pod:
        threads = if_long(network_annotations(body), self._threads)
        selection = settings.validation.selection
        keys = await run_in(threads, pod_networks.of_pod, body, request.namespace, selection)
        lookup = await self._cache.look_up(list(dict.fromkeys(keys)))
        return _Pod(body, request.namespace, [lookup.found[key] for key in keys if key in lookup.found])

    def _change(self, name: str, pod: _Pod, mode: str) -> MutationResult:
        if not pod.attached:
            return MutationResult()
        if name == SCHEDULING:
            return self._schedule(pod, mode)
        return _request_devices(pod, mode)

    def _schedule(self, pod: _Pod, mode: str) -> MutationResult:
        """Warns only where the affinity would keep the pod off a node that there is now: in a healthy cluster it never does."""
        patch = node_affinity.patch(pod.body, node_affinity.expressions(pod.networks))
        if mode == _ON or not patch:
            return MutationResult(patch)
        ruled_out = self._cache.ruled_out(pod.networks)
        possible = admission.possible_nodes(pod.body, self._cache.nodes_by_name())
        reasons = admission.explained(ruled_out, possible, pod.namespace)
        problem = f"scheduling: on would keep this pod off nodes on which a network is not ready: {'; '.join(reasons)}"
        return MutationResult(warnings=[problem] if reasons else [])


def _request_devices(pod: _Pod, mode: str) -> MutationResult:
    change = device_requests.plan(pod.body, pod.attached)
    if mode == _ON or not change.operations:
        return MutationResult(change.operations, change.problems)
    devices = ", ".join(f"{resource}: {count}" for resource, count in change.added.items())
    problem = (
        f"deviceInjection: on would add {devices} to requests and limits of container {change.container!r}"
    )
    return MutationResult(warnings=[problem, *change.problems])


def _outcome(result: MutationResult) -> MutationOutcome:
    if result.patch:
        return MutationOutcome.ADDED
    return MutationOutcome.WARNED if result.warnings else MutationOutcome.UNCHANGED
