"""Objects of which operators make networks and pods: KubeVirt, Argo, OpenShift, SR-IOV."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from unit.cli.samples import Netattach, nad, text_at_caret

RAW = '{"cniVersion": "1.0.0", "type": "bridge", "vlan": "7"}'
HOST_LOCAL = json.dumps(
    {"cniVersion": "1.0.0", "type": "bridge", "ipam": {"type": "host-local", "subnet": "10.1.2.0/30"}}
)


def lint(netattach: Netattach, text: str, *options: str) -> tuple[int, str]:
    Path("a.yaml").write_text(textwrap.dedent(text))
    status, out, err = netattach("lint", "a.yaml", *options)
    assert not err
    assert out == netattach("lint", ".", *options)[1], "in a folder, the file is taken for an unrelated one"
    return status, out


MACHINE = """\
    apiVersion: kubevirt.io/v1
    kind: VirtualMachine
    metadata: {{name: vm, namespace: lab}}
    spec:
      template:
        spec:
          domain:
            devices:
              interfaces:
                - {{name: default, masquerade: {{}}}}
                - name: lan
                  bridge: {{}}
                  macAddress: "{mac}"
          networks:
            - name: default
              pod: {{}}
            - name: lan
              multus: {{networkName: {network}}}
    """


def test_a_virtual_machine_that_is_right_has_no_findings(netattach: Netattach) -> None:
    text = MACHINE.format(mac="02:00:00:00:00:01", network="lan")

    assert (0, "0 NADs, 1 pod: nothing wrong\n") == lint(netattach, text)


@pytest.mark.parametrize(
    ("values", "finding", "place"),
    [
        ({"network": "Lan"}, "deny [pod-annotation] VirtualMachine lab/vm", "Lan"),
        ({"network": "Infra/lan"}, "deny [pod-annotation] VirtualMachine lab/vm", "Infra/lan"),
        ({"mac": "03:00:00:00:00:01"}, "deny [pod-mac] VirtualMachine lab/vm", "lan}"),
    ],
)
def test_a_network_of_a_virtual_machine_is_validated(
    netattach: Netattach, values: dict[str, str], finding: str, place: str
) -> None:
    """As in the annotation that KubeVirt writes; the place is in the virtual machine."""
    status, out = lint(netattach, MACHINE.format(**{"mac": "02:00:00:00:00:01", "network": "lan", **values}))

    assert 1 == status
    assert finding in out
    assert text_at_caret(out).startswith(place)


def test_an_instance_is_validated_like_a_virtual_machine(netattach: Netattach) -> None:
    text = """\
    apiVersion: kubevirt.io/v1
    kind: VirtualMachineInstance
    metadata: {name: vmi}
    spec:
      networks:
        - {name: lan, multus: {networkName: lan}}
        - {name: lan2, multus: {networkName: lan@}}
        - {name: main, multus: {networkName: "UP", default: true}}
    """
    status, out = lint(netattach, text)

    assert 1 == status
    assert f"a.yaml:7:42: deny [pod-annotation] VirtualMachineInstance vmi {NETWORKS}[1].name\n" in out
    assert f"a.yaml:8:42: deny [pod-annotation] VirtualMachineInstance vmi {DEFAULT_NETWORK}[0].name\n" in out


def test_virtual_machines_of_other_groups_are_no_virtual_machines(netattach: Netattach) -> None:
    text = MACHINE.format(mac="", network="Lan").replace("kubevirt.io/v1", "virt.example.com/v1")

    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, text)


@pytest.mark.parametrize(
    ("head", "path"),
    [
        ("apiVersion: argoproj.io/v1alpha1\nkind: Rollout", ("spec",)),
        ("apiVersion: serving.knative.dev/v1\nkind: Service", ("spec",)),
        ("apiVersion: jobset.x-k8s.io/v1\nkind: JobSet", ("spec", "- name: a", "template", "spec")),
        ("apiVersion: example.com/v1\nkind: Deployment", ("spec",)),
    ],
)
def test_a_pod_template_of_any_kind_is_found(netattach: Netattach, head: str, path: tuple[str, ...]) -> None:
    text, indent = f"{head}\nmetadata: {{name: web}}\n", ""
    for key in path:
        text += f"{indent}{key}{'' if ' ' in key else ':'}\n"
        indent += "  "
        if key == "spec" and "JobSet" in head and "replicatedJobs" not in text:
            text, indent = f"{text}{indent}replicatedJobs:\n", indent + "  "
    text += f"{indent}template:\n{indent}  metadata:\n{indent}    annotations:\n{indent}      {NETWORKS}: a@eth/0\n"
    status, out = lint(netattach, text)

    assert 1 == status
    assert "deny [pod-annotation]" in out
    assert "a@eth/0" == text_at_caret(out)
    assert out.endswith("0 NADs, 1 pod: 1 refused\n")


def test_a_template_that_an_alias_repeats_is_searched_once(netattach: Netattach) -> None:
    template = f"metadata: {{annotations: {{{NETWORKS}: A}}}}\n    more: {{template: 1}}\n  template2: *b\n"
    text = f"kind: Loop\nspec: &a\n  template: &b\n    {template}"
    status, out = lint(netattach, text)

    assert 1 == status
    assert 1 == out.count("deny [pod-annotation]")


OPENSHIFT = """\
    apiVersion: operator.openshift.io/v1
    kind: Network
    metadata: {name: cluster}
    spec:
      additionalNetworks:
        - name: raw
          namespace: lab
          type: Raw
          rawCNIConfig: |
            {"cniVersion": "1.0.0", "type": "bridge", "vlan": "7"}
        - name: simple
          type: SimpleMacvlan
          simpleMacvlanConfig:
            master: eth1
            mode: Bridge
            mtu: 12
            ipamConfig:
              type: Static
              staticIPAMConfig:
                addresses: [{address: 10.1.2.300/24}]
    """


def test_additional_networks_of_openshift_are_validated(netattach: Netattach) -> None:
    status, out = lint(netattach, OPENSHIFT)

    assert 1 == status
    assert "a.yaml:10:59: deny [schema] Network lab/raw vlan\n" in out
    assert '"7"}' == text_at_caret(out)
    assert "deny [address] Network default/simple" in out or "Network default/simple ipam" in out
    assert "2 NADs: 2 refused" in out


def test_a_network_of_another_group_is_not_one_of_openshift(netattach: Netattach) -> None:
    text = OPENSHIFT.replace("operator.openshift.io", "config.openshift.io")

    assert (0, "0 NADs: nothing to validate\n") == lint(netattach, text)


SRIOV = """\
    apiVersion: sriovnetwork.openshift.io/v1
    kind: SriovNetwork
    metadata: {{name: fast, namespace: sriov}}
    spec:
      networkNamespace: lab
      resourceName: nics
      vlan: {vlan}
      spoofChk: "off"
      ipam: |
        {ipam}
      metaPlugins: |
        {plugins}
    """
GOOD = {
    "vlan": "7",
    "ipam": '{"type": "host-local", "subnet": "10.1.2.0/24"}',
    "plugins": '{"type": "tuning", "mtu": 1400}, {"type": "vrf", "vrfname": "red"}',
}


def test_an_sriov_network_that_is_right_has_no_denials(netattach: Netattach) -> None:
    status, out = lint(netattach, SRIOV.format(**GOOD))

    assert 0 == status
    assert "deny" not in out


@pytest.mark.parametrize(
    ("values", "finding", "place"),
    [
        ({"vlan": "5000"}, "SriovNetwork lab/fast plugins[0].vlan", "5000"),
        (
            {"ipam": '{"type": "host-local", "subnet": "10.1.2.0/33"}'},
            "SriovNetwork lab/fast plugins[0].ipam.subnet",
            '"10.1.2.0/33"}',
        ),
        ({"ipam": '{"type": "host-local",}'}, "deny [json-syntax] SriovNetwork lab/fast", ",}"),
        (
            {"plugins": '{"type": "tuning", "mtu": "1400"}'},
            "SriovNetwork lab/fast plugins[1].mtu",
            '"1400"}',
        ),
    ],
)
def test_a_network_of_sriov_is_validated_as_its_operator_writes_it(
    netattach: Netattach, values: dict[str, str], finding: str, place: str
) -> None:
    """The place is in the author's own text."""
    status, out = lint(netattach, SRIOV.format(**{**GOOD, **values}))

    assert 1 == status
    assert finding in out
    assert place in [text_at_caret(part) for part in out.split("\n\n") if " ^" in part]


def test_a_network_of_ovs_is_validated(netattach: Netattach) -> None:
    text = """\
    apiVersion: sriovnetwork.openshift.io/v1
    kind: OVSNetwork
    metadata: {name: ovs, namespace: lab}
    spec:
      bridge: br1
      vlan: 7
      mtu: big
      ipam: '{"type": "host-local", "subnet": "10.1.2.0/33"}'
    """
    status, out = lint(netattach, text)

    assert 1 == status
    assert "a.yaml:7:8: deny [schema] OVSNetwork lab/ovs mtu\n" in out
    assert "a.yaml:8:43: deny" in out


def pod(networks: str, kind: str = "Pod", more: str = "") -> str:
    annotations = f"{{annotations: {{{NETWORKS}: '{networks}'}}}}"
    if kind == "Pod":
        return f"kind: Pod\nmetadata: {{name: p, namespace: lab, {annotations[1:-1]}}}\nspec: {{}}\n"
    return f"kind: {kind}\nmetadata: {{name: p, namespace: lab}}\nspec:\n  {more}template: {{metadata: {annotations}}}\n"


@pytest.mark.parametrize("first", ["network", "pod"])
def test_a_pod_is_held_against_the_networks_of_its_file(netattach: Netattach, first: str) -> None:
    parts = [nad("lan", HOST_LOCAL), pod('[{"name": "lan", "ips": ["10.9.9.9/24"]}]')]
    text = "---\n".join(parts if first == "network" else reversed(parts))
    status, out = lint(netattach, text)

    assert 1 == status
    assert f"deny [pod-address-outside] Pod lab/p {NETWORKS}[0]\n" in out
    assert "`ips` 10.9.9.9/24 is not in the ranges of lab/lan" in out


def test_a_pod_is_held_against_the_networks_of_other_files(netattach: Netattach) -> None:
    """Whatever the order of the files."""
    Path("a-pod.yaml").write_text(pod('[{"name": "lan", "ips": ["10.9.9.9/24"]}]'))
    Path("b-net.yaml").write_text(nad("lan", HOST_LOCAL))

    assert "pod-address-outside" in netattach("lint", ".")[1]
    assert "pod-address-outside" in netattach("lint", "b-net.yaml", "a-pod.yaml")[1]
    assert "pod-address-outside" not in netattach("lint", "a-pod.yaml")[1]


def test_the_network_of_its_own_file_is_before_another_one_of_the_same_name(netattach: Netattach) -> None:
    """Overlays define a network several times."""
    wide = HOST_LOCAL.replace("10.1.2.0/30", "10.9.0.0/16")
    element = pod('[{"name": "lan", "ips": ["10.9.9.9/16"]}]')
    Path("a.yaml").write_text(nad("lan", HOST_LOCAL))
    Path("b.yaml").write_text(f"{element}---\n{nad('lan', wide)}")
    Path("c.yaml").write_text(f"{nad('lan', HOST_LOCAL)}---\n{element}")

    out = netattach("lint", ".")[1]
    assert ["c.yaml"] == [line[:6] for line in out.splitlines() if "pod-address-outside" in line]


@pytest.mark.parametrize(
    ("kind", "more", "warns"),
    [("Deployment", "replicas: 9\n  ", True), ("Deployment", "", False), ("DaemonSet", "", False)],
)
def test_a_template_with_more_pods_than_addresses_is_a_warning(
    netattach: Netattach, kind: str, more: str, *, warns: bool
) -> None:
    """Of one node; without inventories there may be as many nodes as pods."""
    Path("nodes.json").write_text(json.dumps({"node": "w1"}))
    (Path("d")).mkdir()
    Path("d/a.yaml").write_text(f"{nad('lan', HOST_LOCAL)}---\n{pod('lan', kind, more)}")

    assert "pod-capacity" not in netattach("lint", "d")[1]
    assert warns == ("pod-capacity" in netattach("lint", "d", "--inventory", "nodes.json")[1])


def test_a_pod_without_the_device_of_its_network_is_a_warning(netattach: Netattach) -> None:
    """A webhook of the cluster may add the request."""
    config = json.dumps({"cniVersion": "1.0.0", "type": "sriov", "ipam": {}})
    network = nad("lan", config).replace(
        "  name: lan\n", "  name: lan\n  annotations: {k8s.v1.cni.cncf.io/resourceName: x.com/nics}\n"
    )
    text = f"{network}---\n{pod('lan')}"
    status, out = lint(netattach, text)

    assert 0 == status
    assert "warn [pod-device-missing] Pod lab/p" in out
    (Path("..") / "settings.yaml").write_text("deviceInjection: 'on'\n")
    assert "pod-device-missing" not in netattach("lint", "a.yaml", "--settings", "../settings.yaml")[1]


def test_of_a_network_that_isolation_forbids_nothing_else_is_said(netattach: Netattach) -> None:
    (Path("..") / "settings.yaml").write_text("namespaceIsolation: true\n")
    network = nad("lan", HOST_LOCAL, namespace="infra")
    text = f"{network}---\n{pod(json.dumps([{'name': 'lan', 'namespace': 'infra', 'ips': ['10.9.9.9/24']}]))}"
    out = lint(netattach, text, "--settings", "../settings.yaml")[1]

    assert "deny [pod-isolated]" in out
    assert "pod-address-outside" not in out
