"""The cluster's directories and addresses, and what the machine needs for it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
HERE = Path(__file__).parent

CACHE = Path(
    os.environ.get("NETATTACH_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netattach"
)
WORK = CACHE / "cluster"
KUBECONFIG = WORK / "admin.kubeconfig"
AUDIT_LOG = WORK / "audit.log"

API_ADDRESS = "172.30.0.1"
SERVICES = "10.96.0.0/16"
PODS = "10.244.0.0/16"
SWITCH_ADDRESS = "10.0.3.1"

PROGRAMS = (
    "containerd",
    "runc",
    "etcd",
    "busybox",
    "linux.uml",
    "modprobe",
    "openssl",
    "nsenter",
    "unshare",
    "nft",
    "iptables",
)


def missing() -> str | None:
    """Why this machine cannot run the cluster, apart from what tools/ can build or install; None where it can."""
    if os.geteuid() != 0:
        return "needs root: it creates network interfaces and starts container runtimes"
    if os.uname().machine != "x86_64":
        return f"user-mode-linux does not exist for {os.uname().machine}"
    absent = [name for name in PROGRAMS if not shutil.which(name, path=path())]
    if absent:
        return f"{', '.join(absent)} not installed: make setup"
    return None


def unbuilt() -> str | None:
    """Why tools/ can neither find nor build all programs; None where it can. Building them takes minutes."""
    try:
        binaries(), plugins()
    except subprocess.CalledProcessError as error:
        return f"tools/{Path(error.cmd[0]).name} neither finds nor builds what is needed; see above"
    return None


def path() -> str:
    return ":".join(
        (os.environ.get("PATH", os.defpath), "/usr/sbin:/sbin", os.environ.get("KUBEBUILDER_ASSETS", ""))
    ).rstrip(":")


@functools.cache
def binaries() -> Path:
    """The directory of Kubernetes' own programs; built where they are missing, which takes minutes."""
    return Path(_tool("cluster-binaries"))


@functools.cache
def plugins() -> Path:
    """The directory of the reference CNI plugins."""
    return Path(_tool("cni-plugins", "--pinned"))


def _tool(name: str, *arguments: str) -> str:
    command = [str(REPOSITORY / "tools" / name), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
