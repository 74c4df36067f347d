"""From the message of an Event to causes: which phase failed, of which network and plugin, and what helps.

The messages are those of the daemon, the shim and the kubelet; parts of them are a plugin's own words, which may be anything.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

LONGEST = 4096
"""Characters of a message that are read; an Event has 1,024 bytes, and an older one more."""


class Phase(enum.StrEnum):
    """Where an attachment failed."""

    ADMISSION = "admission"
    SCHEDULING = "scheduling"
    RUNTIME = "runtime"
    """The container runtime did not reach netattach."""

    QUEUE = "queue"
    RESOLVE = "resolve"
    PLAN = "plan"
    PLUGIN = "plugin"
    ROUTES = "routes"
    STATUS = "status"
    RUNNING = "running"
    """After an attachment that succeeded, or without any."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One cause of a failed attachment. `cause` is one word; `network`, `interface` and `plugin` are "" where none is named."""

    cause: str
    phase: Phase
    message: str
    fix: str
    network: str = ""
    interface: str = ""
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A message. `is_foreign`: it is not in a program of netattach, but a plugin's or the runtime's."""

    cause: str
    phase: Phase
    pattern: str
    fix: str
    is_foreign: bool = False


_ON_NODE = "see the daemon of the node: kubectl netattach doctor node/NODE"

OF_PLUGINS = (
    Known(
        "PluginMissing",
        Phase.PLUGIN,
        "is not installed: no file of that name in the runtime's CNI directories",
        "install the plugin on the node, in the directory that the runtime searches; the kubelet then tries again by itself",
    ),
    Known(
        "PluginTimeout",
        Phase.PLUGIN,
        "did not end within .* ms and was stopped",
        "find out what the plugin waits for (a server, a lock, a device); its own log or `journalctl` on the node may say it",
    ),
    Known(
        "PluginKilled",
        Phase.PLUGIN,
        "was killed by signal",
        "the plugin crashed or something ended it: see `dmesg` of the node (out of memory?) and the plugin's version",
    ),
    Known(
        "PluginRefused",
        Phase.PLUGIN,
        "was refused by the shim",
        "name a plugin, and no path and no meta-plugin, in the network's `type`",
    ),
    Known(
        "PluginNotRunnable",
        Phase.PLUGIN,
        "could not be run: ",
        "correct what the message says of the plugin's file on the node, or of the node's resources",
    ),
    Known(
        "PluginResultInvalid",
        Phase.PLUGIN,
        "returned (no result; its effect is unknown|an invalid CNI result)",
        "the plugin breaks the CNI specification: install another version of it",
    ),
    Known(
        "AddressesExhausted",
        Phase.PLUGIN,
        "no IP addresses available in range set",
        "widen the network's range, or delete pods that use it; leases are in /var/lib/cni/networks/NETWORK of the node",
    ),
    Known(
        "AddressTaken",
        Phase.PLUGIN,
        "requested IP address .* is not available",
        "request another address, or delete the pod that has this one",
    ),
    Known(
        "DHCPDaemonMissing",
        Phase.PLUGIN,
        "error dialing DHCP daemon",
        "no DHCP client runs on the node: see the container `dhcp` of the daemon's pod there",
        is_foreign=True,
    ),
    Known(
        "DiskFull", Phase.PLUGIN, "no space left on device", "make room on the node's disk", is_foreign=True
    ),
    Known(
        "DiskReadOnly",
        Phase.PLUGIN,
        "read-only file system",
        "the node's disk is read-only: see `dmesg` of the node; repair it, or replace the node",
        is_foreign=True,
    ),
    Known(
        "InterfaceMissing",
        Phase.PLUGIN,
        "this node has no interface .*, which is the network's",
        "create the interface on the node, or give the network a node selector that leaves the node out",
    ),
    Known(
        "InterfaceMissing",
        Phase.PLUGIN,
        "[Ff]ailed to lookup master|Link not found|Link .* not found|no such network interface|no such device",
        "create the interface on the node, or give the network a node selector that leaves the node out",
        is_foreign=True,
    ),
    Known(
        "PluginCrashed",
        Phase.PLUGIN,
        "failed with exit status .* and printed: ",
        "the plugin ended without an error of CNI's form; what it printed is all that is known: see its version and its log",
    ),
    Known(
        "PluginFailed",
        Phase.PLUGIN,
        "failed: ",
        "the plugin's own words say why; `kubectl netattach networks NETWORK` shows whether the node lacks something",
    ),
)
"""After `plugin NAME`; the first one that is found counts."""

OF_CALLS = (
    Known(
        "ShimMissing",
        Phase.RUNTIME,
        'failed to find plugin "netattach"',
        "the shim is missing in the runtime's CNI directory: the daemon's log on this node has the command that installs it",
        is_foreign=True,
    ),
    Known("DaemonDown", Phase.RUNTIME, "no netattach daemon answered at", _ON_NODE),
    Known("DaemonDown", Phase.RUNTIME, "the netattach daemon went away during", _ON_NODE),
    Known("DaemonDown", Phase.RUNTIME, "the netattach daemon's socket .* cannot be used", _ON_NODE),
    Known(
        "ReleasesDiffer",
        Phase.RUNTIME,
        "is no netattach daemon of the shim's release|the shim of this call is that of an earlier release",
        "shim and daemon are of different releases; the daemon's pod installs its shim when it starts: see whether it runs",
    ),
    Known(
        "Uninstalled",
        Phase.RUNTIME,
        "netattach is uninstalled and attaches nothing",
        "install netattach again, or remove its CNI config from the node",
    ),
    Known(
        "QueueFull",
        Phase.QUEUE,
        "call queue full: |call deadline exceeded while queued",
        "more calls wait than the node can do; if it stays so, a plugin hangs: see the durations in the daemon's log",
    ),
    Known(
        "Cancelled",
        Phase.QUEUE,
        "runtime cancelled the call|call cancelled by the runtime|the shim is gone",
        "the runtime gave up waiting, or was restarted; it tries again. If it stays so, the node is overloaded or a plugin hangs",
    ),
    Known(
        "NetworkUnknown",
        Phase.RESOLVE,
        "there is no NetworkAttachmentDefinition",
        "create the network, or correct the pod's annotation; a name without a namespace means the pod's own",
    ),
    Known(
        "NetworkUnknown",
        Phase.RESOLVE,
        "this node has no such file|its config is empty, and no file of this node has that name",
        "put the network's CNI config on the node, or give the NetworkAttachmentDefinition a config",
    ),
    Known(
        "NodeNotSelected",
        Phase.RESOLVE,
        "it is not used on node",
        "give the pod the node selector of the network, or turn `scheduling: on`, which does so",
    ),
    Known(
        "NotPermitted",
        Phase.RESOLVE,
        r"\[policy-[a-z-]+\]",
        "change what the rule names, or ask an administrator for another policy of the namespace (docs/settings.md)",
        is_foreign=True,
    ),
    Known(
        "PolicyUnknown",
        Phase.RESOLVE,
        "policy cannot be checked: ",
        "the daemon has just started, or has no connection to the API server: see its log; the kubelet tries again",
    ),
    Known(
        "NamespaceIsolated",
        Phase.RESOLVE,
        "cannot use networks in namespace",
        "use a network of the pod's own namespace, or ask an administrator to change globalNamespaces",
    ),
    Known(
        "InterfaceTwice",
        Phase.RESOLVE,
        "already; request another name|already; ask for another name",
        "request another interface name: network@name",
    ),
    Known(
        "AnnotationInvalid",
        Phase.RESOLVE,
        "^annotation .*: |`default-route` requests |`default-route` is empty for |"
        "the runtime expects the default network's interface",
        "correct the annotation; `kubectl netattach lint FILE` shows the place",
    ),
    Known(
        "DeviceMissing",
        Phase.RESOLVE,
        "requires a device for each of",
        "request the device in a container, as the message says, or turn `deviceInjection: on`",
    ),
    Known(
        "PodUnknown",
        Phase.RESOLVE,
        "it does not exist in the API, or not under the UID",
        "the pod was deleted or created again meanwhile; nothing is to be done",
    ),
    Known(
        "APIUnreachable",
        Phase.RESOLVE,
        "the API server cannot be reached: ",
        "see whether the node reaches the API server; the kubelet tries again",
    ),
    Known(
        "DefaultNetworkMissing",
        Phase.RESOLVE,
        "no default network yet: |the node's default network is not known yet",
        "install the cluster's own network (flannel, calico, …) on the node",
    ),
    Known(
        "LedgerUnwritable",
        Phase.PLAN,
        "the ledger cannot be written: ",
        "the node's disk is full or read-only: make room, or repair it",
    ),
    Known(
        "LaterRelease",
        Phase.PLAN,
        "which a later release of netattach wrote",
        "install that release again on the node",
    ),
    Known(
        "AlreadyAttached",
        Phase.PLAN,
        "is attached already; the runtime has to call DEL first",
        "the runtime called twice for one sandbox; it recovers with the next sandbox. If it does not, delete the pod",
    ),
    Known(
        "GatewayUnreachable",
        Phase.ROUTES,
        "`default-route` .* cannot be reached over|`default-route` .* is the pod's own address",
        "request a gateway in the subnet of that interface",
    ),
    Known(
        "DefaultRouteContested",
        Phase.ROUTES,
        "other default routes than it asked for, and they come back",
        "another program sets routes in the pod, or a router advertises itself there: find it",
    ),
    Known(
        "RoutesFailed",
        Phase.ROUTES,
        "the pod's default routes cannot be set",
        "see the error of the kernel in the message",
    ),
    Known(
        "ConfigInvalid",
        Phase.RESOLVE,
        "a meta-plugin, which no network may call|which is not an IPAM plugin|is not valid for CNI",
        "correct the network's config; `kubectl get net-attach-def -o wide` has all that is wrong with it",
    ),
    Known(
        "Internal",
        Phase.PLAN,
        "internal error",
        "report it with `kubectl netattach bundle`",
    ),
)

OF_RUNTIMES = (
    Known(
        "NoCNIConfig",
        Phase.RUNTIME,
        "cni plugin not initialized|cni config uninitialized|no networks found in",
        "no CNI config is on the node, or the runtime cannot read it: see the daemon of the node",
        is_foreign=True,
    ),
)
"""Of a sandbox that was created without netattach."""

_OF_NETATTACH = re.compile(r'plugin type="netattach"[^:]{0,400} failed \(\w{1,10}\): ')
_OF_ANOTHER = re.compile(r'plugin type="([^"]{1,200})"[^:]{0,400} failed \(\w{1,10}\): ')
_POD = re.compile(r"(?:pod [^\s:]{1,400}|sandbox [^\s:]{1,400}): ")
_STEP = re.compile(r"ADD of network (\S{1,400}) \((\S{1,100})\): ")
_PLUGIN = re.compile(r"plugin (\S{1,300}) ")
_NETWORK = re.compile(r"network (\S{1,400}): ")


def of_netattach(message: str) -> list[Failure]:
    """The causes in a message of the daemon or the shim; at least one."""
    text = message[:LONGEST]
    if found := _POD.match(text):
        text = text[found.end() :]
    steps = list(_STEP.finditer(text))
    if not steps:
        return [_of_call(text)]
    ends = [*(each.start() for each in steps[1:]), len(text)]
    return [
        _of_step(each[1], each[2], text[each.end() : end].removesuffix("; "))
        for each, end in zip(steps, ends, strict=True)
    ]


def of_kubelet(message: str) -> list[Failure]:
    """The causes in the kubelet's message about a sandbox; none where it says nothing of networks."""
    text = message[:LONGEST]
    if found := _OF_NETATTACH.search(text):
        return of_netattach(text[found.end() :])
    for known in (*OF_RUNTIMES, OF_CALLS[0]):
        if re.search(known.pattern, text):
            return [Failure(known.cause, known.phase, text, known.fix)]
    if found := _OF_ANOTHER.search(text):
        fix = "the runtime does not call netattach: another CNI config comes first on the node, or netattach's is missing"
        return [Failure("AnotherPlugin", Phase.RUNTIME, text, fix, plugin=found[1])]
    return []


def _of_step(network: str, interface: str, text: str) -> Failure:
    named = _PLUGIN.match(text)
    plugin, rest = (named[1], text[named.end() :]) if named else ("", text)
    found = _first(OF_PLUGINS, rest) or _first(OF_CALLS, rest)
    if found is None:
        return Failure("Unknown", Phase.PLUGIN, text, _ON_NODE, network, interface, plugin)
    return Failure(found.cause, found.phase, text, found.fix, network, interface, plugin)


def _of_call(text: str) -> Failure:
    named = _NETWORK.search(text)
    network = named[1] if named else ""
    # A plugin that the shim runs alone has no network in front.
    plugin = _PLUGIN.match(text)
    found = _first(OF_CALLS, text) or (_first(OF_PLUGINS, text) if plugin else None)
    if found is None:
        return Failure("Unknown", Phase.RESOLVE, text, _ON_NODE, network)
    return Failure(found.cause, found.phase, text, found.fix, network, plugin=plugin[1] if plugin else "")


def _first(known: tuple[Known, ...], text: str) -> Known | None:
    return next((each for each in known if re.search(each.pattern, text)), None)
