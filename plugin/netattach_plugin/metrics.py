"""The daemon's Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from netattach_kube.program_metrics import ProgramMetrics

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240)
_PHASE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120)
_NETWORK_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120)
"""Seconds. Those of networks are few, since each network has them on each node."""

_NETWORKS = 50
"""Networks of a node with series of their own. Whoever may create networks chooses their names, and could create any number."""

OTHER = "other"
"""The label of all further networks; the name of one in a namespace has a slash."""


class Metrics(ProgramMetrics):
    """`observe` records each call, the port Timings its parts; gauges call their function when they are scraped."""

    def __init__(
        self,
        *,
        status_writes: Callable[[], int],
        ledger_entries: Callable[[], int],
        contested: Callable[[], bool],
        unmet_pods: Callable[[], int],
        calls_waiting: Callable[[], int],
        pending_deletes: Callable[[], int],
    ) -> None:
        super().__init__("daemon")
        self._calls = self._durations()
        self._phases = self._phase_durations()
        self._phase_of: dict[tuple[str, str], Histogram] = {}
        self._networks = _NetworkDurations(self.registry)
        for name, text, count in (
            (
                "netattach_pending_status_writes",
                "network-status annotations that are not written yet.",
                status_writes,
            ),
            ("netattach_ledger_entries", "Sandboxes in the ledger.", ledger_entries),
            (
                "netattach_cni_config_contested",
                "1 while another program keeps netattach's CNI config from being the first of the node.",
                contested,
            ),
            ("netattach_unmet_pods", "Running pods of this node that lack a network.", unmet_pods),
            (
                "netattach_cni_calls_waiting",
                "CNI calls that wait for a slot of the call queue.",
                calls_waiting,
            ),
            (
                "netattach_pending_deletes",
                "Sandboxes whose DEL the daemon repeats, since an ADD or DEL failed.",
                pending_deletes,
            ),
        ):
            Gauge(name, text, registry=self.registry).set_function(count)

        self._policy = Counter(
            "netattach_policy_denials",
            "What policy refused at ADD (mode enforce), or would have refused (warn, audit), by rule.",
            ["rule", "mode"],
            registry=self.registry,
        )

        self._losses = Counter(
            "netattach_cni_config_losses",
            "How often netattach's CNI config was found removed, renamed, replaced or preceded by another one.",
            registry=self.registry,
        )

    def _durations(self) -> Histogram:
        return Histogram(
            "netattach_cni_call_duration_seconds",
            "Duration of the container runtime's CNI calls.",
            ["command", "outcome"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def _phase_durations(self) -> Histogram:
        return Histogram(
            "netattach_cni_call_phase_duration_seconds",
            "Duration of the phases of CNI calls: queue, resolve, plan, plugin, driver, status. "
            "Programs and drivers of one call may run at the same time.",
            ["command", "phase"],
            buckets=_PHASE_BUCKETS,
            registry=self.registry,
        )

    def cni_config_lost(self) -> None:
        self._losses.inc()

    def policy_found(self, rule: str, mode: str) -> None:
        self._policy.labels(rule, mode).inc()

    def observe(self, command: str, succeeded: bool, seconds: float) -> None:  # noqa: FBT001  # the port's shape
        known = command if command in {"ADD", "DEL", "CHECK", "STATUS", "GC"} else "other"
        self._calls.labels(known, "success" if succeeded else "failure").observe(seconds)

    def phase(self, command: str, phase: str, seconds: float) -> None:
        """Both are names of ours, so their series are few; looking them up here costs a fraction of `labels`."""
        bound = self._phase_of.get((command, phase))
        if bound is None:
            bound = self._phase_of[command, phase] = self._phases.labels(command, phase)
        bound.observe(seconds)

    def network(self, command: str, network: str, seconds: float, *, succeeded: bool) -> None:
        self._networks.observe(command, network, "success" if succeeded else "failure", seconds)

    def forget_network(self, network: str) -> None:
        """Its NetworkAttachmentDefinition is gone."""
        self._networks.forget(network)


class _NetworkDurations:
    """The histogram by network, with at most `_NETWORKS` of them at a time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._histogram = Histogram(
            "netattach_network_call_duration_seconds",
            "From the start of a network's first plugin or driver to the end of its last one, by network; "
            f"a node has series of {_NETWORKS} networks, and `{OTHER}` for all further ones.",
            ["network", "command", "outcome"],
            buckets=_NETWORK_BUCKETS,
            registry=registry,
        )
        self._bound: dict[tuple[str, str, str], Histogram] = {}
        self._names: set[str] = set()

    def observe(self, command: str, network: str, outcome: str, seconds: float) -> None:
        key = (network if self._has(network, command) else OTHER, command, outcome)
        bound = self._bound.get(key)
        if bound is None:
            bound = self._bound[key] = self._histogram.labels(*key)
        bound.observe(seconds)

    def forget(self, network: str) -> None:
        if network in self._names:
            self._names.remove(network)
            self._bound = {key: each for key, each in self._bound.items() if key[0] != network}
            self._histogram.remove_by_labels({"network": network})

    def _has(self, network: str, command: str) -> bool:
        """Only an ADD makes room for a network: the DELs of one that is gone would keep it forever."""
        if network not in self._names and command == "ADD" and len(self._names) < _NETWORKS:
            self._names.add(network)
        return network in self._names
