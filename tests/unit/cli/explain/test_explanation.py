# ruff: noqa: E501  # a message of a program is in one line
"""Each failure that leaves a pod without its networks is explained by its true cause."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from netattach_cli.explain import messages
from netattach_cli.explain.explanation import Explanation, explain
from netattach_cli.explain.inputs import Facts
from netattach_cli.networks.inputs import NodeFacts
from netattach_core.api import call_record
from netattach_core.api.call_record import CallRecord, FailedPlugin
from netattach_core.api.inventory import Interface, Plugin
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body
from unit.cli import cluster_objects as objects
from unit.cli.cluster_objects import NOW, body
from unit.test_troubleshooting_page import templates

LOST = UnmetPod(
    "default", "web", "uid-of-web", ("default/lan",), "InterfaceMissing", "the pod has lost interface net1"
)
NOT_ATTACHED = dataclasses.replace(
    LOST, reason="NotAttached", message="the pod is not attached to default/lan"
)

NODE = NodeFacts(
    [objects.node("node1")], [objects.daemon_pod("node1")], [objects.inventory_of("node1")], known=True
)
SANDBOX = 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "9c1e": '
CALLED = f'{SANDBOX}plugin type="netattach" name="netattach" failed (add): pod default/web: '


def event(
    reason: str,
    message: str,
    *,
    seconds: int = 10,
    uid: str = "uid-of-web",
    record: CallRecord | None = None,
    **about: str,
) -> Body:
    at = f"{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
    involved = {"kind": "Pod", "name": "web", "namespace": "default", "uid": uid, **about}
    annotations = {call_record.ANNOTATION: call_record.to_text(record)} if record else {}
    return body(
        "Event", f"{reason}-{seconds}", "default", metadata={"annotations": annotations},
        involvedObject=involved, reason=reason, message=message, lastTimestamp=at,
    )  # fmt: skip


def pod(phase: str = "Pending", **changes: Any) -> Body:
    return objects.pod("web", phase=phase, **changes)


def facts(found: Body | None = None, *events: Body, **changes: Any) -> Facts:
    start = Facts(NOW, found or pod(), events, [objects.network()], (), NODE)
    return dataclasses.replace(start, **changes)


def failed(message: str, **more: Any) -> Facts:
    return facts(None, event("FailedAttachment", f"pod default/web: {message}"), **more)


def added(text: str) -> str:
    return f"ADD of network default/lan (net1): plugin macvlan {text}"


def causes(found: Explanation) -> list[tuple[str, str]]:
    return [(each.cause, each.phase) for each in found.causes]


def node_with(**changes: Any) -> NodeFacts:
    return dataclasses.replace(NODE, inventories=[objects.inventory_of("node1", **changes)])


DOWN = "no netattach daemon answered at /run/netattach/cni.sock within 5000 ms: see whether the daemon's pod on this node is running"
NO_DAEMON = dataclasses.replace(NODE, daemons=[objects.daemon_pod("node1", ready=False)])
CONTEST = event(
    "CNIConfigContested", "another program renames 00-netattach.conflist; set cni.exclusive=false in Cilium's Helm values",
    kind="Node", name="node1", uid="node1",
)  # fmt: skip

FAILURES: dict[str, tuple[Facts, list[tuple[str, str]]]] = {
    "the daemon is down, by the kubelet's event": (
        facts(None, event("FailedCreatePodSandBox", f"{CALLED}{DOWN}")),
        [("DaemonDown", "runtime")],
    ),
    "the daemon is down, and nothing was called yet": (
        facts(node=NO_DAEMON),
        [("DaemonNotReady", "resolve")],
    ),
    "the daemon goes away during the call": (
        facts(None, event("FailedCreatePodSandBox", f"{CALLED}the netattach daemon went away during ADD; the runtime will try again")),
        [("DaemonDown", "runtime")],
    ),
    "the API server is down": (
        failed("GET /api/v1/namespaces/default/pods/web: the API server cannot be reached: refused"),
        [("APIUnreachable", "resolve")],
    ),
    "the runtime gives up or is killed": (
        failed("the runtime cancelled the call while the networks were being attached"),
        [("Cancelled", "queue")],
    ),
    "the second network does not exist": (
        failed("network default/lan: there is no NetworkAttachmentDefinition 'lan' in namespace 'default'; create it"),
        [("NetworkUnknown", "resolve")],
    ),
    "the network does not exist, and no event is left": (
        facts(networks=(), missing=[("default", "lan")]),
        [("NetworkUnknown", "resolve")],
    ),
    "the default route cannot be set": (
        failed("network default/lan: `default-route` 10.9.9.9 cannot be reached over net1, which has 10.0.3.5/24 (unreachable)"),
        [("GatewayUnreachable", "routes")],
    ),
    "another default route comes back": (
        failed("the pod has other default routes than it asked for, and they come back: something else sets routes in it"),
        [("DefaultRouteContested", "routes")],
    ),
    "a plugin is not installed": (
        failed(
            added("is not installed: no file of that name in the runtime's CNI directories; install it on this node"),
            node=node_with(plugins=(Plugin("host-local"),)),
        ),
        [("PluginMissing", "plugin")],
    ),
    "a plugin hangs": (failed(added("did not end within 30000 ms and was stopped")), [("PluginTimeout", "plugin")]),
    "a plugin crashes": (failed(added("was killed by signal 11")), [("PluginKilled", "plugin")]),
    "a plugin exits": (failed(added("failed with exit status 3 and printed: nothing")), [("PluginCrashed", "plugin")]),
    "a plugin prints garbage": (failed(added("returned an invalid CNI result: not JSON")), [("PluginResultInvalid", "plugin")]),
    "a plugin prints nothing": (failed(added("returned no result; its effect is unknown")), [("PluginResultInvalid", "plugin")]),
    "a plugin prints 10 MB": (failed(added("could not be run: it wrote more than 1 MiB")), [("PluginNotRunnable", "plugin")]),
    "a path as a plugin": (failed(added("was refused by the shim: a plugin is a file in")), [("PluginRefused", "plugin")]),
    "two ADDs for one sandbox": (
        failed("sandbox 9c1e is attached already; the runtime has to call DEL first"),
        [("AlreadyAttached", "plan")],
    ),
    "the ledger's disk is full": (
        failed("the ledger cannot be written: [Errno 28] No space left on device; make room or fix the disk"),
        [("LedgerUnwritable", "plan")],
    ),
    "host-local's disk is full": (
        failed(added("failed: write /var/lib/cni/networks/lan/10.0.3.5: no space left on device")),
        [("DiskFull", "plugin")],
    ),
    "host-local's disk is read-only": (failed(added("failed: open /var/lib/cni/networks/lan: read-only file system")), [("DiskReadOnly", "plugin")]),
    "no address is left": (failed(added("failed: no IP addresses available in range set: 10.0.3.1-10.0.3.2")), [("AddressesExhausted", "plugin")]),
    "no DHCP client runs": (
        failed(added("failed: error dialing DHCP daemon: dial unix /run/cni/dhcp.sock: connect: no such file or directory")),
        [("DHCPDaemonMissing", "plugin")],
    ),
    "the shim is removed": (
        facts(None, event("FailedCreatePodSandBox", f'{SANDBOX}failed to find plugin "netattach" in path [/opt/cni/bin]')),
        [("ShimMissing", "runtime")],
    ),
    "the shim is another release's": (
        facts(None, event("FailedCreatePodSandBox", f"{CALLED}the program that listens at /s is no netattach daemon of the shim's release")),
        [("ReleasesDiffer", "runtime")],
    ),
    "the runtime calls another meta-plugin": (
        facts(None, event("FailedCreatePodSandBox", f'{SANDBOX}plugin type="multus" name="multus-cni-network" failed (add): no kubeconfig')),
        [("AnotherPlugin", "runtime")],
    ),
    "no CNI config": (
        facts(None, event("FailedCreatePodSandBox", f"{SANDBOX}cni plugin not initialized")),
        [("NoCNIConfig", "runtime")],
    ),
    "the runtime reads another directory of configs": (
        facts(pod("Running"), node=dataclasses.replace(NODE, inventories=[objects.inventory_of("node1", NOT_ATTACHED)])),
        [("NotAttached", "running")],
    ),
    "another program takes the first place": (
        facts(pod("Running"), CONTEST, node=dataclasses.replace(NODE, inventories=[objects.inventory_of("node1", NOT_ATTACHED)])),
        [("CNIConfigContested", "runtime")],
    ),
    "an interface vanishes": (
        facts(pod("Running"), CONTEST, node=dataclasses.replace(NODE, inventories=[objects.inventory_of("node1", LOST)])),
        [("InterfaceMissing", "running")],
    ),
    "the same, where the inventory cannot be read": (
        facts(pod("Running"), event("NetworkMissing", "the pod has lost interface net1"), node=NodeFacts(known=False)),
        [("NetworkMissing", "running")],
    ),
    "the status is not there": (facts(pod("Running")), [("NotReported", "status")]),
    "netattach is uninstalled": (
        facts(None, event("FailedCreatePodSandBox", f"{CALLED}netattach is uninstalled and attaches nothing, and no plugin before it")),
        [("Uninstalled", "runtime")],
    ),
    "a ledger entry of a later release": (
        failed("the ledger's entry has format 9, which a later release of netattach wrote, and this one reads 1"),
        [("LaterRelease", "plan")],
    ),
    "policy refuses the network": (failed("network default/lan: deny [policy-plugins] the plugin may not be used"), [("NotPermitted", "resolve")]),
    "policy is not known yet": (failed("policy cannot be checked: this node is not known yet"), [("PolicyUnknown", "resolve")]),
    "another namespace's network": (
        failed("annotation x: pods in namespace 'default' cannot use networks in namespace 'other': namespace isolation is enabled"),
        [("NamespaceIsolated", "resolve")],
    ),
    "the network is for other nodes": (
        failed("network default/lan: it is not used on node node1, whose labels do not match a=b"),
        [("NodeNotSelected", "resolve")],
    ),
    "no device": (
        failed("network default/lan: its resourceName a/b requires a device for each of 1 attachments, and the kubelet allocated none"),
        [("DeviceMissing", "resolve")],
    ),
    "one interface name twice": (
        failed("network default/lan: interface 'net1' is default/other's already; request another name"),
        [("InterfaceTwice", "resolve")],
    ),
    "too many calls": (failed("call queue full: 1000 calls are waiting; try again later"), [("QueueFull", "queue")]),
    "no default network": (failed("no default network yet: /etc/cni/net.d has no CNI config except netattach's"), [("DefaultNetworkMissing", "resolve")]),
    "no node is left": (
        facts(pod(node=""), event("NoNodeForNetworks", "no node has all networks of this pod ready: default/lan rules out node1")),
        [("NoNodeForNetworks", "scheduling")],
    ),
    "the scheduler has another reason": (
        facts(pod(node=""), event("FailedScheduling", "0/2 nodes are available: 2 Insufficient cpu.")),
        [("NotScheduled", "scheduling")],
    ),
    "the annotation cannot be read": (facts(objects.pod("web", "[{", phase="Pending")), [("AnnotationInvalid", "resolve")]),
    "the annotation is misspelt": (
        facts(objects.pod("web", "", phase="Running", **{"k8s.v1.cni.cncf.io/network": "lan"})),
        [("AnnotationMisspelt", "admission")],
    ),
    "two plugins fail": (
        failed(f"{added('was killed by signal 9')}; ADD of network default/dmz (net2): plugin tap did not end within 9 ms and was stopped"),
        [("PluginKilled", "plugin"), ("PluginTimeout", "plugin")],
    ),
    "a message of a later release": (failed("the moon is in the wrong phase"), [("Unknown", "resolve")]),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_has_its_true_cause_a_fix_and_evidence(name: str) -> None:
    given, expected = FAILURES[name]
    found = explain(given)

    assert expected == causes(found)
    assert all(each.fix and each.message for each in found.causes)
    assert not found.attached
    assert found.evidence or not given.events


def test_a_pod_that_is_attached_has_no_cause_whatever_failed_before() -> None:
    attached = objects.pod("web", "lan", objects.DEFAULT_ENTRY, objects.entry())
    old = event("FailedAttachment", added("was killed by signal 9"), seconds=100)
    new = event(
        "AddedInterface", "Add net1 [10.0.3.200/24] from default/lan", record=CallRecord("c", 0, 12.0)
    )
    found = explain(facts(attached, old, new))

    assert (True, [], "the pod has all 1 networks that it asks for") == (
        found.attached,
        found.causes,
        found.verdict,
    )
    assert [(True, 12.0)] == [(call.succeeded, call.milliseconds) for call in found.calls]


def test_a_pod_that_asks_for_nothing_lacks_nothing() -> None:
    for phase in ("Running", "Pending", "Succeeded"):
        found = explain(facts(objects.pod("web", "", phase=phase)))

        assert (True, []) == (found.attached, found.causes)


def test_a_pod_that_lacks_a_default_network_of_the_cluster() -> None:
    node = dataclasses.replace(NODE, inventories=[objects.inventory_of("node1", NOT_ATTACHED)])

    assert [("NotAttached", "running")] == causes(
        explain(facts(objects.pod("web", "", phase="Running"), node=node))
    )


def test_the_last_failure_counts() -> None:
    first = event("FailedAttachment", added("was killed by signal 9"), seconds=60)
    last = event(
        "FailedCreatePodSandBox", f"{CALLED}{added('did not end within 9 ms and was stopped')}", seconds=5
    )

    assert [("PluginTimeout", "plugin")] == causes(explain(facts(None, first, last)))
    assert [("PluginTimeout", "plugin")] == causes(explain(facts(None, last, first)))


def test_events_of_an_earlier_pod_of_this_name_and_of_others_do_not_count() -> None:
    earlier = event("FailedAttachment", added("was killed by signal 9"), uid="another")
    other = event("FailedAttachment", added("was killed by signal 9"), name="other")
    found = explain(facts(None, earlier, other))

    assert ([], []) == (found.causes, found.evidence)
    assert "the pod is not attached, and nothing says why" == found.verdict
    assert "Events are kept for an hour" in found.notes[0]


def test_what_the_node_lacks_explains_more_than_a_plugins_words() -> None:
    """The plugin says only that a link is not found; the inventory has the name."""
    found = explain(
        failed(
            added('failed: failed to lookup master "eth1": Link not found'),
            node=node_with(interfaces=(Interface("eth0"),)),
        )
    )

    assert [("InterfaceMissing", "plugin")] == causes(found)
    assert "eth1" in found.causes[0].message
    assert "the plugin says: " in found.causes[0].message


def test_the_plugins_code_and_durations_are_those_of_the_record() -> None:
    record = CallRecord(
        "c",
        100,
        31.0,
        {"plugin": 29.0},
        {"default/lan": 29.0},
        [FailedPlugin("default/lan", "net1", "macvlan", 11)],
    )
    found = explain(facts(None, event("FailedAttachment", added("failed: try again"), record=record)))

    assert 11 == found.causes[0].code
    assert [(False, 100, 31.0, {"plugin": 29.0})] == [
        (call.succeeded, call.code, call.milliseconds, call.phases) for call in found.calls
    ]


def test_the_fix_names_the_node() -> None:
    found = explain(facts(None, event("FailedCreatePodSandBox", f"{CALLED}{DOWN}")))

    assert "see the daemon of the node: kubectl netattach doctor node/node1" == found.causes[0].fix


@pytest.mark.parametrize(
    "known", [*messages.OF_PLUGINS, *messages.OF_CALLS], ids=lambda known: known.pattern[:40]
)
def test_a_message_of_ours_is_in_a_program_of_ours(known: messages.Known) -> None:
    assert (
        known.is_foreign
        or [text for text in templates() if re.search(known.pattern, text)]
        or is_joined(known.pattern)
    )


def is_joined(pattern: str) -> bool:
    """Two messages are put together from pieces that the search for templates does not join."""
    return pattern in {"failed: ", "failed with exit status .* and printed: ", "could not be run: "}


HOSTILE: Sequence[str] = [
    "\x1b[2J\x1b]0;owned\x07",
    "ADD of network (): plugin " * 200,
    "plugin " + "a" * 100_000,
    'plugin type="netattach" ' * 300 + " failed (add): ",
    "`default-route` " * 4000,
    "<script>alert(1)</script>",
    "",
]


@pytest.mark.parametrize(
    "reason", ["FailedAttachment", "FailedCreatePodSandBox", "NetworkMissing", "NoNodeForNetworks"]
)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_message_is_explained_in_bounded_time(text: str, reason: str) -> None:
    found = explain(facts(None, event(reason, text)))

    assert all(len(each.message) <= messages.LONGEST for each in found.causes)


@pytest.mark.parametrize("value", [None, 7, [], "x", {"a": 1}])
def test_events_of_any_form_are_read(value: object) -> None:
    keys = ("involvedObject", "reason", "message", "lastTimestamp", "metadata", "series", "eventTime")
    given = [{**event("FailedAttachment", "x"), key: value} for key in keys]

    assert isinstance(explain(facts(None, *given)), Explanation)
    assert json.dumps(given)


@pytest.mark.parametrize(
    "network", ["lab/$(touch${IFS}/tmp/x)", "lab/x;id", "lab/`id`", "--kubeconfig=/tmp/x", "lab/-x", "-x/lab", "lab"]
)  # fmt: skip
def test_a_text_that_is_no_name_is_in_no_command(network: str) -> None:
    (cause,) = explain(failed(f"ADD of network {network} (net1): plugin macvlan failed: x")).causes

    assert "networks NETWORK`" in cause.fix
    assert "$(" not in cause.fix


def test_a_name_is_in_the_command() -> None:
    (cause,) = explain(failed("ADD of network lab/vlan-1.a (net1): plugin macvlan failed: x")).causes

    assert "networks lab/vlan-1.a`" in cause.fix


def test_a_node_that_is_no_name_is_in_no_command() -> None:
    found = failed("no netattach daemon answered at /run/x")
    assert found.pod is not None
    node = {**found.pod, "spec": {**found.pod["spec"], "nodeName": "$(id)"}}

    assert ["see the daemon of the node: kubectl netattach doctor node/NODE"] == [
        each.fix for each in explain(dataclasses.replace(found, pod=node)).causes
    ]
