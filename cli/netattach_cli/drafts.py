"""A new NAD as its author would write it: the configuration, and comments on what was chosen."""

from __future__ import annotations

import ipaddress
import json
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from netattach_cli import choices
from netattach_cli.choices import Choice, NoChoiceError, Nodes
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
_ASKED = "as asked"
_NO_NAME = re.compile(r"[^a-z0-9.-]+|[.-](?=[.-])")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the author has said; empty for what is to be found out."""

    type: str
    name: str = ""
    namespace: str = ""
    master: str = ""
    ipam: str = ""
    subnet: str = ""
    vlan: int = 0


@dataclass(slots=True)
class Draft:
    """A NAD, and what was chosen for it, in the words of its comments."""

    name: str
    namespace: str
    config: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    @property
    def body(self) -> dict[str, Any]:
        """The object, as the validator reads it."""
        return {"kind": KIND, "metadata": self._metadata, "spec": {"config": self._text}}

    def text(self) -> str:
        """The object, as people read it."""
        metadata = "".join(f"  {key}: {_scalar(value)}\n" for key, value in self._metadata.items())
        comments = "".join(f"# {' '.join(note.split())}\n" for note in self.notes)
        config = textwrap.indent(self._text, "    ")
        head = f"apiVersion: {API_VERSION}\nkind: {KIND}\nmetadata:\n{metadata}spec:\n  config: |\n"
        return f"{comments}{head}{config}\n"

    @property
    def _metadata(self) -> dict[str, str]:
        return {"name": self.name, **({"namespace": self.namespace} if self.namespace else {})}

    @property
    def _text(self) -> str:
        return json.dumps(self.config, indent=2)


def draft(wish: Wish, nodes: Nodes) -> Draft:
    """Takes what the wish says, and chooses the rest by what is known of the nodes. Raises NoChoiceError."""
    link = _link(wish, nodes)
    name = wish.name or _name(wish.type, link.value)
    _check_names(name, wish.namespace)
    ipam = Choice(wish.ipam, _ASKED) if wish.ipam else choices.ipam(wish.type, nodes)
    plugin = main_plugin(wish.type)
    if ipam.value == "none" and plugin and plugin.ipam is Ipam.REQUIRED:
        raise NoChoiceError(f"{wish.type} needs addresses and fails without: choose another --ipam than none")
    binaries = [wish.type, *([ipam.value] if ipam.value != "none" else [])]
    version = choices.version(binaries, nodes)
    config = {"cniVersion": version.value, "name": name, "type": wish.type, **_own_keys(wish, link)}
    made = Draft(name, wish.namespace, config)
    if link.value:
        made.notes.append(f"{_LINK_KEYS[wish.type]} {link.value}: {link.why}")
    made.notes.append(f"ipam {ipam.value}: {ipam.why}")
    if ipam.value in _ADDRESSES:
        subnet = _subnet(wish, name, nodes)
        made.notes.append(f"subnet {subnet.value}: {subnet.why}")
        _ADDRESSES[ipam.value](made, subnet.value)
    elif wish.subnet:
        raise NoChoiceError(f"with --ipam {ipam.value} no subnet is written: leave --subnet out")
    elif ipam.value == "dhcp":
        config["ipam"] = {"type": "dhcp"}
    made.notes.append(f"cniVersion {version.value}: {version.why}")
    return made


def _link(wish: Wish, nodes: Nodes) -> Choice:
    if wish.type not in _LINK_KEYS:
        if wish.master:
            raise NoChoiceError(f"{wish.type} stands on no interface of the node: leave --master out")
        return Choice("", "")
    if wish.master:
        return Choice(wish.master, _ASKED)
    return choices.bridge(nodes) if wish.type == "bridge" else choices.interface(wish.type, nodes)


def _own_keys(wish: Wish, link: Choice) -> dict[str, Any]:
    keys: dict[str, Any] = {_LINK_KEYS[wish.type]: link.value} if link.value else {}
    if wish.type in _MODES:
        keys["mode"] = _MODES[wish.type]
    if wish.type == "vlan" and not wish.vlan:
        raise NoChoiceError("which VLAN it is only the network's owner knows: name it with --vlan")
    if wish.vlan:
        if wish.type not in _VLAN_KEYS:
            raise NoChoiceError(
                f"{wish.type} has no VLAN of its own: leave --vlan out, or make a vlan or bridge"
            )
        keys[_VLAN_KEYS[wish.type]] = wish.vlan
    return keys


def _subnet(wish: Wish, name: str, nodes: Nodes) -> Choice:
    if not wish.subnet:
        return choices.subnet(name, nodes)
    try:
        return Choice(str(ipaddress.ip_network(wish.subnet)), _ASKED)
    except ValueError as error:
        raise NoChoiceError(f"--subnet: {error}") from error


def _host_local(made: Draft, subnet: str) -> None:
    made.config["ipam"] = {"type": "host-local", "subnet": subnet}


def _whereabouts(made: Draft, subnet: str) -> None:
    made.config["ipam"] = {"type": "whereabouts", "range": subnet}


def _static(made: Draft, subnet: str) -> None:
    """Two pods cannot have one address, so each brings its own; ptp fails without a gateway, which no pod can bring."""
    network = ipaddress.ip_network(subnet)
    gateway, first = _host(network, 1), _host(network, 2)
    if made.config["type"] == "ptp":
        address = {"address": f"{first}/{network.prefixlen}", "gateway": gateway}
        made.config["ipam"] = {"type": "static", "addresses": [address]}
        made.notes.append("the address is that of a single pod")
        return
    made.config["capabilities"] = {"ips": True}
    made.config["ipam"] = {"type": "static"}
    element = json.dumps([{"name": made.name, "ips": [f"{first}/{network.prefixlen}"]}])
    made.notes.append(f"a pod's annotation: k8s.v1.cni.cncf.io/networks: '{element}'")


_ADDRESSES: dict[str, Callable[[Draft, str], None]] = {
    "host-local": _host_local,
    "whereabouts": _whereabouts,
    "static": _static,
}


def _host(network: choices.Network, number: int) -> str:
    if network.num_addresses < 4:
        raise NoChoiceError(f"--subnet {network} has no room for a pod")
    return str(network[number])


def _name(kind: str, link: str) -> str:
    """An interface's name may hold what an object's must not."""
    wanted = "-".join(part for part in (kind, _NO_NAME.sub("-", link.lower()).strip(".-")) if part)
    return wanted if names.is_object_name(wanted) else kind


def _check_names(name: str, namespace: str) -> None:
    if not names.is_object_name(name):
        raise NoChoiceError(f"--name {name!r} is not a name that an object can have")
    if namespace and not names.is_label(namespace):
        raise NoChoiceError(f"--namespace {namespace!r} is not the name of a namespace")


def _scalar(text: str) -> str:
    """A name such as 10 or null is a text all the same."""
    return text if yaml.safe_load(text) == text else json.dumps(text)
