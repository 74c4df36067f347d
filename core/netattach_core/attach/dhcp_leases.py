"""The DHCP leases of the pods in the ledger.

The dhcp plugin's daemon keeps its leases in memory alone (plugins/ipam/dhcp/daemon.go). After its restart nothing renews them and
DEL releases nothing, unless each is requested again: with the same client id, so the server gives the same address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni import config as cni_config
from netattach_core.cni import plugin_aliases
from netattach_core.cni import request as cni_request
from netattach_core.cni import result as cni_result
from netattach_core.cni.config import PluginConfig
from netattach_core.errors import NetattachError
from netattach_core.text import json_document


@dataclass(frozen=True, slots=True)
class Lease:
    """The plugin's input for requesting it again; `addresses` are those that the interface got, with prefix length."""

    network: str
    stdin: str
    environment: Mapping[str, str]
    addresses: tuple[str, ...]


def held(sandbox: Sandbox) -> Iterator[Lease]:
    """The leases of an attached sandbox; leaves out networks with a dhcp daemon of their own."""
    if sandbox.phase is not Phase.ADDED:
        return
    for each in sandbox.attachments:
        for plugin in each.config.plugins:
            if _uses_node_daemon(plugin):
                yield _lease(sandbox, each, plugin)


def _uses_node_daemon(plugin: PluginConfig) -> bool:
    ipam = json_document.value(plugin.text).get("ipam")
    return (
        isinstance(ipam, dict)
        and ipam.get("type") == plugin_aliases.DHCP_TYPE
        and ipam.get("daemonSocketPath") in (None, "", plugin_aliases.DHCP_SOCKET)
    )


def _lease(sandbox: Sandbox, attachment: Attachment, plugin: PluginConfig) -> Lease:
    stdin = cni_config.plugin_stdin(attachment.config, plugin, attachment.runtime_config, attachment.cni_args)
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": sandbox.container_id,
        "CNI_NETNS": sandbox.netns,
        "CNI_IFNAME": attachment.ifname,
        "CNI_ARGS": cni_request.args_text(attachment.args),
    }
    return Lease(
        attachment.network, stdin, environment, _addresses(attachment.result, attachment.config.cni_version)
    )


def _addresses(result: str, version: str) -> tuple[str, ...]:
    try:
        return tuple(each.address for each in cni_result.parse(result or "{}", version).addresses)
    except NetattachError:
        return ()


def problem(lease: Lease, answer: str) -> str | None:
    """What is wrong with the plugin's answer to a repeated request; None if the pod keeps its addresses."""
    given = _addresses(answer, "")
    if not given:
        return f"the dhcp plugin answered {answer[:200]!r}"
    lost = [each for each in given if each not in lease.addresses]
    return f"the server now gives {lost[0]}; the pod has {', '.join(lease.addresses)}" if lost else None
