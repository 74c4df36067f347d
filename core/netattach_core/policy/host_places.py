"""The places of a node that plugins may use by name: which directory is fine for what.

A plugin runs as root in the node's own file system, so a path in its configuration is the author's access to that file system.
Two separations carry the weight. What is read as configuration lies where no plugin writes: flannel stores its author's JSON in
`dataDir`, and a kubeconfig, which may name a command to run, can be JSON. And nothing lies where a container writes, since it can
plant symbolic links: the runtimes' directories below /run contain the containers' root file systems.
"""

from __future__ import annotations

import enum
import functools
import posixpath
import re


class Use(enum.Flag):
    """What a plugin does with a path."""

    LOG = enum.auto()
    DATA = enum.auto()
    SOCKET = enum.auto()
    CONFIG = enum.auto()
    FACTS = enum.auto()
    BINARIES = enum.auto()


NOTHING = Use(0)
ANY = Use.LOG | Use.DATA | Use.SOCKET | Use.CONFIG | Use.FACTS | Use.BINARIES
_WORK = Use.DATA | Use.SOCKET | Use.FACTS

NAMES = {
    Use.LOG: ("log files", "/var/log/{network}.log"),
    Use.DATA: ("a plugin's data", "/var/lib/cni/{network}"),
    Use.SOCKET: ("sockets", "a path below /run"),
    Use.CONFIG: ("a plugin's configuration and credentials", "a path below /etc/cni"),
    Use.FACTS: ("facts about the node", "a path below /run"),
    Use.BINARIES: ("plugins", "/opt/cni/bin"),
    ANY: ("a plugin's files", "a path below /var/lib/cni, /run or /var/log"),
}
"""Each use in words, and a place that is fine."""

_RUNTIMES = (  # their containers' root file systems are below
    "containerd containers crio cri-dockerd.sock docker docker.sock docker-containerd podman libpod runc runsc kata-containers "
    "vc k0s k3s nri"
)
_SYSTEM = (
    "systemd udev user users dbus lock netns credentials secrets sudo sshd utmp initctl log mount media credentials agetty "
    "snapd snapd.socket spire tmpfiles.d NetworkManager modprobe.d sysctl.d cryptsetup lvm kubernetes kubelet host initramfs "
    "cloud-init xtables.lock"
)
_OWN = "netattach multus k8s.cni.cncf.io"
_SYSTEM_LOGS = (
    "pods containers audit journal private kubernetes kube-apiserver etcd wtmp btmp lastlog faillog tallylog syslog messages "
    "secure auth.log daemon.log kern.log user.log mail.log maillog cron cron.log dmesg boot.log sudo.log"
)

_PLACES: dict[str, Use] = {
    "/var/log": Use.LOG,
    **{f"/var/log/{name}": NOTHING for name in _SYSTEM_LOGS.split()},
    "/run": _WORK | Use.LOG,
    **{f"/run/{name}": NOTHING for name in f"{_RUNTIMES} {_SYSTEM} {_OWN}".split()},
    "/run/multus/cni": Use.CONFIG,
    "/run/cni/net.d": Use.CONFIG,
    "/run/cni/bin": Use.BINARIES,
    "/run/systemd/resolve": Use.FACTS,
    "/var/lib/cni": _WORK | Use.LOG,
    **{f"/var/lib/cni/{name}": NOTHING for name in ("netattach", "multus", "results", "cache")},
    "/var/lib/cni/bin": Use.BINARIES,
    "/usr/local/var/run": Use.DATA | Use.SOCKET,
    "/var/lib/vhost_sockets": Use.DATA | Use.SOCKET,
    "/var/my-orchestrator": Use.DATA,  # the example of host-local's documentation
    "/var/lib/calico": Use.FACTS,
    "/etc/resolv.conf": Use.FACTS,
    "/etc/cni": Use.CONFIG | Use.FACTS,
    "/etc/kubernetes/cni": Use.CONFIG | Use.FACTS,
    "/etc/calico": Use.CONFIG,
    "/var/lib/rancher/k3s/agent/etc/cni": Use.CONFIG | Use.FACTS,
    "/var/lib/rancher/k3s/agent/etc/flannel": Use.CONFIG | Use.FACTS,
    "/var/lib/rancher/rke2/agent/etc/cni": Use.CONFIG | Use.FACTS,
    "/var/snap/microk8s/current/args/cni-network": Use.CONFIG | Use.FACTS,
    "/opt/cni/bin": Use.BINARIES,
    "/usr/lib/cni": Use.BINARIES,
    "/usr/libexec/cni": Use.BINARIES,
    "/var/lib/rancher/k3s/data/current/bin": Use.BINARIES,
    "/var/lib/rancher/k3s/data/cni": Use.BINARIES,
    "/var/snap/microk8s/current/opt/cni/bin": Use.BINARIES,
}
"""What each directory and all below it is fine for; the longest one that contains a path decides, and elsewhere nothing is.

/run is the node's, so what others keep there is left out by name: runtimes, systemd, netattach. /var/lib/cni/netattach is
netattach's ledger, /var/lib/cni/results the cache of libcni, and /var/lib/cni/multus that of Multus, which it adopts.
"""

_LOG_IN_TMP = re.compile(r"/tmp/[^/]+\.log")  # noqa: S108 - the place that authors name
"""whereabouts' own examples log there. Any user of the node may write there, but no container; and in a sticky directory
the kernel follows the link of another user for nobody, root included (fs.protected_symlinks, which distributions set). That holds
for /tmp itself, not for directories that somebody makes in it, where anybody may plant a link."""

_SHARED_LEASES = re.compile(r"/mnt/[^/]*(?:ipam|cni)[^/]*(?:/.*)?")
"""A share of all nodes with the leases of host-local, as in the examples of network-resources-injector; only one whose name says
so, since /mnt has volumes of pods too."""


def problem(path: str, use: Use) -> str | None:
    """Why the path is not fine for the use, to continue "… names '/x' on the node, "; None where it is."""
    if not path.isprintable():
        return "which contains an unprintable character"
    if ".." in path.split("/"):
        return "which has `..` in it, so that links decide on what it names"
    if not path.startswith("/"):
        fine = "/" not in path and use & Use.LOG and path.endswith(".log")
        return None if fine else "which is relative to the runtime's working directory"
    return None if _is_fine(_absolute(path), use) else f"which is not a place for {NAMES[use][0]}"


def _absolute(path: str) -> str:
    """Without empty parts and dots; /var/run is a link to /run."""
    path = "/" + posixpath.normpath(path).lstrip("/")
    return path.removeprefix("/var") if path == "/var/run" or path.startswith("/var/run/") else path


def _is_fine(path: str, use: Use) -> bool:
    fine = _uses(path)
    if use is Use.LOG and not path.startswith("/var/log/") and not path.endswith(".log"):
        return False
    if use & Use.LOG and _LOG_IN_TMP.fullmatch(path):
        return True
    return bool(fine & use) or bool(use & Use.DATA and _SHARED_LEASES.fullmatch(path))


@functools.lru_cache(1024)
def _uses(path: str) -> Use:
    while path != "/":
        if path in _PLACES:
            return _PLACES[path]
        path = posixpath.dirname(path)
    return NOTHING
