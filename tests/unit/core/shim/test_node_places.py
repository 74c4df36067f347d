"""What the shim finds on the node against what the daemon's container has."""

from __future__ import annotations

import pytest

from netattach_core.shim import node_places
from netattach_core.shim.node_places import NONE, Places

SHIM, CHAINS, CONFIGS = (8, 11), (8, 12), (8, 13)
OWN = Places(SHIM, CHAINS, CONFIGS, "/etc/cni/net.d")


def test_the_field_of_a_call_is_read() -> None:
    environment = {"CNI_COMMAND": "ADD", "NODE_PLACES": "8:11:8:12:0:0:/a:b\n"}

    assert Places(SHIM, CHAINS, NONE, "/a:b\n") == node_places.of_call(environment)


@pytest.mark.parametrize(
    "text", ["", "8", "8:11:8:12:8:/x", "a:b:8:12:8:13:/x", "-1:2:8:12:8:13:/x", "8::8:12:8:13:"]
)
def test_what_cannot_be_read_is_not_known(text: str) -> None:
    """As from a shim of an earlier release, which sends nothing."""
    assert None is node_places.of_call({"NODE_PLACES": text, "CNI_COMMAND": "ADD"})


@pytest.mark.parametrize(
    ("node", "own"),
    [
        (OWN, OWN),
        (Places(NONE, CHAINS, CONFIGS, "/etc/cni/net.d"), OWN),
        (Places(SHIM, CHAINS), OWN),
        (Places(SHIM, CHAINS, (8, 99), "/etc/former"), OWN),
        (Places(SHIM, (8, 99)), Places(NONE, NONE, NONE, "/etc/cni/net.d")),
    ],
    ids=[
        "the same",
        "a shim that is replaced during its call",
        "nothing compiled yet",
        "compiled by a daemon with another directory",
        "a container that has nothing yet",
    ],
)
def test_no_problem(node: Places, own: Places) -> None:
    assert None is node_places.problem(node, own)


CONFIGS_PROBLEM = """the node's /etc/cni/net.d is not what this container has there but
/var/lib/rancher/k3s/agent/etc/cni/net.d, so the shim does not find the CNI configs that netattach compiles, and an uninstall
would name the wrong directory; set `platform` in the chart, or node.confDir, which sets the volume's path, its mount path and
NETATTACH_CONF_DIR together; if the directory was replaced since, delete the daemon's pod"""

CASES = {
    "shim": (
        Places((8, 99), CHAINS, CONFIGS, "/etc/cni/net.d"),
        """the container runtime runs another shim than the one that netattach has installed; it searches /a:/b: set `platform` in
        the chart, or node.binDirs, which sets the volume's path, its mount path and NETATTACH_BIN_DIR together, or remove the
        file netattach that an earlier installation has left""",
    ),
    "ledger": (
        Places(SHIM, NONE),
        """the node's ledger is not what this container has at its path, so the shim does not find what netattach compiles; mount
        the node's /var/lib/cni at /var/lib/cni""",
    ),
    "configs": (
        Places(SHIM, CHAINS, (8, 99), "/etc/cni/net.d"),
        CONFIGS_PROBLEM,
    ),
    "configs that are not there": (
        Places(SHIM, CHAINS, NONE, "/etc/cni/net.d"),
        CONFIGS_PROBLEM,
    ),
}


@pytest.mark.parametrize(("node", "said"), CASES.values(), ids=CASES)
def test_another_place_is_reported_with_the_fix(node: Places, said: str) -> None:
    mounted = "/var/lib/rancher/k3s/agent/etc/cni/net.d"

    assert " ".join(said.split()) == node_places.problem(node, OWN, mounted=mounted, cni_path="/a:/b")


MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:1 /var/lib/rancher/k3s/agent/etc/cni/net.d /etc/cni/net.d rw - ext4 /dev/sda1 rw
31 22 0:5 / /run rw - tmpfs tmpfs rw
32 31 0:9 /cni /run/cni rw - tmpfs tmpfs rw
33 22 8:1 /a\040b /opt/cni\040bin rw - ext4 /dev/sda1 rw
34 22 8:1 /older /etc/kubernetes rw - ext4 /dev/sda1 rw
35 22 8:1 /newer /etc/kubernetes rw - ext4 /dev/sda1 rw
broken
"""


@pytest.mark.parametrize(
    ("path", "mounted"),
    [
        ("/etc/cni/net.d", "/var/lib/rancher/k3s/agent/etc/cni/net.d"),
        ("/etc/cni", "/etc/cni"),
        ("/run/netattach", "/netattach"),
        ("/run/cni/x", "/cni/x"),
        ("/runner", "/runner"),
        ("/opt/cni bin", "/a b"),
        ("/etc/kubernetes", "/newer"),
        ("/", "/"),
    ],
)
def test_what_is_mounted_at_a_path(path: str, mounted: str) -> None:
    assert mounted == node_places.mounted_at(MOUNTINFO, path)


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/etc/cni/net.d/x", "/etc/cni/net.d"),
        ("/etc/cni", "/"),
        ("/run/netattach", "/run"),
        ("/runner", "/"),
        ("/opt/cni bin", "/opt/cni bin"),
        ("/", "/"),
    ],
)
def test_where_the_file_system_of_a_path_is_mounted(path: str, point: str) -> None:
    assert point == node_places.mount_point(MOUNTINFO, path)


def test_without_mounts_nothing_is_claimed() -> None:
    assert "/etc/cni/net.d" == node_places.mounted_at("", "/etc/cni/net.d")
    assert "/" == node_places.mount_point("", "/etc/cni/net.d")
