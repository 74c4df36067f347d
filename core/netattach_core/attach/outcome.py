"""What is said at the end of a call: the runtime's result, the pod's network-status, or why it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from netattach_core.attach import network_status, result_routes
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.default_route import InForce
from netattach_core.attach.plan import Step, Verb
from netattach_core.cni import result as cni_result
from netattach_core.cni.request import CniRequest
from netattach_core.cni.result import Result
from netattach_core.errors import DelegateError, NetattachError


@dataclass(frozen=True, slots=True)
class Told:
    """The end of an ADD: `result` for the runtime, `status` for the pod's annotation, `added` for its events."""

    result: str
    status: str
    added: tuple[str, ...]


def told(
    call: CniRequest,
    attachments: Sequence[Attachment],
    device_infos: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    in_force: InForce = MappingProxyType({}),
) -> Told:
    """Both texts, the default network first. Raises NetattachError where a result cannot be told (R4).

    `device_infos` holds, by interface name, what is known of the device behind it; `in_force` is where the pod's default routes
    lead, where that was looked up.

    The runtime gets the default network's result in the version of our own conf (C77), without indices that lead nowhere (C89).
    """
    results = [cni_result.parse(each.result or "{}", each.conf.cni_version) for each in attachments]
    entries = [
        entry
        for each, result in zip(attachments, results, strict=True)
        for entry in network_status.entries(
            each.network,
            each.ifname,
            result_routes.only_in_force(result, each.ifname, in_force),
            default=each.default,
            device_info=device_infos.get(each.ifname),
        )
    ]
    added = tuple(_added(each, result) for each, result in zip(attachments, results, strict=True))
    return Told(cni_result.dump(results[0], call.cni_version), network_status.text(entries), added)


def _added(attachment: Attachment, result: Result) -> str:
    """In Multus' words, which people search for."""
    addresses = " ".join(address.address for address in result.addresses)
    return f"Add {attachment.ifname} [{addresses}] from {attachment.network}"


def failure(
    call: CniRequest,
    verb: Verb,
    attachments: Sequence[Attachment],
    failures: Sequence[tuple[Step, NetattachError]],
) -> DelegateError:
    """All failures in one error: which pod, which network, what was tried, what the plugin said.

    The plugins' own codes go into the details, since ours has to say that a delegate failed.
    """
    networks = {each.ifname: each.network for each in attachments}
    said = [
        f"{verb} of network {networks[step.ifname]} ({step.ifname}): {error.message}"
        for step, error in failures
    ]
    details = [_details(step, error) for step, error in failures]
    return DelegateError(for_pod(call, "; ".join(said)), details="\n".join(filter(None, details)))


def for_pod(call: CniRequest, words: str) -> str:
    """The words with the pod at their front, as a reader of kubelet's events needs them."""
    return f"pod {call.pod}: {words}" if call.pod else f"sandbox {call.container_id}: {words}"


def _details(step: Step, error: NetattachError) -> str:
    code = error.delegate_code if isinstance(error, DelegateError) else 0
    words = [f"code {code}" if code else "", error.details]
    text = ", ".join(filter(None, words))
    return f"{step.plugin}: {text}" if text else ""
