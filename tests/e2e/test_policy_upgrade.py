"""An upgrade to a version with policy: what runs keeps running and is released, new pods are refused with the reason.

The settings stand for the versions: without policy every namespace was privileged. Those of docs/migrating.md are tried as well.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest

from e2e import tenancy
from e2e.lab.cluster import NODE, Cluster
from e2e.objects import config, created, links, nad, pod
from support import require

LEGACY = "legacy"
WITHOUT_POLICY = "policy: {default: privileged}"
BASELINE = ""
"""No settings: the default of the new version."""

NODES = ("node1", "node2")
STORE = "/var/lib/kubelet/legacy-leases"


class Refused(NamedTuple):
    """A network that baseline refuses: by which rule, where its addresses begin, and an address behind it that answers."""

    rule: str
    subnet: str
    first: int
    answers: str


REFUSED = {
    "node-interface": Refused("policy-default-interface", "172.30.0", 200, "172.30.0.1"),
    "own-store": Refused("policy-host-path", "10.0.3", 220, "10.0.3.1"),
    "long": Refused("policy-too-many-plugins", "10.0.3", 230, "10.0.3.1"),
}

DAEMON = ("--namespace", NODE, "daemonset/netattach-daemon")
_YAML = re.compile(r" *```yaml\n(.*?) *```", re.DOTALL)


def _networks() -> Iterator[dict[str, Any]]:
    shared = nad("node-interface", config(**_macvlan("node-interface", "eth0")), LEGACY)
    shared["metadata"]["annotations"] = {"netattach.io/allow-default-interface": "true"}
    yield shared
    yield nad("own-store", config(**_macvlan("own-store", "eth1", dataDir=STORE)), LEGACY)
    plugins = [_macvlan("long", "eth1"), *({"type": "tuning"} for _ in range(16))]
    yield nad("long", json.dumps({"cniVersion": "1.0.0", "plugins": plugins}), LEGACY)


def _macvlan(name: str, master: str, **keys: Any) -> dict[str, Any]:
    _, subnet, first, _ = REFUSED[name]
    ends = {"rangeStart": f"{subnet}.{first}", "rangeEnd": f"{subnet}.{first + 9}"}
    ipam = {"type": "host-local", "subnet": f"{subnet}.0/24", **ends, **keys}
    return {
        "type": "macvlan",
        "master": master,
        "mode": "bridge",
        "ipam": ipam,
        "capabilities": {"ips": True},
    }


def _pod(name: str, number: int, *networks: str, node: str = "node1") -> dict[str, Any]:
    """With the address of this number in each network, since the nodes do not know each other's leases."""
    addresses = {each: f"{REFUSED[each].subnet}.{REFUSED[each].first + number}/24" for each in networks}
    request = [{"name": each, "ips": [address]} for each, address in addresses.items()]
    return pod(name, request, node=node, namespace=LEGACY)


def settings_of_the_page() -> tuple[str, str]:
    """Of docs/migrating.md: those that only warn, and those that trust a namespace."""
    page = (require.REPOSITORY / "docs" / "migrating.md").read_text()
    section = page.partition("## Policy after an upgrade")[2].partition("\n## ")[0]
    warn, trust = map(textwrap.dedent, _YAML.findall(section))
    return warn, trust


@pytest.fixture
def grown(installed: Cluster) -> Iterator[Cluster]:
    """The networks, and a pod with all of them on each node, from before there was policy."""
    with tenancy.settings(installed, WITHOUT_POLICY):
        created(installed, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": LEGACY}})
        try:
            tenancy.wait_for_account(installed, LEGACY)
            pods = (_pod(f"old-{node}", number, *REFUSED, node=node) for number, node in enumerate(NODES, 1))
            created(installed, *_networks(), *pods)
            for node in NODES:
                installed.wait_ready(f"old-{node}", LEGACY)
            yield installed
        finally:
            installed.kubectl("delete", "pods", "--all", "--namespace", LEGACY, check=False)
            installed.kubectl("delete", "namespace", LEGACY, "--timeout=120s")


def _works(cluster: Cluster, name: str, *networks: str) -> bool:
    """Each network of the pod carries packets."""
    words = ("exec", "--namespace", LEGACY, name, "--", "ping", "-c", "1", "-W", "5")
    return all(
        cluster.kubectl(*words, "-I", f"net{number}", REFUSED[each].answers, check=False).returncode == 0
        for number, each in enumerate(networks, 1)
    )


def _upgrade(cluster: Cluster) -> None:
    cluster.set_settings(BASELINE)
    cluster.kubectl("rollout", "restart", *DAEMON)
    cluster.kubectl("rollout", "status", *DAEMON, "--timeout=180s")


def _permitted(cluster: Cluster, name: str) -> str:
    conditions = cluster.read("nad", name, LEGACY).get("status", {}).get("conditions", [])
    return next((each["status"] for each in conditions if each["type"] == "Permitted"), "")


def _is_reported(cluster: Cluster, name: str) -> bool:
    """In the condition and by an event."""
    return _permitted(cluster, name) == "False" and _events(cluster, name) > 0


def _is_permitted(cluster: Cluster, name: str) -> bool:
    return _permitted(cluster, name) == "True"


def _events(cluster: Cluster, network: str) -> int:
    """How often the operator has said that policy does not permit the network."""
    fields = f"--field-selector=reason=NotPermitted,involvedObject.name={network}"
    return sum(event.get("count", 1) for event in cluster.objects("events", "--namespace", LEGACY, fields))


def _held(cluster: Cluster, node: str) -> str:
    """What the node holds for pods of the namespace: leases, ledger entries."""
    stores = (STORE, "/var/lib/cni/networks")
    folders = " ".join(f"{store}/{network}" for store in stores for network in REFUSED)
    script = (
        f"find {folders} -name '*.*.*.*' 2>/dev/null; "
        f'grep -aslE \'"namespace": "{LEGACY}"|K8S_POD_NAMESPACE={LEGACY};\' '
        "/var/lib/cni/netattach/* /var/lib/cni/netattach/chains/*/*; true"
    )
    return cluster.node(node).sh(script)


def _links_of_pods(cluster: Cluster, node: str) -> str:
    """macvlan interfaces that came back to the node."""
    return cluster.node(node).sh("ip -o link show type macvlan")


def test_pods_of_the_former_version_run_and_are_released_and_new_ones_are_refused(grown: Cluster) -> None:
    for node in NODES:
        assert "10." in _held(grown, node)

    _upgrade(grown)

    for node in NODES:
        assert ["lo", "eth0", "net1", "net2", "net3"] == links(grown, f"old-{node}", LEGACY)
        assert _works(grown, f"old-{node}", *REFUSED)
    for name in REFUSED:
        grown.eventually(partial(_is_reported, grown, name), f"{name} is not permitted")
    _new_ones_are_refused(grown)
    _warnings_let_them_in(grown)
    assert dict.fromkeys(REFUSED, 1) == {name: _events(grown, name) for name in REFUSED}

    grown.set_settings(BASELINE)
    grown.kubectl("delete", "pods", "--all", "--namespace", LEGACY, "--timeout=120s")
    for node in NODES:
        assert ("", "") == (_held(grown, node), _links_of_pods(grown, node))


def _new_ones_are_refused(cluster: Cluster) -> None:
    """Pods by the daemon, since their networks exist; networks by the webhooks."""
    for body, (name, refused) in zip(_networks(), REFUSED.items(), strict=True):
        created(cluster, _pod(f"new-{name}", 3, name))
        body["metadata"]["name"] = "new"
        done = cluster.kubectl("create", "-f", "-", input=json.dumps(body), check=False)
        assert f"[{refused.rule}]" in done.stderr or "[master-default-interface]" in done.stderr
        assert not cluster.exists("nad", "new", LEGACY)
    for name, refused in REFUSED.items():
        cluster.eventually(partial(_failure, cluster, f"new-{name}"), f"the event of new-{name}")
        assert f"[{refused.rule}]" in _failure(cluster, f"new-{name}")
        assert "Pending" == cluster.read("pod", f"new-{name}", LEGACY)["status"]["phase"]


def _failure(cluster: Cluster, name: str) -> str:
    return cluster.events(name, "FailedAttachment", LEGACY)


def _warnings_let_them_in(cluster: Cluster) -> None:
    """The refused pods start by themselves as soon as policy only warns, and others once the namespace is trusted."""
    warn, trust = settings_of_the_page()
    cluster.set_settings(warn)
    for name in REFUSED:
        cluster.wait_ready(f"new-{name}", LEGACY)
        assert _works(cluster, f"new-{name}", name)
    network = nad("new", config(**_macvlan("own-store", "eth1", dataDir=STORE)), LEGACY)
    assert "Warning: [policy-host-path]" in created(cluster, network)

    cluster.set_settings(trust)
    created(cluster, _pod("trusted", 4, *REFUSED))
    cluster.wait_ready("trusted", LEGACY)
    for name in REFUSED:
        cluster.eventually(partial(_is_permitted, cluster, name), f"{name} is permitted")
