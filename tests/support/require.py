"""What a test needs of the machine. Where that is missing, the test is left out with the reason, and fails in CI.

A machine without root or without a kernel module is no bug, so the run's summary lists the test. In CI (`CI` is set) everything
has to run.
"""

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

REPOSITORY = Path(__file__).parents[2]

# How to create a link of a kind that needs more than a name; p0 is an existing veth.
_LINK_ARGUMENTS = {
    "filtering_bridge": "name x0 type bridge vlan_filtering 1",
    "vlan": "link p0 name x0 type vlan id 5",
    "ipvlan": "link p0 name x0 type ipvlan",
    "macvlan": "link p0 name x0 type macvlan",
    "vrf": "name x0 type vrf table 10",
    "vxlan": "name x0 type vxlan id 5 dstport 4789",
}


def left_out(reason: str) -> NoReturn:
    """Ends the running test."""
    if os.environ.get("CI"):
        pytest.fail(f"left out, which CI does not allow: {reason}", pytrace=False)
    pytest.skip(reason)


def own_namespaces() -> None:
    """Network namespaces, links and mounts: as root, or as any user where the kernel allows user namespaces."""
    if os.geteuid() != 0:
        user_namespaces()


def command(name: str) -> str:
    """The command's path."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    return found or left_out(f"needs the command {name}, which is not installed")


def plugins() -> Path:
    """The directory of the reference CNI plugins."""
    found = _tool("cni-plugins", "--find")
    return found or left_out("needs the reference CNI plugins: make setup")


def cnitool() -> Path:
    """The reference client of CNI."""
    found = _tool("cnitool")
    return found or left_out("needs cnitool, which is built where there is Go: make setup")


def crio_calls() -> Path:
    """The CNI calls of CRI-O."""
    found = _tool("crio-calls")
    return found or left_out("needs the calls of CRI-O, which are built where there is Go: make setup")


def helm() -> Path:
    """The program helm."""
    found = _tool("helm")
    return found or left_out("needs helm, which is built where there is Go: make setup")


def kustomize() -> Path:
    """The program kustomize."""
    found = _tool("kustomize")
    return found or left_out("needs kustomize, which is built where there is Go: make setup")


def prometheus(name: str) -> Path:
    """The program prometheus or promtool."""
    found = _tool("prometheus")
    return (
        found / name if found else left_out("needs Prometheus, which is built where there is Go: make setup")
    )


def multus(name: str) -> Path:
    """A program of Multus, or its `deployments`; MULTUS_DAEMON and MULTUS_SHIM name other programs than tools/multus builds."""
    given = os.environ.get({"multus-daemon": "MULTUS_DAEMON", "multus-shim": "MULTUS_SHIM"}.get(name, ""))
    if given:
        return Path(given).absolute()
    found = _tool("multus")
    return found / name if found else left_out("needs Multus, which is built where there is Go: make setup")


def shim() -> Path:
    """The shim, as `make shim` builds it."""
    built = REPOSITORY / "plugin/shim/build/netattach"
    return built if built.exists() else left_out("needs the shim: make shim")


def kernel_link(kind: str) -> None:
    """A kernel with links of this kind."""
    own_namespaces()
    if not has_kernel_link(kind):
        left_out(f"needs links of kind {kind}, which kernel {os.uname().release} does not have")


def link_script(kind: str) -> str:
    """A shell script that creates a link x0 of the kind in an empty network namespace."""
    link = _LINK_ARGUMENTS.get(kind, f"name x0 type {kind}")
    return f"ip link add p0 type veth peer name p1 && ip link add {link}"


def user_namespaces() -> None:
    """A kernel that allows user namespaces; some distributions forbid them, and every kernel does in a chroot."""
    tried = subprocess.run([command("unshare"), "--user", "true"], capture_output=True, check=False)
    if tried.returncode:
        left_out("needs user namespaces, which this machine does not allow")


def in_new_namespace(*words: str) -> list[str]:
    """The command that runs `words` as root in a new network namespace."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [command("unshare"), "--net", *user, *words]


@functools.cache
def has_kernel_link(kind: str) -> bool:
    """Tries it in a temporary network namespace, since few machines list their modules."""
    tried = subprocess.run(
        in_new_namespace("sh", "-c", link_script(kind)),
        env={**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"},
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


@functools.cache
def _tool(name: str, *arguments: str) -> Path | None:
    """The path that a script in tools/ prints; only these scripts know where tools are."""
    found = subprocess.run(
        [REPOSITORY / "tools" / name, *arguments], capture_output=True, text=True, check=False
    )
    return Path(found.stdout.strip()) if found.stdout.strip() else None
