"""One network of one pod: the input of its plugins at ADD, and again, byte for byte, at DEL."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.attach import default_route
from netattach_core.cni import config as cni_config
from netattach_core.cni import ipam_recursion, meta_plugins
from netattach_core.cni import request as cni_request
from netattach_core.cni import result as cni_result
from netattach_core.cni.config import NetworkConfig, PluginConfig
from netattach_core.cni.request import CniRequest
from netattach_core.errors import AnnotationError, ConfigError, NetattachError
from netattach_core.net import names
from netattach_core.text import json_document
from netattach_core.text.finding import path_text


@dataclass(frozen=True)
class Attachment:
    """`network` is the name in network-status; `config_text` the author's bytes, `config_name` the name if they have none.

    `args` become CNI_ARGS, plugins get `runtime_config` by capability, and `cni_args` in args.cni. `result` is the last plugin's
    result, "" without one; `default_route` the requested gateways, None without a request; `resource` that of its device.
    `native` has the indices of the plugins that native drivers replaced on ADD.
    """

    network: str
    ifname: str
    config_text: str
    config_name: str
    default: bool = False
    args: Mapping[str, str] = field(default_factory=dict)
    runtime_config: Mapping[str, Any] = field(default_factory=dict)
    cni_args: Mapping[str, Any] = field(default_factory=dict)
    result: str = ""
    default_route: tuple[str, ...] | None = None
    resource: str = ""
    native: tuple[int, ...] = ()

    @cached_property
    def config(self) -> NetworkConfig:
        return cni_config.parse(self.config_text, self.config_name)


@dataclass(frozen=True, slots=True)
class Network:
    """A configuration found by name: a NAD's, or that of a `file` of the node.

    `resource` is the NAD's resourceName, `device` the device of this resource that it was assigned.
    """

    network: str
    config_text: str
    config_name: str
    file: str = ""
    resource: str = ""
    device: str = ""


def of_default_network(
    call: CniRequest, network: Network, selection: NetworkSelection | None = None
) -> Attachment:
    """The default network with the runtime's own runtimeConfig and the pod's requests for it. Raises NetattachError.

    Secondary networks do not get the former (Kubernetes Network Plumbing Working Group spec, section 7.5).
    """
    offered = {key: value for key, value in call.runtime_config.items() if key != cni_request.POD_ANNOTATIONS}
    attachment = Attachment(
        network=network.network,
        ifname=call.ifname,
        config_text=network.config_text,
        config_name=network.config_name,
        default=True,
        args=call.args,
        runtime_config=offered,
    )
    return _with_device(attachment if selection is None else _with_requests(attachment, selection), network)


def of_lease(network: str, ifname: str) -> Attachment:
    """An attachment of which only a lease of host-local is known. Its DEL releases the lease, by container id alone."""
    ipam = {"type": "host-local", "subnet": "192.0.2.0/24"}  # DEL requires a range and does not use it
    config = {"cniVersion": "1.0.0", "name": network, "type": "host-local", "ipam": ipam}
    return Attachment(network, ifname, json.dumps(config), network)


def host_local_leases(attachment: Attachment) -> tuple[tuple[str, str], ...]:
    """Network and address of each lease of host-local, according to its result; empty if its `dataDir` is not the default."""
    if not any(map(_uses_default_store, attachment.config.plugins)):
        return ()
    try:
        result = cni_result.parse(attachment.result or "{}", attachment.config.cni_version)
    except NetattachError:
        return ()
    return tuple((attachment.config.name, each.address.partition("/")[0]) for each in result.addresses)


@functools.lru_cache(maxsize=512)  # all pods of a node use the same few networks
def _uses_default_store(plugin: PluginConfig) -> bool:
    ipam = json_document.value(plugin.text).get("ipam")
    return isinstance(ipam, dict) and ipam.get("type") == "host-local" and not ipam.get("dataDir")


def decide(
    call: CniRequest,
    default: Network,
    secondary: Sequence[tuple[NetworkSelection, Network]],
    default_selection: NetworkSelection | None = None,
) -> tuple[Attachment, ...]:
    """All attachments of an ADD: the default network, then the secondary ones in their order.

    Nothing has been touched yet, so this reports everything that is known to fail. Raises NetattachError.
    """
    if default_selection is not None and default_selection.interface not in ("", call.ifname):
        raise AnnotationError(
            f"network {default_selection.full_name}: the runtime expects the default network's interface to be {call.ifname!r}; "
            f"remove `{default_selection.interface}`"
        )
    attachments = [of_default_network(call, default, default_selection)]
    for index, (selection, network) in enumerate(secondary, start=1):
        ifname = selection.interface or interface_name(index)
        attachments.append(_secondary(call, selection, network, ifname))
    _check_interface_names(attachments)
    default_route.check(default_routes(attachments))
    for each in attachments:
        _check_conf(each)
    return tuple(attachments)


def interface_name(index: int) -> str:
    """The name of the network at this position without a requested one; the default network is at 0."""
    return f"net{index}"


def _secondary(call: CniRequest, selection: NetworkSelection, network: Network, ifname: str) -> Attachment:
    attachment = Attachment(
        network=network.network,
        ifname=ifname,
        config_text=network.config_text,
        config_name=network.config_name,
        args=call.args,
    )
    return _with_device(_with_requests(attachment, selection), network)


def _with_device(attachment: Attachment, network: Network) -> Attachment:
    """Puts the device into each plugin's configuration, as Multus does, and into runtimeConfig; replaces the pod's own."""
    if not network.device:
        return attachment
    return dataclasses.replace(
        attachment,
        config_text=cni_config.with_device(attachment.config_text, network.device),
        runtime_config={**attachment.runtime_config, "deviceID": network.device},
        resource=network.resource,
    )


def _with_requests(attachment: Attachment, selection: NetworkSelection) -> Attachment:
    """With the pod's requests for this network. Raises NetattachError."""
    _check_conf(attachment)
    requested = _runtime_config(selection)
    if "portMappings" in requested:  # in addition to the pod's host ports
        offered = attachment.runtime_config.get("portMappings") or []
        requested["portMappings"] = [*offered, *requested["portMappings"]]
    runtime_config = {**attachment.runtime_config, **requested}
    return dataclasses.replace(
        attachment,
        args=_legacy_args(attachment, selection),
        runtime_config=runtime_config,
        cni_args=selection.cni_args,
        default_route=selection.default_route,
    )


def _runtime_config(selection: NetworkSelection) -> dict[str, Any]:
    """The pod's requests for this network, by the capability that a plugin has to declare to get them."""
    requested = {
        "ips": list(selection.ips),
        "mac": selection.mac,
        "infinibandGUID": selection.infiniband_guid,
        "portMappings": [dict(mapping) for mapping in selection.port_mappings],
        "bandwidth": dict(selection.bandwidth),
        "deviceID": selection.device_id,
    }
    return {key: value for key, value in requested.items() if value}


def _legacy_args(attachment: Attachment, selection: NetworkSelection) -> Mapping[str, str]:
    """CNI_ARGS with MAC and IP, as Multus has them: NADs without capabilities depend on it.

    IP only if no plugin has the capability `ips`: host-local reads one address from CNI_ARGS and fails on two.
    """
    args = dict(attachment.args)
    if selection.mac:
        args["MAC"] = selection.mac
    if selection.ips and "ips" not in attachment.config.capabilities:
        args["IP"] = ",".join(selection.ips)
    return args


def default_routes(attachments: Iterable[Attachment]) -> tuple[default_route.Request, ...]:
    """The requests for default routes, by network."""
    return tuple(
        default_route.Request(each.network, each.ifname, each.default_route)
        for each in attachments
        if each.default_route is not None
    )


def with_result(attachment: Attachment, result: str) -> Attachment:
    """The same attachment with the result of its ADD."""
    return dataclasses.replace(attachment, result=result)


def _check_interface_names(attachments: Iterable[Attachment]) -> None:
    """Each name has to be unique in the pod, and valid for the kernel."""
    seen: dict[str, str] = {}
    for each in attachments:
        problem = names.interface_problem(each.ifname)
        if problem:
            raise AnnotationError(f"network {each.network}: {problem}")
        if each.ifname in seen:
            raise AnnotationError(
                f"network {each.network}: interface {each.ifname!r} is {seen[each.ifname]}'s already; request another name"
            )
        seen[each.ifname] = each.network


def _check_conf(attachment: Attachment) -> None:
    """Raises ConfigError, with the network's name, for a configuration that must not run."""
    try:
        config = attachment.config
    except NetattachError as error:
        raise ConfigError(f"network {attachment.network}: {error.message}") from error
    if not names.is_cni_name(config.name):
        raise ConfigError(
            f"network {attachment.network}: the configuration's name {config.name!r} is not valid for CNI"
        )
    meta = meta_plugins.find_first(attachment.config_text)
    if meta:
        raise ConfigError(
            f"network {attachment.network}: its {path_text(meta[0])} is {meta[1]}, a meta-plugin, which no network may call; "
            "name another plugin"
        )
    recursion = ipam_recursion.find_first(attachment.config_text)
    if recursion:
        raise ConfigError(
            f"network {attachment.network}: its {path_text(recursion[0])} is {recursion[1]}, which is not an IPAM plugin "
            "and would run itself without end; name an IPAM plugin such as host-local"
        )
