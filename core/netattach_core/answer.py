"""What is said at the end of a call: the runtime's result, the pod's network-status, or why it failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from netattach_core import cni_result, network_status
from netattach_core.attachment import Attachment
from netattach_core.cni_call import CniCall
from netattach_core.errors import DelegateError, NetattachError
from netattach_core.plan import Step, Verb


def result(call: CniCall, default: Attachment) -> str:
    """The default network's result in the version of our own conf (C77); indices that lead nowhere are gone (C89)."""
    read = cni_result.parse(default.result or "{}", default.conf.cni_version)
    return cni_result.dump(read, call.cni_version)


def status(attachments: Iterable[Attachment]) -> str:
    """The text of network-status, the default network first."""
    entries: list[dict[str, Any]] = []
    for each in attachments:
        read = cni_result.parse(each.result or "{}", each.conf.cni_version)
        entries += network_status.entries(each.network, each.ifname, read, default=each.default)
    return network_status.text(entries)


def failure(
    call: CniCall,
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


def for_pod(call: CniCall, words: str) -> str:
    """The words with the pod at their front, as a reader of kubelet's events needs them."""
    return f"pod {call.pod}: {words}" if call.pod else f"sandbox {call.container_id}: {words}"


def _details(step: Step, error: NetattachError) -> str:
    code = error.delegate_code if isinstance(error, DelegateError) else 0
    words = [f"code {code}" if code else "", error.details]
    text = ", ".join(filter(None, words))
    return f"{step.plugin}: {text}" if text else ""
