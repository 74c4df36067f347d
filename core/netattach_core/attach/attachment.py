"""One network of one pod: what its plugins are told at ADD, and again, byte for byte, at DEL."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.attach import default_route
from netattach_core.cni import config as cni_config
from netattach_core.cni import meta_plugins
from netattach_core.cni import request as cni_request
from netattach_core.cni import result as cni_result
from netattach_core.cni.config import NetworkConfig
from netattach_core.cni.request import CniRequest
from netattach_core.errors import AnnotationError, ConfigError, NetattachError
from netattach_core.net import names
from netattach_core.text import json_document
from netattach_core.text.finding import path_text


@dataclass(frozen=True)
class Attachment:
    """`network` is the name in network-status; `config_text` the author's bytes, `config_name` the name where they give none.

    `args` become CNI_ARGS, `runtime_config` is offered by capability, `cni_args` go into each plugin's args.cni. `result`
    is the last plugin's answer, "" until there is one; `default_route` the gateways asked for, None where nobody asked;
    `resource` the one whose device it has.
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

    @cached_property
    def conf(self) -> NetworkConfig:
        return cni_config.parse(self.config_text, self.config_name)


@dataclass(frozen=True, slots=True)
class Network:
    """A configuration that was found for a name: a NAD's, or a file of the node (then `file` says which).

    `resource` is the NAD's resourceName, `device` the one of the pod's devices that it was assigned of that.
    """

    network: str
    config_text: str
    config_name: str
    file: str = ""
    resource: str = ""
    device: str = ""


def primary(call: CniRequest, network: Network, asked: NetworkSelection | None = None) -> Attachment:
    """The default network: it alone gets what the runtime itself offers (S107), and what the pod asks of it.

    Raises NetattachError.
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
    return _with_device(attachment if asked is None else _with_asked(attachment, asked), network)


def lease(network: str, ifname: str) -> Attachment:
    """A lease of host-local that nothing else is known of. Its own DEL frees it, by the sandbox and whatever the range."""
    ipam = {"type": "host-local", "subnet": "192.0.2.0/24"}  # it wants some range, and looks at none
    conf = {"cniVersion": "1.0.0", "name": network, "type": "host-local", "ipam": ipam}
    return Attachment(network, ifname, json.dumps(conf), network)


def leased(attachment: Attachment) -> tuple[tuple[str, str], ...]:
    """What host-local has noted for it, as its result tells: network and address. Nothing where it keeps its store elsewhere."""
    ipams = [json_document.value(plugin.text).get("ipam") for plugin in attachment.conf.plugins]
    if not any(isinstance(each, dict) and _is_in_usual_store(each) for each in ipams):
        return ()
    try:
        result = cni_result.parse(attachment.result or "{}", attachment.conf.cni_version)
    except NetattachError:
        return ()
    return tuple((attachment.conf.name, each.address.partition("/")[0]) for each in result.addresses)


def _is_in_usual_store(ipam: Mapping[str, Any]) -> bool:
    return ipam.get("type") == "host-local" and not ipam.get("dataDir")


def decide(
    call: CniRequest,
    default: Network,
    others: Sequence[tuple[NetworkSelection, Network]],
    asked_of_default: NetworkSelection | None = None,
) -> tuple[Attachment, ...]:
    """All attachments of an ADD: the default network, then the others in their order (S17, S99), each with what was found for it.

    Nothing has been touched yet, so this is where all that can be known to fail does. Raises NetattachError.
    """
    if asked_of_default is not None and asked_of_default.interface not in ("", call.ifname):
        raise AnnotationError(
            f"network {asked_of_default.full_name}: the runtime looks for the default network's interface as {call.ifname!r}; "
            f"remove `{asked_of_default.interface}`"
        )
    attachments = [primary(call, default, asked_of_default)]
    for index, (selection, network) in enumerate(others, start=1):
        ifname = selection.interface or interface_name(index)
        attachments.append(_secondary(call, selection, network, ifname))
    _check_interface_names(attachments)
    default_route.check(default_routes(attachments))
    for each in attachments:
        _check_conf(each)
    return tuple(attachments)


def interface_name(index: int) -> str:
    """What the network at this place gets where no name is asked for; the default network is at 0."""
    return f"net{index}"


def _secondary(call: CniRequest, selection: NetworkSelection, network: Network, ifname: str) -> Attachment:
    attachment = Attachment(
        network=network.network,
        ifname=ifname,
        config_text=network.config_text,
        config_name=network.config_name,
        args=call.args,
    )
    return _with_device(_with_asked(attachment, selection), network)


def _with_device(attachment: Attachment, network: Network) -> Attachment:
    """The device in each plugin's configuration, as Multus puts it there, and by capability; before one that the pod names."""
    if not network.device:
        return attachment
    return dataclasses.replace(
        attachment,
        config_text=cni_config.with_device(attachment.config_text, network.device),
        runtime_config={**attachment.runtime_config, "deviceID": network.device},
        resource=network.resource,
    )


def _with_asked(attachment: Attachment, selection: NetworkSelection) -> Attachment:
    """With all that the pod asks of this network. Raises NetattachError."""
    _check_conf(attachment)
    asked = _runtime_config(selection)
    if "portMappings" in asked:  # the pod's own host ports stay
        offered = attachment.runtime_config.get("portMappings") or []
        asked["portMappings"] = [*offered, *asked["portMappings"]]
    runtime_config = {**attachment.runtime_config, **asked}
    attachment = dataclasses.replace(
        attachment,
        runtime_config=runtime_config,
        cni_args=selection.cni_args,
        default_route=selection.default_route,
    )
    return _with_legacy_args(attachment, selection)


def _runtime_config(selection: NetworkSelection) -> dict[str, Any]:
    """What the pod asks of this network, under the capability that each plugin has to declare to get it."""
    asked = {
        "ips": list(selection.ips),
        "mac": selection.mac,
        "infinibandGUID": selection.infiniband_guid,
        "portMappings": [dict(mapping) for mapping in selection.port_mappings],
        "bandwidth": dict(selection.bandwidth),
        "deviceID": selection.device_id,
    }
    return {key: value for key, value in asked.items() if value}


def _with_legacy_args(attachment: Attachment, selection: NetworkSelection) -> Attachment:
    """MAC and IP in CNI_ARGS too, as Multus sends them: NADs without capabilities rely on it (npwg-spec T1).

    IP only where no plugin takes `ips` by capability: host-local reads one address there and fails on two (T2).
    """
    args = dict(attachment.args)
    if selection.mac:
        args["MAC"] = selection.mac
    if selection.ips and "ips" not in attachment.conf.capabilities:
        args["IP"] = ",".join(selection.ips)
    return dataclasses.replace(attachment, args=args)


def default_routes(attachments: Iterable[Attachment]) -> tuple[default_route.Asked, ...]:
    """What is asked of the pod's default routes, network by network."""
    return tuple(
        default_route.Asked(each.network, each.ifname, each.default_route)
        for each in attachments
        if each.default_route is not None
    )


def with_result(attachment: Attachment, result: str) -> Attachment:
    """The same attachment, carried out."""
    return dataclasses.replace(attachment, result=result)


def _check_interface_names(attachments: Iterable[Attachment]) -> None:
    """Each name once (S34), and one that the kernel takes."""
    seen: dict[str, str] = {}
    for each in attachments:
        problem = names.interface_problem(each.ifname)
        if problem:
            raise AnnotationError(f"network {each.network}: {problem}")
        if each.ifname in seen:
            raise AnnotationError(
                f"network {each.network}: interface {each.ifname!r} is {seen[each.ifname]}'s already; ask for another name"
            )
        seen[each.ifname] = each.network


def _check_conf(attachment: Attachment) -> None:
    """Reads the configuration, so that a broken one fails with the network's name before anything is touched."""
    try:
        conf = attachment.conf
    except NetattachError as error:
        raise ConfigError(f"network {attachment.network}: {error.message}") from error
    if not names.is_cni_name(conf.name):
        raise ConfigError(
            f"network {attachment.network}: the configuration's name {conf.name!r} is none that CNI takes"
        )
    meta = meta_plugins.find_first(attachment.config_text)
    if meta:
        raise ConfigError(
            f"network {attachment.network}: its {path_text(meta[0])} is {meta[1]}, which attaches networks itself: "
            "no network leads back to it; name another plugin"
        )
