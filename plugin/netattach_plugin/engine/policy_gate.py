"""Policy, asked again on the node: an ADD that the policy of its namespaces forbids is refused, in the words of the webhooks.

A network may have reached the cluster before the webhooks, while they were down, or under an older policy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_core import admission
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.api.pod import PodRef
from netattach_core.errors import PolicyError
from netattach_core.policy import devices, networks, requests
from netattach_core.policy.case import NOTHING_KNOWN, KnownDevices, PodCase, Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.policy.severities import MODES
from netattach_core.text import finding_line
from netattach_core.text.finding import Finding, Severity
from netattach_plugin.engine.network_resolver import SelectedNetworks
from netattach_plugin.ports import Devices, NodeSurroundings, Policies

_CACHED = 1024
"""Networks whose findings are kept; the pods of a node use far fewer."""

_SHORT = 2048
"""Characters of a configuration that is checked at once: a real one takes a millisecond, a hostile one ten."""

_MAX_REPORTED = 5
"""Findings in the error of an ADD; an Event has room for about as many."""


@dataclass(frozen=True, slots=True)
class _Checked:
    """The findings for a network, and what they were found for."""

    nad: Nad
    policy: NamespacePolicy
    around: Surroundings
    findings: Sequence[Finding]

    def holds_for(self, nad: Nad, policy: NamespacePolicy, around: Surroundings) -> bool:
        return self.around is around and self.nad == nad and self.policy == policy


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the node, and of the devices of its pods; they change with each pod, so no finding on them is cached."""

    around: Surroundings = NOTHING_KNOWN
    devices: KnownDevices | None = None


class PolicyGate:
    """A network is checked by the policy of its own namespace, what the pod requests of it by that of the pod's.

    `found` is called with rule and mode of each finding.
    """

    def __init__(
        self,
        policies: Policies,
        surroundings: NodeSurroundings,
        devices: Devices,
        found: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        self._policies = policies
        self._surroundings = surroundings
        self._devices = devices
        self._found = found
        self._checked: dict[Key, _Checked] = {}

    async def check(self, pod: PodRef, selected: SelectedNetworks) -> None:
        """Raises PolicyError, which has all that is refused. A pod that requests nothing costs nothing."""
        if not selected.requested:
            return
        policies = {
            each: await self._policies.of_namespace(each)
            for each in dict.fromkeys((pod.namespace, *(key[0] for key in selected.requested_nads)))
        }
        known = await self._known(pod, selected, policies.values())
        refused = [each async for each in self._network_denials(selected, policies, known)]
        refused += self._pod_denials(selected, policies[pod.namespace], known)
        if refused:
            raise PolicyError(_message(refused))

    async def _known(
        self, pod: PodRef, selected: SelectedNetworks, policies: Iterable[NamespacePolicy]
    ) -> _Known:
        """Where policy refuses nothing, the node need not be known yet; the kubelet is asked only where a device is named."""
        if all(each.strictest is Level.PRIVILEGED for each in policies):
            return _Known()
        named = any(each.device_id for each in selected.requested) or any(
            map(devices.names_device, selected.requested_nads.values())
        )
        return _Known(await self._surroundings.current(), await self._devices.known(pod) if named else None)

    async def _network_denials(
        self, selected: SelectedNetworks, policies: Mapping[str, NamespacePolicy], known: _Known
    ) -> AsyncIterator[str]:
        for nad in selected.requested_nads.values():
            policy = policies[nad.namespace]
            findings = [*await self._of_network(nad, policy, known.around)]
            findings += devices.of_other_pods(nad, policy, known.devices) if known.devices else ()
            for each in self._denials(findings):
                yield f"network {nad.full_name}: {finding_line.cut(finding_line.line(each, nad.config))}"

    def _pod_denials(
        self, selected: SelectedNetworks, policy: NamespacePolicy, known: _Known
    ) -> Iterator[str]:
        asked = selected.selection
        nads = selected.requested_nads
        case = PodCase(policy, asked.networks, asked.default, nads, known.around, known.devices)
        for each in self._denials(requests.check(case)):
            yield finding_line.cut(finding_line.line(each))

    def _denials(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        for each in findings:
            self._found(each.rule.id, MODES[each.effective_severity])
            if each.effective_severity is Severity.DENY:
                yield each

    async def _of_network(self, nad: Nad, policy: NamespacePolicy, around: Surroundings) -> Sequence[Finding]:
        key = (nad.namespace, nad.name)
        last = self._checked.get(key)
        if last is None or not last.holds_for(nad, policy, around):
            if len(self._checked) >= _CACHED:
                self._checked.clear()
            found = await _check(nad, policy, around)
            last = self._checked[key] = _Checked(nad, policy, around, found)
        return last.findings


async def _check(nad: Nad, policy: NamespacePolicy, around: Surroundings) -> Sequence[Finding]:
    """In a thread where that may take long, so that the calls of other pods go on."""
    if policy.strictest is Level.PRIVILEGED:
        return ()
    too_long = admission.config_too_long(nad.config)
    if too_long is not None:
        return (too_long,) if policy.enforce is not Level.PRIVILEGED else ()
    if len(nad.config) <= _SHORT:
        return networks.check(nad, policy, around)
    return await asyncio.to_thread(networks.check, nad, policy, around)


def _message(refused: Sequence[str]) -> str:
    count = len(refused) - _MAX_REPORTED
    more = [f"and {count} more; `netattach lint` reports all"] if count > 0 else []
    return f"policy refuses this: {'; '.join([*refused[:_MAX_REPORTED], *more])}"
