"""`netattach simulate` from files to what is printed, with a fake kubectl; and hostile files."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api.inventory import Interface
from netattach_core.api.objects import Body
from support import fake_kubectl
from unit.cli import cluster_objects as objects
from unit.cli.samples import Netattach

Simulate = Callable[..., tuple[int, str, str]]

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "annotations": {objects.NETWORKS: "lan"}},
    "spec": {"containers": [{"name": "main", "image": "web"}]},
}

CONFIG = {
    "cniVersion": "1.0.0",
    "type": "macvlan",
    "master": "eth1",
    "ipam": {"type": "host-local", "subnet": "10.9.0.0/24"},
}


def nad(name: str, config: object) -> Body:
    text = config if isinstance(config, str) else json.dumps(config)
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name},
        "spec": {"config": text},
    }


def pod(networks: str, **changes: Any) -> Body:
    spec = {**POD["spec"], **changes}  # type: ignore[dict-item]
    return {**POD, "metadata": {"name": "web", "annotations": {objects.NETWORKS: networks}}, "spec": spec}


def settings(text: str) -> Body:
    return objects.body("ConfigMap", "netattach-config", objects.NODE, data={"config.yaml": text})


@pytest.fixture
def simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netattach: Netattach) -> Simulate:
    """Takes the objects of a file, then those of the cluster that differ from a healthy one."""

    def simulated(
        found: list[Any], *others: Body, words: tuple[str, ...] = (), forbidden: tuple[str, ...] = ()
    ) -> tuple[int, str, str]:
        served = objects.replaced(objects.healthy(datetime.now(UTC)), *others)
        fake_kubectl.install(tmp_path / "bin", served, forbidden=forbidden)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        file = tmp_path / "objects.json"
        file.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": found}))
        return netattach("simulate", "-f", str(file), *words)

    return simulated


def outcomes(text: str) -> dict[str, str]:
    return {each["node"]: each["outcome"] for each in json.loads(text)["pods"][0]["nodes"]}


def test_a_pod_that_would_be_attached(simulate: Simulate) -> None:
    expected = """\
POD           RESULT
default/web   would be created

Interfaces
ORDER   INTERFACE   NETWORK       PLUGINS   DEFAULT ROUTES
0       eth0        cbr0          <none>    <none>
1       net1        default/lan   macvlan   <none>

ROUTES
the default route is that of eth0, the default network

On the nodes
NODE    OUTCOME    REASONS
node1   attached   <none>
node2   attached   <none>
"""
    assert (0, expected, "") == simulate([POD])


def test_an_interface_name_and_a_requested_default_route(simulate: Simulate) -> None:
    text = json.dumps([{"name": "lan", "interface": "data"}, {"name": "lan", "default-route": ["10.0.3.1"]}])
    status, out, _ = simulate([pod(text)], words=("-o", "json"))
    (found,) = json.loads(out)["pods"]

    assert 0 == status
    assert ["eth0", "data", "net2"] == [each["interface"] for each in found["interfaces"]]
    assert "requested: 10.0.3.1" == found["interfaces"][2]["defaultRoutes"]
    assert (
        "the default route is the one that is requested, of net2 (default/lan); or the ADD fails"
        == found["routes"]
    )


def test_a_network_that_sets_a_default_route_by_its_config(simulate: Simulate) -> None:
    config = json.loads(objects.MACVLAN)
    config["ipam"]["routes"] = [{"dst": "0.0.0.0/0", "gw": "10.0.3.1"}]
    _, out, _ = simulate([pod("lan")], objects.network(config=json.dumps(config)), words=("-o", "json"))

    assert json.loads(out)["pods"][0]["routes"].startswith(
        "several default routes: that of eth0, and those of net1"
    )


def test_a_network_that_does_not_exist_is_refused_as_at_admission(simulate: Simulate) -> None:
    status, out, _ = simulate([pod("lam")])

    assert 1 == status
    assert "would be refused" in out
    assert "there is no NetworkAttachmentDefinition 'lam' in namespace 'default'" in out
    assert "On the nodes" not in out


def test_networks_that_cannot_be_read_are_not_called_missing(simulate: Simulate) -> None:
    status, out, errors = simulate([POD], forbidden=("network-attachment-definitions",))

    assert 3 == status
    assert "pod-uncertain-network" in out
    assert "there is no NetworkAttachmentDefinition" not in out
    assert "you have no right to list network-attachment-definitions" in errors


def test_one_interface_name_twice(simulate: Simulate) -> None:
    status, out, _ = simulate([pod("lan@a,lan@a")])

    assert 1 == status
    assert "pod-interface-twice" in out


def test_a_node_that_lacks_the_interface(simulate: Simulate) -> None:
    bare = objects.inventory_of("node2", interfaces=(Interface("eth0"),))
    status, out, _ = simulate([POD], bare, words=("-o", "json"))
    assert (0, {"node1": "attached", "node2": "fails"}) == (status, outcomes(out))

    status, out, _ = simulate([POD], bare, settings("scheduling: on"), words=("-o", "json"))
    assert (0, {"node1": "attached", "node2": "kept off"}) == (status, outcomes(out))
    assert "required node affinity: " in json.loads(out)["pods"][0]["changes"][0]


def test_no_node_is_left(simulate: Simulate) -> None:
    bare = objects.inventory_of("node2", interfaces=(Interface("eth0"),))
    status, out, _ = simulate([pod("lan", nodeName="node2")], bare)

    assert 1 == status
    assert "pod-no-node" in out
    assert ["node1", "not", "selected"] == next(
        line.split()[:3] for line in out.splitlines() if line.startswith("node1")
    )


def test_a_pod_with_a_network_of_the_same_file(simulate: Simulate) -> None:
    status, out, _ = simulate([pod("new"), nad("new", CONFIG)], words=("-o", "json"))
    found = json.loads(out)

    assert 0 == status
    assert [("default/new", False, True, [True, True])] == [
        (each["network"], each["changes"], each["admitted"], [on["ready"] for on in each["nodes"]])
        for each in found["networks"]
    ]
    assert {"node1": "attached", "node2": "attached"} == outcomes(out)


def test_a_network_that_is_refused_is_there_for_no_pod(simulate: Simulate) -> None:
    status, out, _ = simulate([pod("new"), nad("new", {"cniVersion": "1.0.0", "type": "macvlann"})])

    assert 1 == status
    assert 2 == out.count("would be refused")
    assert "did you mean `macvlan`?" in out


def test_only_networks(simulate: Simulate, tmp_path: Path, netattach: Netattach) -> None:
    simulate([POD, nad("lan", CONFIG)])
    _, out, _ = netattach("simulate", "nad", str(tmp_path / "objects.json"))

    assert "default/lan   would change; 2 pods keep what they have" in out
    assert "POD" not in out


def test_a_network_that_changes_while_pods_use_it(simulate: Simulate) -> None:
    ended = objects.pod("done", phase="Succeeded")
    status, out, _ = simulate([nad("lan", CONFIG)], ended, words=("-o", "json"))
    (found,) = json.loads(out)["networks"]

    assert (0, ["leases-per-node", "changed-in-use"]) == (
        status,
        [each["rule"] for each in found["findings"]],
    )
    assert "default/web-1, default/web-2." in found["findings"][-1]["text"]


def test_a_network_that_stays_as_it_is_is_not_validated_again(simulate: Simulate) -> None:
    old = json.dumps({"cniVersion": "1.0.0", "type": "macvlann"})
    status, out, _ = simulate([nad("lan", old)], objects.network(config=old), words=("-o", "json"))

    assert (0, []) == (status, json.loads(out)["networks"][0]["findings"])


def test_a_finding_has_its_line_in_the_annotation(simulate: Simulate) -> None:
    _, out, _ = simulate([pod('[{"name": "lan"},\n {"name": ]')], words=("-o", "json"))

    assert "(line 2, column 11)" in json.loads(out)["pods"][0]["findings"][0]["text"]


def test_policy_is_that_of_the_namespace(simulate: Simulate) -> None:
    namespace = objects.body(
        "Namespace", "default", metadata={"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    )
    status, out, _ = simulate([nad("lan", CONFIG)], namespace)

    assert 1 == status
    assert "policy-" in out


def test_the_pods_of_a_workload_only_warn(simulate: Simulate) -> None:
    template = {"metadata": {"annotations": {objects.NETWORKS: "lam"}}, "spec": POD["spec"]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": template},
    }
    _, out, _ = simulate([deployment], words=("-o", "json"))
    (found,) = json.loads(out)["pods"]

    assert (True, "warn") == (found["admitted"], found["findings"][0]["severity"])


def test_a_workload_whose_pods_are_refused(simulate: Simulate) -> None:
    template = {"metadata": {"annotations": {objects.NETWORKS: "lan,lan@b"}}, "spec": POD["spec"]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": template},
    }
    one = settings("policy: {limits: {networksPerPod: 1}}")
    status, out, _ = simulate([deployment], one, words=("-o", "json"))
    (found,) = json.loads(out)["pods"]

    assert (1, True, {"node1": "fails", "node2": "fails"}) == (status, found["admitted"], outcomes(out))
    assert found["problem"].startswith("its pods would be refused: [policy-")
    assert "its pods would be refused: [policy-" in simulate([deployment], one)[1]


def test_a_workload_with_more_pods_than_addresses(
    simulate: Simulate,
) -> None:
    small = {**CONFIG, "ipam": {"type": "host-local", "subnet": "10.9.0.0/30"}}
    template = {"metadata": {"annotations": {objects.NETWORKS: "lan"}}, "spec": POD["spec"]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 50, "template": template},
    }
    _, out, _ = simulate([deployment], objects.network(config=json.dumps(small)), words=("-o", "json"))

    assert ["pod-capacity"] == [each["rule"] for each in json.loads(out)["pods"][0]["findings"]]


def test_invalid_settings_are_reported(simulate: Simulate) -> None:
    _, _, errors = simulate([POD], settings("scheduling: [perhaps"))

    assert "the cluster's settings are invalid" in errors


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], "the files have no networks"),
        ([{"kind": "Service"}], "the files have no networks"),
        ([7, None, []], "the files have no"),
    ],
)
def test_a_file_without_networks(found: list[Any], expected: str, simulate: Simulate) -> None:
    status, out, errors = simulate(found)

    assert (2, "") == (status, out)
    assert expected in errors


@pytest.mark.parametrize(
    ("found", "kind", "status"), [(POD, "nad", 2), (POD, "pod", 0), ("lan", "pod", 2), ("lan", "nad", 0)]
)
def test_files_without_objects_of_the_kind(
    found: Any, kind: str, status: int, simulate: Simulate, tmp_path: Path, netattach: Netattach
) -> None:
    simulate([nad(found, CONFIG) if isinstance(found, str) else found])

    assert status == netattach("simulate", kind, str(tmp_path / "objects.json"))[0]


def test_a_pipe_is_read_once(simulate: Simulate, tmp_path: Path, netattach: Netattach) -> None:
    simulate([])
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(json.dumps(nad("lan", CONFIG)),), daemon=True)
    writer.start()
    status, out, _ = netattach("simulate", str(pipe))
    writer.join()

    assert 0 == status
    assert "default/lan   would change" in out


@pytest.mark.parametrize(("text", "status"), [("a: [", 2), (json.dumps(POD), 0), ("", 2)])
def test_standard_input(
    text: str, status: int, simulate: Simulate, netattach: Netattach, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate([])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    found, _, errors = netattach("simulate", "-")

    assert status == found
    assert ("netattach: " in errors) == (status != 0)


def test_a_file_that_cannot_be_read(netattach: Netattach, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [")

    assert 2 == netattach("simulate", "-f", str(tmp_path / "bad.yaml"))[0]
    assert 2 == netattach("simulate", str(tmp_path / "nothing.yaml"))[0]
    assert 2 == netattach("simulate")[0]


HOSTILE: list[Any] = [
    {"kind": "NetworkAttachmentDefinition", "metadata": 7, "spec": []},
    {
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": ["x"], "annotations": 7},
        "spec": {"config": 7},
    },
    nad("\x1b[2J", "{" * 5000),
    {"kind": "Pod", "metadata": {"annotations": {objects.NETWORKS: 7}}, "spec": 7},
    {
        "kind": "Pod",
        "metadata": {"name": "\x1b]0;x\x07", "annotations": {objects.NETWORKS: "[{" * 900}},
        "spec": {},
    },
    {"kind": "Pod", "metadata": None, "spec": {"nodeName": [1], "nodeSelector": 7, "containers": "x"}},
    {"kind": ["Pod"], "spec": {"template": {"metadata": {"annotations": {objects.NETWORKS: "lan"}}}}},
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_object_is_simulated_or_refused(number: int, simulate: Simulate) -> None:
    status, out, errors = simulate([HOSTILE[number]], settings("scheduling: on\ndeviceInjection: on"))

    assert status in {0, 1}
    assert "\x1b" not in out + errors
    assert "Traceback" not in errors
