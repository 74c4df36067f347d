"""The outcome of a call: the runtime's result, the pod's network-status and Events, or the error."""

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
class AddOutcome:
    """Of a successful ADD: `result` for the runtime, `status` for the pod's annotation, `events` for the pod."""

    result: str
    status: str
    events: tuple[str, ...]


def of_add(
    request: CniRequest,
    attachments: Sequence[Attachment],
    device_infos: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    in_force: InForce = MappingProxyType({}),
) -> AddOutcome:
    """Result and network-status, the default network first.

    `device_infos` holds the device-info by interface name; `in_force` the pod's default routes, where they were read.

    The runtime gets the default network's result in the version of our own config. Raises NetattachError for a result that this
    version cannot express, such as one without addresses before 0.3.0.
    """
    results = [cni_result.parse(each.result or "{}", each.config.cni_version) for each in attachments]
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
    events = tuple(_event(each, result) for each, result in zip(attachments, results, strict=True))
    return AddOutcome(cni_result.dump(results[0], request.cni_version), network_status.text(entries), events)


def _event(attachment: Attachment, result: Result) -> str:
    """The text that Multus has, since people search for it."""
    addresses = " ".join(address.address for address in result.addresses)
    return f"Add {attachment.ifname} [{addresses}] from {attachment.network}"


def failure(
    verb: Verb, attachments: Sequence[Attachment], failures: Sequence[tuple[Step, NetattachError]]
) -> DelegateError:
    """All failures in one error: verb, network, interface and the plugin's message of each.

    The plugins' own codes go into the details: the code of the error is that of a failed delegate.
    """
    networks = {each.ifname: each.network for each in attachments}
    messages = [
        f"{verb} of network {networks[step.ifname]} ({step.ifname}): {error.message}"
        for step, error in failures
    ]
    details = [_details(step, error) for step, error in failures]
    return DelegateError("; ".join(messages), details="\n".join(filter(None, details)))


def for_pod(request: CniRequest, message: str) -> str:
    """The message with the pod in front, else the sandbox; unchanged for STATUS and GC, which concern the node."""
    if request.pod:
        return f"pod {request.pod}: {message}"
    return f"sandbox {request.container_id}: {message}" if request.container_id else message


def _details(step: Step, error: NetattachError) -> str:
    code = error.delegate_code if isinstance(error, DelegateError) else 0
    text = ", ".join(filter(None, [f"code {code}" if code else "", error.details]))
    return f"{step.plugin}: {text}" if text else ""
