"""A diagnosis of each part of a node. What the API does not have is said, with the command that shows it."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_cli.ask import bodies, copyable
from netattach_cli.doctor.inputs import Facts
from netattach_cli.nodes import node_data
from netattach_cli.nodes.node_data import NetworkOnNode, NodeDetail
from netattach_core.api.inventory import TRIED_LINK_KINDS
from netattach_core.api.objects import Body
from netattach_core.text.lists import and_more

_OURS = "00-netattach.conflist"
_TAINT = "netattach.io/not-ready"
_NAMED = 8


class State(enum.StrEnum):
    """Of a part. `not visible`: no object of the API has it."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    NOT_VISIBLE = "not visible"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`fix` says what to do, or where to look; "" where nothing is to be done."""

    part: str
    state: State
    message: str
    fix: str = ""


def diagnoses(facts: Facts) -> list[Diagnosis]:
    """All parts, in the order in which an attachment needs them."""
    body = next(iter(facts.node.inventories), None)
    detail = node_data.detail(facts.name, facts.node, facts.networks)
    found = [*_node(facts), *_daemon(facts, detail), *_configs(facts)]
    if body is None:
        state = State.WRONG if facts.node.known else State.UNKNOWN
        message = "the daemon has not published what the node has"
        found.append(Diagnosis("inventory", state, message, "see the daemon's log"))
    else:
        found += _of_inventory(bodies.mapping(body, "status"), detail)
    return [*found, *_not_visible(facts.name)]


def _of_inventory(status: Mapping[str, Any], detail: NodeDetail) -> Iterator[Diagnosis]:
    yield _default_network(status)
    yield _order(status)
    yield from _directories(status)
    yield _plugins(status, detail.not_ready)
    yield _kernel(status)
    yield _dhcp(status, detail.not_ready)
    yield from _works(status)
    yield from _networks(detail.not_ready)
    yield _pods(status)


def _node(facts: Facts) -> Iterator[Diagnosis]:
    for node in facts.node.nodes:
        taints = [bodies.text(each, "key") for each in bodies.items(node, "spec", "taints")]
        if bodies.text(bodies.condition(node, "Ready"), "status") not in {"True", ""}:
            message = (
                bodies.text(bodies.condition(node, "Ready"), "message")
                or "the kubelet reports that it is not ready"
            )
            yield Diagnosis(
                "node", State.WRONG, message, f"kubectl describe node {copyable.name(facts.name, 'NODE')}"
            )
        elif _TAINT in taints:
            message = f"the taint {_TAINT} keeps pods away: no attachment has worked since the node's start"
            yield Diagnosis(
                "node", State.WRONG, message, "see the parts below; the operator removes it afterwards"
            )
        else:
            yield Diagnosis("node", State.OK, "ready")


def _daemon(facts: Facts, detail: NodeDetail) -> Iterator[Diagnosis]:
    versions = (
        f"daemon {detail.node.daemon_version or 'unknown'}, shim {detail.node.shim_version or 'unknown'}"
    )
    daemons = [each for each in facts.node.daemons if bodies.text(each, "spec", "nodeName") == facts.name]
    if not facts.node.known:
        yield Diagnosis("daemon", State.UNKNOWN, "it cannot be read with your rights")
    elif not daemons:
        fix = "see the node selector and the tolerations of the DaemonSet netattach-daemon"
        yield Diagnosis("daemon", State.WRONG, "no pod of the daemon is on this node", fix)
    for pod in daemons:
        namespace, name = (
            copyable.name(bodies.namespace(pod), "NAMESPACE"),
            copyable.name(bodies.name(pod), "POD"),
        )
        log = f"kubectl -n {namespace} logs {name} --all-containers"
        if bodies.is_ready_pod(pod):
            yield Diagnosis("daemon", State.OK, f"ready; {versions}")
        else:
            message = "; ".join(_waiting(pod)) or "its readiness probe fails; the log has the reason"
            yield Diagnosis("daemon", State.WRONG, f"not ready: {message}; {versions}", log)
    if detail.node.daemon_version and detail.node.shim_version not in {"", detail.node.daemon_version}:
        message = f"of another release than the daemon: {versions}"
        fix = "the container install-shim installs it when the daemon's pod starts; see its log"
        yield Diagnosis("shim", State.WRONG, message, fix)


def _waiting(pod: Body) -> Iterator[str]:
    for key in ("initContainerStatuses", "containerStatuses"):
        for each in bodies.items(pod, "status", key):
            waiting = bodies.mapping(each, "state", "waiting")
            if waiting:
                why = (
                    bodies.text(waiting, "message")
                    or f"restarted {bodies.number(each, 'restartCount')} times"
                )
                yield f"container {bodies.text(each, 'name')}: {bodies.text(waiting, 'reason')}: {why}"


def _configs(facts: Facts) -> Iterator[Diagnosis]:
    if facts.contests is None:
        yield Diagnosis(
            "CNI config", State.UNKNOWN, "whether it is contested cannot be read with your rights"
        )
    for event in (facts.contests or ())[-1:]:
        message = bodies.text(event, "message")
        yield Diagnosis(
            "CNI config", State.WRONG, f"contested: {message}", "end the contest as the message says"
        )


def _order(status: Mapping[str, Any]) -> Diagnosis:
    """The inventory has the files of other networks, and not netattach's own."""
    files = [bodies.text(each, "file") for each in bodies.items(status, "networks")]
    before = [name for name in files if name and name < _OURS]
    listed = and_more(files, _NAMED)
    if before:
        fix = f"rename or remove {and_more(before, _NAMED)} in the node's directory of CNI configs"
        message = f"{and_more(before, _NAMED)} before {_OURS}: the runtime uses the first one"
        return Diagnosis("CNI config order", State.WRONG, message, fix)
    if not bodies.items(status, "networks"):
        return Diagnosis("CNI config order", State.UNKNOWN, "the inventory has no files")
    message = f"no file comes before {_OURS}, without which the daemon is not ready; others: {listed}"
    return Diagnosis("CNI config order", State.OK, message)


def _default_network(status: Mapping[str, Any]) -> Diagnosis:
    name, file = bodies.text(status, "primary", "name"), bodies.text(status, "primary", "file")
    cni = bodies.mapping(status, "cniStatus")
    if not name:
        fix = "install the cluster's own network (flannel, calico, …) on the node"
        return Diagnosis("default network", State.WRONG, "none is found in the directory of CNI configs", fix)
    if cni and bodies.at(cni, "ready") is not True:
        message = f"{name} ({file}) is not ready: {bodies.text(cni, 'message')}"
        return Diagnosis("default network", State.WRONG, message, "see the log of that network's own pods")
    plugins = ", ".join(bodies.texts(status, "primary", "pluginTypes"))
    return Diagnosis("default network", State.OK, f"{name} ({file}): {plugins}")


def _directories(status: Mapping[str, Any]) -> Iterator[Diagnosis]:
    unseen = bodies.texts(status, "unseenPluginDirectories")
    if unseen:
        message = f"the runtime searches {and_more(unseen, _NAMED)}, which the daemon cannot see"
        fix = "mount them in the DaemonSet: the chart's value for directories of plugins"
        yield Diagnosis("plugin directories", State.UNKNOWN, message, fix)
    else:
        yield Diagnosis("plugin directories", State.OK, "the daemon sees all that the runtime searches")


def _plugins(status: Mapping[str, Any], not_ready: Sequence[NetworkOnNode]) -> Diagnosis:
    found = bodies.items(status, "plugins")
    if missing := _with_reason(not_ready, "PluginMissing"):
        return Diagnosis(
            "plugins", State.WRONG, missing, "install them in the runtime's directory of plugins"
        )
    silent = [
        bodies.text(each, "name")
        for each in found
        if not bodies.texts(each, "versions") and bodies.at(each, "unknown") is not True
    ]
    names = ", ".join(_plugin(each) for each in found)
    if silent:
        message = f"{and_more(silent, _NAMED)} do not say which CNI versions they support"
        return Diagnosis("plugins", State.UNKNOWN, message, "run them on the node with CNI_COMMAND=VERSION")
    return Diagnosis("plugins", State.OK if found else State.UNKNOWN, names or "none is reported")


def _plugin(body: Mapping[str, Any]) -> str:
    """With the newest version that it supports."""
    versions = bodies.texts(body, "versions")
    return f"{bodies.text(body, 'name')} {versions[-1] if versions else '(unknown)'}"


def _kernel(status: Mapping[str, Any]) -> Diagnosis:
    kernel, kinds = bodies.text(status, "kernel"), bodies.at(status, "linkKinds")
    if not isinstance(kinds, list):
        return Diagnosis("kernel", State.UNKNOWN, f"{kernel}; its kinds of links have not been tried yet")
    lacking = [kind for kind in TRIED_LINK_KINDS if kind not in kinds]
    if lacking:
        message = f"{kernel} cannot create links of the kinds {', '.join(lacking)}"
        return Diagnosis("kernel", State.WRONG, message, "load their modules, where networks need them")
    return Diagnosis("kernel", State.OK, f"{kernel}: {', '.join(TRIED_LINK_KINDS)}")


def _dhcp(status: Mapping[str, Any], not_ready: Sequence[NetworkOnNode]) -> Diagnosis:
    running, socket = bodies.at(status, "dhcp", "running"), bodies.text(status, "dhcp", "socket")
    if running is True:
        return Diagnosis("DHCP", State.OK, f"a client listens at {socket}")
    if missing := _with_reason(not_ready, "DHCPDaemonMissing"):
        return Diagnosis(
            "DHCP", State.WRONG, f"no client runs; {missing}", "see the container dhcp of the daemon's pod"
        )
    if running is False:
        return Diagnosis("DHCP", State.OK, "no client runs, and no network needs one")
    return Diagnosis("DHCP", State.UNKNOWN, "it is not reported")


def _works(status: Mapping[str, Any]) -> Iterator[Diagnosis]:
    probe = bodies.mapping(status, "probe")
    if bodies.at(probe, "succeeded") is True:
        yield Diagnosis("probe", State.OK, f"an attachment worked {bodies.text(probe, 'time')}".strip())
    elif probe:
        yield Diagnosis(
            "probe", State.WRONG, bodies.text(probe, "message"), "see the message, and the daemon's log"
        )
    else:
        yield Diagnosis("probe", State.UNKNOWN, "no attachment has been tried yet")


def _networks(not_ready: Sequence[NetworkOnNode]) -> Iterator[Diagnosis]:
    for each in not_ready[:_NAMED]:
        reasons = "; ".join(f"{reason.reason}: {reason.message}" for reason in each.reasons)
        fix = f"kubectl netattach networks {copyable.full_name(each.network, 'NETWORK')}"
        yield Diagnosis("network", State.WRONG, f"{each.network}: {reasons}", fix)
    if len(not_ready) > _NAMED:
        yield Diagnosis(
            "network", State.WRONG, f"and {len(not_ready) - _NAMED} more networks are not ready here"
        )


def _pods(status: Mapping[str, Any]) -> Diagnosis:
    total = bodies.number(status, "unmetPods", "total")
    if not total:
        return Diagnosis(
            "pods", State.OK, f"pods with all their networks: {bodies.number(status, 'attached', 'pods')}"
        )
    named = [
        f"{bodies.text(each, 'namespace')}/{bodies.text(each, 'name')}: {bodies.text(each, 'reason')}"
        for each in bodies.items(status, "unmetPods", "pods")
    ]
    message = f"{total} lack a network: {and_more(named, _NAMED)}"
    return Diagnosis("pods", State.WRONG, message, "kubectl netattach explain NAMESPACE/POD")


def _with_reason(not_ready: Sequence[NetworkOnNode], reason: str) -> str:
    """The messages of this reason, each with the first network that has it; "" for none."""
    found: dict[str, str] = {}
    for each in not_ready:
        for other in each.reasons:
            if other.reason == reason:
                found.setdefault(other.message, each.network)
    return and_more([f"{message} ({network})" for message, network in found.items()], _NAMED) if found else ""


def _not_visible(node: str) -> Iterator[Diagnosis]:
    """What no object of the API has."""
    shell = f"kubectl debug node/{copyable.name(node, 'NODE')} -it --image=busybox -- chroot /host"
    parts = {
        "SELinux": ("whether it refuses files or sockets", f"{shell} ausearch -m avc -ts recent"),
        "runtime paths": (
            "which directories the runtime is set to; the daemon compares them, and is not ready where they differ",
            f"{shell} crictl info",
        ),
        "pending DELs": ("how many there are", "the metric netattach_pending_deletes of the node's daemon"),
        "leases": ("leases of host-local without a pod", f"{shell} ls /var/lib/cni/networks"),
    }
    for part, (message, fix) in parts.items():
        yield Diagnosis(part, State.NOT_VISIBLE, message, fix)
