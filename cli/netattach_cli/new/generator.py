"""A new NAD as an author would write it: the CNI config, and comments that explain each default."""

from __future__ import annotations

import ipaddress
import json
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

import yaml

from netattach_cli.new import defaults, ipam
from netattach_cli.new.defaults import Choice, Nodes, OptionsError
from netattach_core.api.nad import API_VERSION, KIND, RESOURCE_NAME
from netattach_core.net import names
from netattach_core.plugins import main_plugin
from netattach_core.plugins.plugin import Ipam

TYPES = (
    *("macvlan", "ipvlan", "bridge", "vlan", "host-device", "ptp", "tap", "dummy"),
    *("sriov", "ib-sriov", "ovs", "bond"),
)

_LINK_KEYS = {
    "macvlan": "master",
    "ipvlan": "master",
    "vlan": "master",
    "host-device": "device",
    "bridge": "bridge",
    "ovs": "bridge",
}
_MODES = {"macvlan": "bridge", "ipvlan": "l2"}
_VLAN_KEYS = {"vlan": "vlanId", "bridge": "vlan", "sriov": "vlan", "ovs": "vlan"}
_OF_DEVICE_PLUGINS = ("sriov", "ib-sriov")
_LINKS = ("net1", "net2")
"""The interfaces of the first two networks that a pod requests."""

_BOND = {"mode": "active-backup", "miimon": "100", "failOverMac": 1, "linksInContainer": True}
_GIVEN = "as given"
_RESOURCE = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9.-]+|[.-](?=[.-])")


@dataclass(frozen=True, slots=True)
class Options:
    """What the author asks for; empty, or 0, where a default is wanted."""

    type: str
    name: str = ""
    namespace: str = ""
    master: str = ""
    ipam: str = ""
    subnets: tuple[str, ...] = ()
    vlan: int = 0
    mtu: int = 0
    resource: str = ""
    links: tuple[str, ...] = ()
    dual_stack: bool = False


@dataclass(slots=True)
class GeneratedNad:
    """A NAD with its comments."""

    name: str
    namespace: str
    config: dict[str, Any]
    comments: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The object as the validator takes it."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": self._metadata,
            "spec": {"config": self._text},
        }

    def text(self) -> str:
        """The object as YAML, with the comments above it."""
        names = {key: value for key, value in self._metadata.items() if isinstance(value, str)}
        metadata = "".join(f"  {key}: {_scalar(value)}\n" for key, value in names.items())
        notes = "".join(f"    {key}: {_scalar(value)}\n" for key, value in self.annotations.items())
        metadata += f"  annotations:\n{notes}" if notes else ""
        comments = "".join(f"# {' '.join(comment.split())}\n" for comment in self.comments)
        config = textwrap.indent(self._text, "    ")
        head = f"apiVersion: {API_VERSION}\nkind: {KIND}\nmetadata:\n{metadata}spec:\n  config: |\n"
        return f"{comments}{head}{config}\n"

    @property
    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": self.name}
        metadata |= {"namespace": self.namespace} if self.namespace else {}
        return metadata | ({"annotations": self.annotations} if self.annotations else {})

    @property
    def _text(self) -> str:
        return json.dumps(self.config, indent=2)


def generate(options: Options, nodes: Nodes) -> GeneratedNad:
    """The NAD that the options describe, with defaults that fit the nodes for all else. Raises GenerationError."""
    link = _link(options, nodes)
    name = options.name or _name(options.type, link.value)
    _check_names(name, options.namespace)
    chosen = Choice(options.ipam, _GIVEN) if options.ipam else defaults.ipam(options.type, nodes)
    plugin = main_plugin(options.type)
    if chosen.value == "none" and plugin and plugin.ipam is Ipam.REQUIRED:
        raise OptionsError(f"{options.type} fails without addresses: choose another --ipam than none")
    binaries = [options.type, *([chosen.value] if chosen.value != "none" else [])]
    version = defaults.version(binaries, nodes)
    config = {"cniVersion": version.value, "name": name, "type": options.type, **_plugin_keys(options, link)}
    nad = GeneratedNad(name, options.namespace, config)
    if link.value:
        nad.comments.append(f"{_LINK_KEYS[options.type]} {link.value}: {link.reason}")
    _add_requirements(nad, options)
    nad.comments.append(f"ipam {chosen.value}: {chosen.reason}")
    _add_ipam(nad, chosen.value, options, nodes)
    nad.comments.append(f"cniVersion {version.value}: {version.reason}")
    return nad


def _add_requirements(nad: GeneratedNad, options: Options) -> None:
    """What a pod has to request in addition to this network."""
    if options.type in _OF_DEVICE_PLUGINS:
        nad.annotations[RESOURCE_NAME] = options.resource
        nad.comments.append(
            f"a container of the pod requests a device: resources.limits: {{{options.resource}: 1}}"
        )
    if options.type == "bond":
        links = " and ".join(options.links or _LINKS)
        nad.comments.append(
            f"links {links}: interfaces of the pod, from networks that it requests before this one"
        )


def _add_ipam(nad: GeneratedNad, kind: str, options: Options, nodes: Nodes) -> None:
    if ipam.takes_subnet(kind):
        subnets = ipam.subnets(options.subnets, nad.name, nodes, dual_stack=options.dual_stack)
        nad.comments += [f"subnet {subnet.value}: {subnet.reason}" for subnet in subnets]
        networks = [ipaddress.ip_network(subnet.value) for subnet in subnets]
        keys, comments = ipam.section(kind, options.type, nad.name, networks)
        nad.config |= keys
        nad.comments += comments
    elif options.subnets or options.dual_stack:
        given = "--subnet" if options.subnets else "--dual-stack"
        raise OptionsError(f"--ipam {kind} takes no subnet: leave {given} out")
    elif kind == "dhcp":
        nad.config["ipam"] = {"type": "dhcp"}


def _link(options: Options, nodes: Nodes) -> Choice:
    if options.type not in _LINK_KEYS:
        if options.master:
            raise OptionsError(f"{options.type} uses no interface of the node: leave --master out")
        return Choice("", "")
    if options.master:
        return Choice(options.master, _GIVEN)
    if options.type == "ovs":
        return defaults.ovs_bridge(nodes)
    return defaults.bridge(nodes) if options.type == "bridge" else defaults.interface(options.type, nodes)


def _plugin_keys(options: Options, link: Choice) -> dict[str, Any]:
    keys: dict[str, Any] = {_LINK_KEYS[options.type]: link.value} if link.value else {}
    if options.type in _MODES:
        keys["mode"] = _MODES[options.type]
    if options.type == "vlan" and not options.vlan:
        raise OptionsError("the VLAN has no default: give its ID with --vlan")
    if options.vlan:
        if options.type not in _VLAN_KEYS:
            raise OptionsError(
                f"{options.type} has no VLAN option: leave --vlan out, or choose one of {', '.join(_VLAN_KEYS)}"
            )
        keys[_VLAN_KEYS[options.type]] = options.vlan
    return {**keys, **_bond_keys(options), **_mtu(options)}


def _bond_keys(options: Options) -> dict[str, Any]:
    _check_options_of_types(options)
    if options.type != "bond":
        return {}
    links = options.links or _LINKS
    if len(set(links)) < 2:
        raise OptionsError("a bond needs two links or more: --links net1,net2")
    return {**_BOND, "links": [{"name": link} for link in links]}


def _check_options_of_types(options: Options) -> None:
    if options.links and options.type != "bond":
        raise OptionsError(f"{options.type} has no links: leave --links out, or choose bond")
    of_device_plugin = options.type in _OF_DEVICE_PLUGINS
    if options.resource and not of_device_plugin:
        raise OptionsError(f"{options.type} takes no resource: leave --resource out, or choose sriov")
    if of_device_plugin and not _RESOURCE.fullmatch(options.resource):
        raise OptionsError(
            f"{options.type} gets its device from a device plugin: name the resource with --resource, such as "
            "intel.com/sriov; kubectl describe node shows which ones there are"
        )


def _mtu(options: Options) -> dict[str, int]:
    plugin = main_plugin(options.type)
    if not options.mtu:
        return {}
    if plugin is None or "mtu" not in plugin.schema["properties"]:
        raise OptionsError(f"{options.type} has no option for the MTU: leave --mtu out")
    return {"mtu": options.mtu}


def _name(kind: str, link: str) -> str:
    """Such as macvlan-eth1. Characters of the interface's name that an object's name must not have become dashes."""
    wanted = "-".join(part for part in (kind, _NOT_IN_NAMES.sub("-", link.lower()).strip(".-")) if part)
    return wanted if names.is_object_name(wanted) else kind


def _check_names(name: str, namespace: str) -> None:
    if not names.is_object_name(name):
        raise OptionsError(f"--name {name!r} is not a valid object name")
    if namespace and not names.is_label(namespace):
        raise OptionsError(f"--namespace {namespace!r} is not a valid namespace name")


def _scalar(text: str) -> str:
    """The name as a YAML scalar: a name such as 10 or null needs quotes to be a string."""
    return text if yaml.safe_load(text) == text else json.dumps(text)
