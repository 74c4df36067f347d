"""One network of one pod: what its plugins are told at ADD, and again, byte for byte, at DEL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from netattach_core import cni_call, cni_config, names
from netattach_core.annotation import Selection
from netattach_core.cni_call import CniCall
from netattach_core.cni_config import NetworkConf
from netattach_core.errors import AnnotationError, ConfigError, NetattachError


@dataclass(frozen=True)
class Attachment:
    """`network` is the name in network-status; `conf_text` the author's bytes, `conf_name` the name where they give none.

    `args` become CNI_ARGS, `runtime_config` is offered by capability, `cni_args` go into each plugin's args.cni. `result`
    is the last plugin's answer, "" until there is one.
    """

    network: str
    ifname: str
    conf_text: str
    conf_name: str
    default: bool = False
    args: Mapping[str, str] = field(default_factory=dict)
    runtime_config: Mapping[str, Any] = field(default_factory=dict)
    cni_args: Mapping[str, Any] = field(default_factory=dict)
    result: str = ""

    @cached_property
    def conf(self) -> NetworkConf:
        return cni_config.parse(self.conf_text, self.conf_name)


@dataclass(frozen=True, slots=True)
class Network:
    """A configuration that was found for a name: a NAD's, or a file of the node (then `file` says which)."""

    network: str
    conf_text: str
    conf_name: str
    file: str = ""


def primary(call: CniCall, network: Network) -> Attachment:
    """The default network: it alone gets what the runtime itself offers (S107)."""
    offered = {key: value for key, value in call.runtime_config.items() if key != cni_call.POD_ANNOTATIONS}
    return Attachment(
        network=network.network,
        ifname=call.ifname,
        conf_text=network.conf_text,
        conf_name=network.conf_name,
        default=True,
        args=call.args,
        runtime_config=offered,
    )


def decide(
    call: CniCall,
    default: Network,
    selections: Sequence[Selection],
    networks: Mapping[str, Network],
) -> tuple[Attachment, ...]:
    """All attachments of an ADD: the default network, then the annotation's in their order (S17, S99).

    `networks` holds what was found for each selection's full name. Nothing has been touched yet, so this is where all that
    can be known to fail does. Raises NetattachError.
    """
    attachments = [primary(call, default)]
    for index, selection in enumerate(selections, start=1):
        ifname = selection.interface or f"net{index}"
        attachments.append(_secondary(call, selection, networks[selection.full_name], ifname))
    _check_interface_names(attachments)
    for each in attachments:
        _check_conf(each)
    return tuple(attachments)


def _secondary(call: CniCall, selection: Selection, network: Network, ifname: str) -> Attachment:
    if selection.default_route is not None:
        raise AnnotationError(
            f"network {selection.full_name}: `default-route` is not carried out by this version; remove the key, "
            "so that the pod does not run with another default route than it asked for"
        )
    attachment = Attachment(
        network=network.network,
        ifname=ifname,
        conf_text=network.conf_text,
        conf_name=network.conf_name,
        args=call.args,
        runtime_config=_runtime_config(selection),
        cni_args=selection.cni_args,
    )
    _check_conf(attachment)
    return _with_legacy_args(attachment, selection)


def _runtime_config(selection: Selection) -> dict[str, Any]:
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


def _with_legacy_args(attachment: Attachment, selection: Selection) -> Attachment:
    """MAC and IP in CNI_ARGS too, as Multus sends them: NADs without capabilities rely on it (npwg-spec T1).

    IP only where no plugin takes `ips` by capability: host-local reads one address there and fails on two (T2).
    """
    args = dict(attachment.args)
    if selection.mac:
        args["MAC"] = selection.mac
    if selection.ips and "ips" not in attachment.conf.capabilities:
        args["IP"] = ",".join(selection.ips)
    return dataclasses.replace(attachment, args=args)


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
