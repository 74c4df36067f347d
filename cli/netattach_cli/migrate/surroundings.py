"""What else a cluster with Multus has: its platform and runtime, DHCP daemons, whereabouts, SR-IOV, other webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from netattach_cli.migrate import multus_installation
from netattach_cli.migrate.assessment import Item, change, refused, works
from netattach_cli.migrate.objects import Object, command_line, containers, full_name, listed, of_kind, value
from netattach_core.text import json_document
from netattach_core.text.lists import and_more

_PLATFORMS: dict[str, Callable[[Object], bool]] = {
    "k3s": lambda node: "+k3s" in _version(node),
    "rke2": lambda node: "+rke2" in _version(node),
    "gke": lambda node: "-gke." in _version(node),
    "microk8s": lambda node: "microk8s.io/cluster" in (value(node, "metadata", "labels") or {}),
    "talos": lambda node: "Talos" in _info(node, "osImage"),
    "openshift": lambda node: "node.openshift.io/os_id" in (value(node, "metadata", "labels") or {}),
    "kind": lambda node: str(value(node, "spec", "providerID") or "").startswith("kind:"),
}
"""By what its nodes report."""

_NAMED = 3
"""The most networks that one item names."""

_SRIOV_DEVICE_PLUGIN = (
    "SR-IOV device plugin",
    "keep it: netattach asks the kubelet for a pod's devices, as Multus does",
)

_PROGRAMS: dict[str, tuple[str, str]] = {
    "whereabouts": (
        "whereabouts",
        "keep it: its plugin gives the addresses, and its reconciler frees those of pods that are gone",
    ),
    "sriov-network-device-plugin": _SRIOV_DEVICE_PLUGIN,
    "sriov-device-plugin": _SRIOV_DEVICE_PLUGIN,
    "sriov-cni": ("SR-IOV CNI", "keep it: it installs the plugin"),
    "network-resources-injector": ("network resources injector", "keep it: it reads the same annotations"),
    "net-attach-def-admission-controller": (
        "net-attach-def-admission-controller",
        "remove it afterwards: netattach's webhook validates networks, and both would answer each request",
    ),
}
"""By a word in the image or name of a workload: what it is, and what to do with it."""


def platform(objects: Sequence[Object]) -> str:
    """The name of the platform, "kubernetes" if the nodes are of none that is known."""
    nodes = of_kind(objects, "Node")
    return next((name for name, matches in _PLATFORMS.items() if any(map(matches, nodes))), "kubernetes")


def items(objects: Sequence[Object]) -> Iterator[Item]:
    """All that is known about them; nothing about what the objects do not show."""
    yield from _platform(objects)
    yield from _runtime(objects)
    yield from _programs(objects)
    yield from _dhcp(objects)
    yield from _hot_plug(objects)


def _platform(objects: Sequence[Object]) -> Iterator[Item]:
    name = platform(objects)
    if name == "kubernetes":
        return
    yield change(
        "platform",
        f"the nodes are those of {name}, whose directories may differ",
        f"install netattach with platform={name} in the chart, or kubectl apply -k deploy/kustomize/platforms/{name}",
    )
    if name == "openshift" and multus_installation.find(objects):
        yield refused(
            "platform",
            "OpenShift's network operator owns Multus and installs it again; disableMultiNetwork is only for new clusters",
            "keep Multus there; netattach may be installed next to it without takeover, and is not ready then",
        )


def _runtime(objects: Sequence[Object]) -> Iterator[Item]:
    if any(
        _info(node, "containerRuntimeVersion").startswith("cri-o://") for node in of_kind(objects, "Node")
    ):
        yield change(
            "CRI-O",
            "with cni_default_network in its configuration it takes the network of that name and not the first file",
            "remove cni_default_network on the nodes, and restart CRI-O, before the takeover",
        )
        yield change(
            "CRI-O",
            "when it restarts after the first config has changed, running pods that were attached before lose their network",
            "drain each node when its first config changes (docs/migrating.md)",
        )


def _programs(objects: Sequence[Object]) -> Iterator[Item]:
    found = {
        (what, full_name(each)): text
        for each in objects
        for word, (what, text) in _PROGRAMS.items()
        if any(word in name for name in _names(each))
    }
    for (what, name), text in found.items():
        yield works(name, f"{what}: {text}")
    uses = [
        full_name(nad)
        for nad in of_kind(objects, "NetworkAttachmentDefinition")
        if _has_ipam(nad, "whereabouts")
    ]
    if uses and not any(what == "whereabouts" for what, _ in found):
        yield change(
            "whereabouts",
            f"{and_more(uses, _NAMED)} use it, and no DaemonSet of it was found",
            "see that its plugin stays on the nodes when Multus goes: some charts install both",
        )


def _dhcp(objects: Sequence[Object]) -> Iterator[Item]:
    daemons = [
        full_name(each)
        for each in of_kind(objects, "DaemonSet")
        if any(map(_is_dhcp_daemon, containers(each)))
    ]
    for name in daemons:
        yield works(
            name,
            "DHCP daemon: it stays in use; netattach runs one itself, which takes over its leases when you remove it",
        )
    uses = [
        full_name(nad) for nad in of_kind(objects, "NetworkAttachmentDefinition") if _has_ipam(nad, "dhcp")
    ]
    if uses and not daemons:
        yield works(and_more(uses, _NAMED), "dhcp: netattach runs the plugin's daemon itself")


def _hot_plug(objects: Sequence[Object]) -> Iterator[Item]:
    for each in objects:
        if any("multus-dynamic-networks" in name for name in _names(each)):
            yield refused(
                full_name(each),
                "it calls Multus' daemon to change the interfaces of running pods, which netattach does not do",
                "keep Multus where pods need it; else delete it, and restart a pod to change its networks",
            )


def _names(each: Object) -> list[str]:
    """Of a workload or a webhook configuration, and of its images."""
    if each.get("kind") not in {
        "DaemonSet",
        "Deployment",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }:
        return []
    return [
        str(value(each, "metadata", "name")),
        *(str(value(container, "image")) for container in containers(each)),
    ]


def _is_dhcp_daemon(container: Object) -> bool:
    command = command_line(container)
    return "dhcp" in command and "daemon" in command


def _has_ipam(nad: Object, kind: str) -> bool:
    try:
        config = json_document.value(str(value(nad, "spec", "config")))
    except json_document.JsonTextError:
        return False
    return any(value(plugin, "ipam", "type") == kind for plugin in (config, *listed(config, "plugins")))


def _version(node: Object) -> str:
    return _info(node, "kubeletVersion")


def _info(node: Object, key: str) -> str:
    return str(value(node, "status", "nodeInfo", key) or "")
