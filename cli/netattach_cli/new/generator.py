"""A new NAD as an author would write it: the CNI config, and comments that explain each default."""

from __future__ import annotations

import ipaddress
import json
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from netattach_cli.new import defaults
from netattach_cli.new.defaults import Choice, GenerationError, Nodes
from netattach_core.api.nad import API_VERSION, KIND
from netattach_core.net import names
from netattach_core.plugins import main_plugin
from netattach_core.plugins.plugin import Ipam

TYPES = ("macvlan", "ipvlan", "bridge", "vlan", "host-device", "ptp", "tap", "dummy")
IPAMS = ("host-local", "static", "dhcp", "whereabouts", "none")

_LINK_KEYS = {
    "macvlan": "master",
    "ipvlan": "master",
    "vlan": "master",
    "host-device": "device",
    "bridge": "bridge",
}
_MODES = {"macvlan": "bridge", "ipvlan": "l2"}
_VLAN_KEYS = {"vlan": "vlanId", "bridge": "vlan"}
_GIVEN = "as given"
_NOT_IN_NAMES = re.compile(r"[^a-z0-9.-]+|[.-](?=[.-])")


@dataclass(frozen=True, slots=True)
class Options:
    """What the author asks for; empty, or 0, where a default is wanted."""

    type: str
    name: str = ""
    namespace: str = ""
    master: str = ""
    ipam: str = ""
    subnet: str = ""
    vlan: int = 0


@dataclass(slots=True)
class GeneratedNad:
    """A NAD with its comments."""

    name: str
    namespace: str
    config: dict[str, Any]
    comments: list[str] = field(default_factory=list)

    @property
    def body(self) -> dict[str, Any]:
        """The object as the validator takes it."""
        return {"kind": KIND, "metadata": self._metadata, "spec": {"config": self._text}}

    def text(self) -> str:
        """The object as YAML, with the comments above it."""
        metadata = "".join(f"  {key}: {_scalar(value)}\n" for key, value in self._metadata.items())
        comments = "".join(f"# {' '.join(comment.split())}\n" for comment in self.comments)
        config = textwrap.indent(self._text, "    ")
        head = f"apiVersion: {API_VERSION}\nkind: {KIND}\nmetadata:\n{metadata}spec:\n  config: |\n"
        return f"{comments}{head}{config}\n"

    @property
    def _metadata(self) -> dict[str, str]:
        return {"name": self.name, **({"namespace": self.namespace} if self.namespace else {})}

    @property
    def _text(self) -> str:
        return json.dumps(self.config, indent=2)


def generate(options: Options, nodes: Nodes) -> GeneratedNad:
    """The NAD that the options describe, with defaults that fit the nodes for all else. Raises GenerationError."""
    link = _link(options, nodes)
    name = options.name or _name(options.type, link.value)
    _check_names(name, options.namespace)
    ipam = Choice(options.ipam, _GIVEN) if options.ipam else defaults.ipam(options.type, nodes)
    plugin = main_plugin(options.type)
    if ipam.value == "none" and plugin and plugin.ipam is Ipam.REQUIRED:
        raise GenerationError(f"{options.type} fails without addresses: choose another --ipam than none")
    binaries = [options.type, *([ipam.value] if ipam.value != "none" else [])]
    version = defaults.version(binaries, nodes)
    config = {"cniVersion": version.value, "name": name, "type": options.type, **_plugin_keys(options, link)}
    nad = GeneratedNad(name, options.namespace, config)
    if link.value:
        nad.comments.append(f"{_LINK_KEYS[options.type]} {link.value}: {link.reason}")
    nad.comments.append(f"ipam {ipam.value}: {ipam.reason}")
    if ipam.value in _SET_IPAM:
        subnet = _subnet(options, name, nodes)
        nad.comments.append(f"subnet {subnet.value}: {subnet.reason}")
        _SET_IPAM[ipam.value](nad, subnet.value)
    elif options.subnet:
        raise GenerationError(f"--ipam {ipam.value} takes no subnet: leave --subnet out")
    elif ipam.value == "dhcp":
        config["ipam"] = {"type": "dhcp"}
    nad.comments.append(f"cniVersion {version.value}: {version.reason}")
    return nad


def _link(options: Options, nodes: Nodes) -> Choice:
    if options.type not in _LINK_KEYS:
        if options.master:
            raise GenerationError(f"{options.type} uses no interface of the node: leave --master out")
        return Choice("", "")
    if options.master:
        return Choice(options.master, _GIVEN)
    return defaults.bridge(nodes) if options.type == "bridge" else defaults.interface(options.type, nodes)


def _plugin_keys(options: Options, link: Choice) -> dict[str, Any]:
    keys: dict[str, Any] = {_LINK_KEYS[options.type]: link.value} if link.value else {}
    if options.type in _MODES:
        keys["mode"] = _MODES[options.type]
    if options.type == "vlan" and not options.vlan:
        raise GenerationError("the VLAN has no default: give its ID with --vlan")
    if options.vlan:
        if options.type not in _VLAN_KEYS:
            raise GenerationError(
                f"{options.type} has no VLAN option: leave --vlan out, or choose vlan or bridge"
            )
        keys[_VLAN_KEYS[options.type]] = options.vlan
    return keys


def _subnet(options: Options, name: str, nodes: Nodes) -> Choice:
    if not options.subnet:
        return defaults.subnet(name, nodes)
    try:
        return Choice(str(ipaddress.ip_network(options.subnet)), _GIVEN)
    except ValueError as error:
        raise GenerationError(f"--subnet: {error}") from error


def _host_local(nad: GeneratedNad, subnet: str) -> None:
    nad.config["ipam"] = {"type": "host-local", "subnet": subnet}


def _whereabouts(nad: GeneratedNad, subnet: str) -> None:
    nad.config["ipam"] = {"type": "whereabouts", "range": subnet}


def _static(nad: GeneratedNad, subnet: str) -> None:
    """Each pod asks for its own address. For ptp the NAD has it: ptp fails without a gateway, and a pod cannot ask for one."""
    network = ipaddress.ip_network(subnet)
    gateway, first = _host(network, 1), _host(network, 2)
    if nad.config["type"] == "ptp":
        address = {"address": f"{first}/{network.prefixlen}", "gateway": gateway}
        nad.config["ipam"] = {"type": "static", "addresses": [address]}
        nad.comments.append("the address is for a single pod")
        return
    nad.config["capabilities"] = {"ips": True}
    nad.config["ipam"] = {"type": "static"}
    element = json.dumps([{"name": nad.name, "ips": [f"{first}/{network.prefixlen}"]}])
    nad.comments.append(f"annotation of a pod: k8s.v1.cni.cncf.io/networks: '{element}'")


_SET_IPAM: dict[str, Callable[[GeneratedNad, str], None]] = {
    "host-local": _host_local,
    "whereabouts": _whereabouts,
    "static": _static,
}


def _host(network: defaults.Network, number: int) -> str:
    if network.num_addresses < 4:
        raise GenerationError(f"--subnet {network} is too small for a pod")
    return str(network[number])


def _name(kind: str, link: str) -> str:
    """Such as macvlan-eth1. Characters of the interface's name that an object's name must not have become dashes."""
    wanted = "-".join(part for part in (kind, _NOT_IN_NAMES.sub("-", link.lower()).strip(".-")) if part)
    return wanted if names.is_object_name(wanted) else kind


def _check_names(name: str, namespace: str) -> None:
    if not names.is_object_name(name):
        raise GenerationError(f"--name {name!r} is not a valid object name")
    if namespace and not names.is_label(namespace):
        raise GenerationError(f"--namespace {namespace!r} is not a valid namespace name")


def _scalar(text: str) -> str:
    """The name as a YAML scalar: a name such as 10 or null needs quotes to be a string."""
    return text if yaml.safe_load(text) == text else json.dumps(text)
