"""policy-host-path: plugins open the paths of a network as root, so only the places for plugins are fine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import policies

RULE = "policy-host-path"


def whereabouts(**ipam: Any) -> dict[str, Any]:
    section = {"type": "whereabouts", "range": "10.1.0.0/16", **ipam}
    return {"cniVersion": "1.0.0", "name": "net", "type": "macvlan", "master": "eth1", "ipam": section}


def host_local(directory: str, name: str = "net") -> dict[str, Any]:
    ipam = {"type": "host-local", "subnet": "10.1.0.0/24", "dataDir": directory}
    return {"cniVersion": "1.0.0", "name": name, "type": "bridge", "bridge": "br1", "ipam": ipam}


def plugin(kind: str, **keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "type": kind, **keys}


def found(config: Any) -> list[str]:
    return policies.rules(policies.baseline(config))


REFUSED_LOGS = [
    "/srv/.ssh/authorized_keys",
    "/etc/cron.d/x.log",
    "/var/log/../../srv/.ssh/authorized_keys",
    "/var/log/..",
    "/tmp/../etc/passwd",
    "/tmp/authorized_keys",
    "/tmp/made-by-somebody/x.log",
    "/tmp/.log/x.log",
    "//etc//passwd",
    "/./etc/passwd",
    "/var/log",
    "/var/log/",
    "/var/logs/x.log",
    "/var/log/pods/shop_web_1/web/0.log",
    "/var/log//pods/x.log",
    "/var/log/wtmp",
    "/var/log/auth.log",
    "/proc/1/cwd/etc/passwd",
    "/run/flannel/subnet.env",
    "/var/run/flannel/subnet.env",
    "/run/containerd/io.containerd.runtime.v2.task/k8s.io/a/rootfs/x.log",
    "/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/v/x.log",
    "/dev/sda",
    "root/.ssh/authorized_keys",
    "./x.log",
    "../x.log",
    "..",
    "passwd",
    "/var/log/x\n.log",
    "/var/log/x\u0000.log",
]


@pytest.mark.parametrize("path", REFUSED_LOGS)
def test_a_log_file_elsewhere_is_refused(path: str) -> None:
    assert [RULE] == found(whereabouts(log_file=path))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/tmp/whereabouts.log",
        "//tmp//whereabouts.log",
        "/var/log/whereabouts.log",
        "/var/log/whereabouts",
        "/var/log/./team/whereabouts.log ",
        "/run/cilium/cilium-cni.log",
        "/var/run/cilium/cilium-cni.log",
        "whereabouts.log",
    ],
)
def test_a_log_file_where_logs_are_passes(path: str) -> None:
    assert [] == found(whereabouts(log_file=path))


@pytest.mark.parametrize(
    "directory",
    [
        "/",
        "/etc/cni/net.d",
        "/etc/cron.d",
        "/srv",
        "/tmp",
        "/var/lib/cni/../kubelet",
        "/var/lib/cni/netattach",
        "/var/lib/cni//netattach/",
        "/var/lib/cni/results",
        "/var/lib/cni/multus",
        "/var/lib/cni/bin",
        "/var/lib/cnix",
        "/run/netattach",
        "/var/run/netattach/chains",
        "/run/multus/cni/net.d",
        "/run/cni/net.d",
        "/run/cni/bin",
        "/run/systemd/system",
        "/run/containerd",
        "/run/k3s/containerd",
        "/run/user/1000",
        "/mnt/disks/ssd1",
        "/mnt/data",
        "/mnt/a/cluster-ipam",
        "/mnt",
        "var/lib/cni",
        "leases",
        "~/leases",
    ],
)
def test_data_elsewhere_is_refused(directory: str) -> None:
    assert [RULE] == found(host_local(directory))


@pytest.mark.parametrize(
    "directory",
    [
        "",
        "/var/lib/cni",
        "/var/lib/cni/networks",
        "/var/lib/cni/team/",
        "/run/my-orchestrator/container-ipam-state",
        "/var/my-orchestrator/container-ipam-state",
        "/var/run/cni",
        "/mnt/cluster-ipam",
    ],
)
def test_data_where_plugins_keep_it_passes(directory: str) -> None:
    assert [] == found(host_local(directory))


@pytest.mark.parametrize("name", ["netattach", "results", "multus", "bin"])
def test_the_name_of_the_network_counts_as_host_local_appends_it(name: str) -> None:
    assert [RULE] == found(host_local("/var/lib/cni", name))


@pytest.mark.parametrize(
    "path",
    [
        "/srv/.kube/config",
        "/etc/kubernetes/admin.conf",
        "/var/lib/kubelet/kubeconfig",
        "/var/lib/cni/flannel/0123456789ab",
        "/run/x/kubeconfig",
        "/tmp/kubeconfig",
        "/tmp/kubeconfig.log",
        "/var/log/kubeconfig.log",
        "/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/v/kubeconfig",
        "/proc/self/cwd/etc/cni/x",
        "/etc/cni/../kubernetes/admin.conf",
        "/etc/cnix/kubeconfig",
        "kubeconfig",
    ],
)
@pytest.mark.parametrize("key", ["kubernetes", "configuration_path"])
def test_configuration_is_read_only_where_no_plugin_writes(path: str, key: str) -> None:
    """A kubeconfig may name a command to run, and flannel writes its author's JSON into its `dataDir`."""
    value = {"kubeconfig": path} if key == "kubernetes" else path

    assert [RULE] == found(whereabouts(**{key: value}))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/cni/net.d/whereabouts.d/whereabouts.kubeconfig",
        "/etc/kubernetes/cni/net.d/whereabouts.d/whereabouts.kubeconfig",
        "/run/multus/cni/net.d/x.kubeconfig",
        "/var/run/multus/cni/net.d/x.kubeconfig",
        "/var/lib/rancher/k3s/agent/etc/cni/net.d/x.kubeconfig",
        "/var/lib/rancher/rke2/agent/etc/cni/net.d/x.kubeconfig",
        "/var/snap/microk8s/current/args/cni-network/x.kubeconfig",
    ],
)
def test_configuration_in_the_directories_of_cni_passes(path: str) -> None:
    assert [] == found(whereabouts(kubernetes={"kubeconfig": path}, configuration_path=path))


@pytest.mark.parametrize(
    "config",
    [
        plugin("macvlan", ipam={"type": "dhcp", "daemonSocketPath": "/run/containerd/containerd.sock"}),
        plugin("macvlan", ipam={"type": "dhcp", "daemonSocketPath": "/run/netattach/cni.sock"}),
        plugin("macvlan", ipam={"type": "dhcp", "daemonSocketPath": "/tmp/dhcp.sock"}),
        plugin("ovs", bridge="br1", socket_file="unix:/var/run/docker.sock"),
        plugin("ovs", bridge="br1", socket_file="unix:///etc/x.sock"),
        plugin("ovs", bridge="br1", configuration_path="/tmp/ovs.conf"),
        plugin("sriov", logFile="/etc/x.log"),
        plugin("ib-sriov", logFile="/etc/x.log"),
        plugin("rdma", logFile="/etc/x.log"),
        plugin("ovn-k8s-cni-overlay", logFile="/etc/x.log"),
        plugin("tuning", dataDir="/etc/cni/net.d"),
        plugin("flannel", dataDir="/etc/cron.d"),
        plugin("flannel", subnetFile="/etc/shadow"),
        plugin("flannel", delegate={"type": "tuning", "dataDir": "/etc/cni/net.d"}),
        plugin("flannel", delegate={"type": "weave-net", "hosts": "/etc/hosts"}),
        plugin("calico", log_file_path="/etc/x.log"),
        plugin("calico", kubernetes={"k8s_client_key": "/etc/kubernetes/pki/apiserver-kubelet-client.key"}),
        plugin("calico", nodename_file="/etc/shadow"),
        plugin("cilium-cni", **{"log-file": "/etc/x.log"}),
        plugin("bridge", ipam={"type": "host-local", "resolvConf": "/etc/shadow"}),
        whereabouts(etcd_key_file="/etc/kubernetes/pki/etcd/server.key"),
        plugin("userspace", sharedDir="/etc"),
        plugin("userspace", host={"vhost": {"socketPath": "/run/docker.sock"}}),
        plugin("somebodys", script="/bin/sh"),
        plugin("somebodys", nested=[{"deep": [["/etc/shadow"]]}]),
        plugin("somebodys", args=["-v", "--config=/etc/shadow"]),
        plugin("somebodys", options="config=//etc/shadow"),
        plugin("somebodys", binDir="/tmp"),
        plugin("somebodys", binDir="/run/x"),
        plugin("somebodys", files=["/etc/shadow"]),
        plugin("somebodys", socketPath="file:///etc/shadow"),
        plugin("somebodys", configFile="../../etc/shadow"),
        plugin("bridge", ipam={"type": "somebodys-ipam", "store": "/srv"}),
        {"name": "net", "plugins": [plugin("bridge"), plugin("tuning", dataDir="/etc")]},
    ],
    ids=lambda config: json.dumps(config)[36:110],
)
def test_every_plugin_that_opens_files_is_covered(config: dict[str, Any]) -> None:
    assert [RULE] == found(config)


@pytest.mark.parametrize(
    "config",
    [
        plugin("macvlan", ipam={"type": "dhcp", "daemonSocketPath": "/run/cni/dhcp.sock"}),
        plugin("macvlan", ipam={"type": "dhcp", "provide": [{"option": "67", "value": "/tftpboot/pxe"}]}),
        plugin("ovs", bridge="br1", socket_file="unix:/usr/local/var/run/openvswitch/db.sock"),
        plugin("ovs", bridge="br1", socket_file="tcp:127.0.0.1:6640"),
        plugin("host-device", kernelpath="/sys/devices/pci0000:00/0000:00:1f.6"),
        plugin("flannel", subnetFile="/run/flannel/second.env", dataDir="/var/lib/cni/second"),
        plugin("bridge", ipam={"type": "host-local", "resolvConf": "/etc/resolv.conf"}),
        plugin("bridge", ipam={"type": "host-local", "resolvConf": "/run/systemd/resolve/resolv.conf"}),
        plugin("calico", nodename_file="/var/lib/calico/nodename"),
        plugin("ib-sriov", pkey="0x5"),
        plugin("afxdp", logFile="afxdp-cni.log"),
        plugin("kube-ovn", server_socket="/run/openvswitch/kube-ovn-daemon.sock", sharedDir="x"),
        plugin("userspace", sharedDir="/var/lib/vhost_sockets/", logFile="/var/log/userspace.log"),
        plugin(
            "istio-cni", kubernetes={"cni_bin_dir": "/opt/cni/bin"}, log_uds_address="/run/istio-cni/log.sock"
        ),
        plugin("spiderpool", log_options={"log_file_path": "/var/log/spidernet/coordinator.log"}),
        plugin("somebodys", range="/24", server="https://10.0.0.1/x", profile="fast"),
        plugin("somebodys", logFile=7, path=None, dir={}, file=[]),
    ],
    ids=lambda config: json.dumps(config)[36:110],
)
def test_the_usual_places_pass(config: dict[str, Any]) -> None:
    assert [] == found(config)


@pytest.mark.parametrize(
    "keys",
    [
        r'"LOG_FILE": "/etc/x"',
        r'"Log_File": "/etc/x"',
        r'"log_file": "/etc/x"',
        r'"log_file": "\u002fetc\u002fx"',
        r'"log_file": "/etc/x", "log_file": "/tmp/x.log"',
        r'"log_file": "/tmp/x.log", "LOG_FILE": "/etc/x"',
        r'"log_file": "/etc/x", "log_file": null',
    ],
)
def test_no_spelling_hides_a_path(keys: str) -> None:
    text = f'{{"name": "net", "type": "macvlan", "IPAM": {{"type": "whereabouts", {keys}}}}}'

    assert [RULE] == found(text)


def test_a_key_with_a_letter_that_go_folds_is_the_key() -> None:
    text = r'{"name": "net", "type": "tuning", "\u0064ataDir": "/etc"}'

    assert [RULE] == found(text)
    assert [RULE] == found('{"name": "net", "type": "ovs", "\u017focket_file": "/etc/x"}')


def test_the_finding_names_the_place_and_what_to_write() -> None:
    (finding,) = policies.baseline(whereabouts(log_file="/srv/.ssh/authorized_keys"))

    assert ("ipam", "log_file") == finding.path
    assert finding.offset is not None
    assert "`log_file` names '/srv/.ssh/authorized_keys' on the node" in finding.problem
    assert "write /var/log/net.log, or ask your cluster's owner" in finding.fix
