"""What a migration check finds in the objects of a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_cli.files import UnreadableError
from netattach_cli.migrate import command, multus_installation
from netattach_cli.migrate.assessment import Assessment, Section
from unit.cli.migrate.manifests import (
    DAEMON_CONFIG,
    OPENSHIFT,
    Body,
    bridge,
    namespace,
    network,
    node,
    thick,
    thin,
    workload,
)


def _texts(assessment: Assessment, section: Section) -> str:
    return "\n".join(f"{item.subject}: {item.text} FIX {item.fix}" for item in assessment.of(section))


def test_upstreams_thick_manifest_needs_the_takeover_alone() -> None:
    found = command.assess(thick(DAEMON_CONFIG))

    assert "Multus 4.3.0 (thick), DaemonSet kube-system/kube-multus-ds" == found.multus
    assert {"takeover": "auto", "logLevel": "info"} == found.settings
    assert [] == found.of(Section.REFUSED)


@pytest.mark.parametrize(
    ("keys", "settings"),
    [
        ({"multusMasterCNI": "20-b.conflist"}, {"primaryNetwork": "20-b.conflist"}),
        ({"clusterNetwork": "/host/etc/cni/net.d/20-b.conflist"}, {"primaryNetwork": "20-b.conflist"}),
        ({"namespaceIsolation": True}, {"namespaceIsolation": True, "globalNamespaces": ["default"]}),
        (
            {"namespaceIsolation": True, "globalNamespaces": "a, b"},
            {"namespaceIsolation": True, "globalNamespaces": ["a", "b"]},
        ),
        (
            {
                "defaultNetworks": ["storage"],
                "multusNamespace": "nets",
                "systemNamespaces": ["kube-system", "x"],
            },
            {
                "defaultNetworks": ["storage"],
                "networksNamespace": "nets",
                "systemNamespaces": ["kube-system", "x"],
            },
        ),
        ({"logLevel": "panic"}, {"logLevel": "error"}),
        ({"logLevel": "debug"}, {"logLevel": "debug"}),
    ],
)
def test_settings_of_the_thick_plugin(keys: Body, settings: Body) -> None:
    """And netattach can read them."""
    found = command.assess(thick({**DAEMON_CONFIG, "logLevel": "", **keys}))

    assert {"takeover": "auto", **settings} == found.settings
    assert [*found.settings] == [
        item.subject for item in found.of(Section.CHANGE) if item.subject in found.settings
    ]


@pytest.mark.parametrize(
    ("args", "settings"),
    [
        (["--multus-conf-file=auto", "--multus-autoconfig-dir=/host/etc/cni/net.d"], {}),
        (["--namespace-isolation=true"], {"namespaceIsolation": True, "globalNamespaces": ["default"]}),
        (["--namespace-isolation", "--global-namespaces=default,shared"],
         {"namespaceIsolation": True, "globalNamespaces": ["default", "shared"]}),
        (["--namespace-isolation=false"], {}),
        (["--cni-namespace-isolation=true"], {"namespaceIsolation": True, "globalNamespaces": ["default"]}),
        (["--multus-master-cni-file-name=10-flannel.conflist"], {"primaryNetwork": "10-flannel.conflist"}),
        (["--multus-master-cni-file-name", "10-flannel.conflist"], {"primaryNetwork": "10-flannel.conflist"}),
        (["--cni-conf-dir==/host/etc/cni/net.d", "--multus-log-level=verbose"], {"logLevel": "info"}),
    ],
)  # fmt: skip
def test_settings_of_the_thin_entrypoint(args: list[str], settings: Body) -> None:
    """Of rke2's chart too, which writes one `=` too many."""
    found = command.assess(thin(*args))

    assert "Multus 4.2.2 (thin), DaemonSet kube-system/multus" == found.multus
    assert {"takeover": "auto", **settings} == found.settings
    assert [] == found.of(Section.REFUSED)


def test_a_config_of_ones_own_for_the_thin_plugin() -> None:
    """In the ConfigMap, which is copied to the node; with `auto` it is not read."""
    conf = {"type": "multus", "delegates": [{"name": "cbr0", "plugins": []}], "defaultNetworks": ["storage"]}
    used = command.assess(thin("--multus-conf-file=/tmp/multus-conf/70-multus.conf", conf=conf))
    unused = command.assess(thin("--multus-conf-file=auto", conf=conf))

    assert {"takeover": "auto", "primaryNetwork": "cbr0", "defaultNetworks": ["storage"]} == used.settings
    assert {"takeover": "auto"} == unused.settings


def test_openshift() -> None:
    """Its operator owns Multus, and the default network's file is where no runtime looks."""
    objects = thick(
        OPENSHIFT,
        image="quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:0123",
        namespace="openshift-multus",
        command=("/bin/bash", "-ec", "--"),
        args=[
            "MULTUS_DAEMON_OPT=''\n/entrypoint/cnibincopy.sh;\nexec /usr/src/multus-cni/bin/multus-daemon $MULTUS_DAEMON_OPT"
        ],
        mounts={
            "/host/etc/cni/net.d": "/etc/kubernetes/cni/net.d",
            "/host/run/multus/cni/net.d": "/run/multus/cni/net.d",
            "/var/lib/cni/multus": "/var/lib/cni/multus",
        },
    )
    nodes = node(containerRuntimeVersion="cri-o://1.33.0", kubeletVersion="v1.33.0")
    nodes["metadata"]["labels"] = {"node.openshift.io/os_id": "rhcos"}
    found = command.assess([*objects, nodes])
    refused, settings = (_texts(found, section) for section in (Section.REFUSED, Section.CHANGE))

    assert "Multus of unknown version (thick), DaemonSet openshift-multus/kube-multus-ds" == found.multus
    assert "the default network's file is in /run/multus/cni/net.d" in refused
    assert "network operator owns Multus" in refused
    assert "network operator owns Multus" not in _texts(command.assess([nodes]), Section.REFUSED)
    assert "the runtime's CNI config directory is /etc/kubernetes/cni/net.d" in settings
    assert "plugins are also in /var/lib/cni/bin" in settings
    assert "cni_default_network" in settings
    assert ["default", "openshift-multus"] == found.settings["globalNamespaces"]
    assert "readinessindicatorfile: netattach waits" in _texts(found, Section.WORKS)


@pytest.mark.parametrize(
    ("objects", "problem"),
    [
        (
            thick({**DAEMON_CONFIG, "defaultNetworks": ["/etc/cni/x.conf"]}),
            "defaultNetworks: /etc/cni/x.conf is a path",
        ),
        (
            thick({**DAEMON_CONFIG, "clusterNetwork": "ovn-default"}),
            "clusterNetwork: the default network ovn-default is a",
        ),
        (thin("--rename-conf-file=true"), "rename-conf-file: Multus has renamed"),
        (
            thin("--multus-conf-file=/tmp/multus-conf/00-first.conf", conf={}),
            "Multus' file 00-first.conf precedes",
        ),
        (
            [
                workload(
                    "Deployment",
                    "dyn",
                    "ghcr.io/k8snetworkplumbingwg/multus-dynamic-networks-controller:v0.3.7",
                )
            ],
            "kube-system/dyn: it calls Multus' daemon",
        ),
    ],
)
def test_what_cannot_be_taken_over(objects: list[Body], problem: str) -> None:
    assert problem in _texts(command.assess(objects), Section.REFUSED)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (thick({**DAEMON_CONFIG, "cniDir": "/data/multus"}), "set node.multusDir=/data/multus in netattach's chart"),
        (thick({**DAEMON_CONFIG, "auxiliaryCNIChainName": "vendor"}), "the plugins in /etc/cni/net.d/vendor/"),
        (thin(), "rm /etc/cni/net.d/00-multus.conf* on each node"),
        ([node(kubeletVersion="v1.34.1+k3s1")], "platform=k3s"),
        ([node(kubeletVersion="v1.34.1+rke2r1")], "platform=rke2"),
        ([node(kubeletVersion="v1.34.1-gke.1000")], "platform=gke"),
        ([node(osImage="Talos (v1.11)")], "platform=talos"),
        ([node() | {"spec": {"providerID": "kind://docker/kind/kind-worker"}}], "platform=kind"),
        ([network("a", type="macvlan", ipam={"type": "whereabouts"})], "no DaemonSet of it was found"),
    ],
)  # fmt: skip
def test_what_needs_a_setting(objects: list[Body], expected: str) -> None:
    assert expected in _texts(command.assess(objects), Section.CHANGE)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([workload("DaemonSet", "dhcp", "busybox", "/host/opt/cni/bin/dhcp", "daemon")], "kube-system/dhcp: DHCP daemon"),
        ([network("a", type="macvlan", ipam={"type": "dhcp"})], "default/a: dhcp: netattach runs"),
        ([workload("DaemonSet", "w", "ghcr.io/k8snetworkplumbingwg/whereabouts:v0.9.0")], "kube-system/w: whereabouts: keep"),
        ([workload("DaemonSet", "s", "nvcr.io/sriov-network-device-plugin:v3.9")], "kube-system/s: SR-IOV device plugin"),
        ([workload("DaemonSet", "network-resources-injector", "x")], "network resources injector: keep it"),
        (
            [{"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "net-attach-def-admission-controller"}}],
            "remove it afterwards",
        ),
        ([bridge("a"), bridge("b", "shop")], "networks: 2 without a finding, in default, shop"),
    ],
)  # fmt: skip
def test_what_will_work(objects: list[Body], expected: str) -> None:
    found = command.assess(objects)

    assert expected in _texts(found, Section.WORKS)
    assert [] == found.of(Section.REFUSED)


def test_multus_place_among_the_configs() -> None:
    """A thin one that cleans up leaves nothing to do."""
    found = command.assess(thin("--cleanup-config-on-exit=true"))

    assert "00-multus-netattach.json precedes Multus' 00-multus.conf" in _texts(found, Section.WORKS)
    assert ["takeover"] == [item.subject for item in found.of(Section.CHANGE)]


def test_programs_that_are_not_multus() -> None:
    """Though their images have its name."""
    others = (
        workload("DaemonSet", "w", "multus-whereabouts:v1", "/entrypoint.sh"),
        workload("DaemonSet", "d", "multus-dynamic-networks-controller:v1", "/usr/src/multus-daemon-client"),
        workload("DaemonSet", "plugins", "multus-additional:v1", "/install-plugins"),
    )

    assert None is multus_installation.find(others)


def test_a_network_that_policy_refuses_names_the_level_of_its_namespace() -> None:
    """By the namespace's Pod Security label: in the privileged one it starts."""
    host_path: dict[str, Any] = {
        "ipam": {"type": "host-local", "subnet": "10.0.3.0/24", "dataDir": "/var/lib/x"}
    }
    objects = [
        namespace("trusted", **{"pod-security.kubernetes.io/enforce": "privileged"}),
        bridge("a", "shop", **host_path),
        bridge("a", "trusted", **host_path),
    ]
    found = command.assess(objects)
    (item,) = found.of(Section.REFUSED)

    assert "shop/a" == item.subject
    assert "[policy-host-path]" in item.text
    assert "its namespace is baseline by policy.default: new pods would not start" in item.text
    assert item.fix
    assert "networks: 1 without a finding, in trusted" in _texts(found, Section.WORKS)


def test_a_network_that_validation_refuses_goes_on_running() -> None:
    found = command.assess([bridge("a", mtu="big")])
    (item,) = found.of(Section.REFUSED)

    assert "[schema]" in item.text
    assert "pods get it as before" in item.text


def test_a_network_with_a_warning_works() -> None:
    found = command.assess([bridge("a", brigde="x")])

    assert "default/a: warning [key-misspelt]" in _texts(found, Section.WORKS)
    assert [] == found.of(Section.REFUSED)


def test_networks_are_validated_with_multus_settings() -> None:
    """A pod's network in networksNamespace is the owner's, as `multusNamespace` makes it."""
    path: dict[str, Any] = {"ipam": {"type": "host-local", "subnet": "10.0.3.0/24", "dataDir": "/var/lib/x"}}
    own = [*thick({**DAEMON_CONFIG, "multusNamespace": "nets"}), bridge("a", "nets", **path)]

    assert [] == command.assess(own).of(Section.REFUSED)


def test_settings_that_netattach_cannot_have() -> None:
    with pytest.raises(UnreadableError, match="cannot be translated"):
        command.assess(thick({**DAEMON_CONFIG, "multusNamespace": "Not A Name"}))


@pytest.mark.parametrize("damaged", ["", "{", "[]", '"x"'])
def test_a_config_map_that_is_not_json(damaged: str) -> None:
    objects = thick(DAEMON_CONFIG)
    objects[1]["data"]["daemon-config.json"] = damaged

    assert {"takeover": "auto"} == command.assess(objects).settings


def test_arbitrary_objects() -> None:
    """Whatever an API or a file has in these places: no key is relied on."""
    odd: list[Any] = [None, 1, "x", [], {}, [None], [1], [{}], {"containers": None}, {"containers": [None]}]
    bodies = [
        {"kind": kind, "metadata": each, "spec": {"template": {"spec": each}, "config": each}, "data": each}
        for kind in ("DaemonSet", "ConfigMap", "Node", "Namespace", "Deployment", "Secret")
        for each in odd
    ]

    assert "" == command.assess(bodies).multus
