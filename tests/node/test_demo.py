"""`netattach demo` as a user runs it: what it shows is real, and the machine is unchanged afterwards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo.demo_node import NodePaths
from support import require

UNPRIVILEGED = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
"""A user who is not root, but with root's access to files, so that the test need not change permissions of directories."""


def _demo(places: NodePaths, *arguments: str | Path, stdin: str = "", prefix: list[str] | None = None) -> Any:
    command = [*(prefix or []), sys.executable, "-m", "netattach_cli", "demo"]
    command += ["--cni-bin", str(places.plugins), "--shim", str(places.shim), *map(str, arguments)]
    before = _host_links()
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert before == _host_links()
    assert "\033" not in done.stdout  # colour is for terminals
    return done


def _host_links() -> list[str]:
    """Interfaces and named network namespaces of the machine itself, which the demo must not change."""
    links = json.loads(subprocess.run(["ip", "-json", "link"], capture_output=True, check=True).stdout)
    named = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    return [link["ifname"] for link in links] + named.splitlines()


def _own_nad(tmp_path: Path, master: str) -> Path:
    config = {
        "cniVersion": "1.0.0",
        "type": "macvlan",
        "master": master,
        "ipam": {"type": "host-local", "subnet": "10.77.0.0/24"},
    }
    body = {
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "mine", "namespace": "prod"},
        "spec": {"config": json.dumps(config, indent=2)},
    }
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(body))
    return path


@pytest.mark.parametrize("prefix", [[], UNPRIVILEGED], ids=["root", "another user"])
def test_the_tutorial(places: NodePaths, prefix: list[str]) -> None:
    """Mistakes are refused, networks accepted; two pods reach each other and the gateway; nothing is left."""
    if prefix:
        require.user_namespaces()
    done = _demo(places, prefix=prefix)

    assert 0 == done.returncode, done.stdout + done.stderr
    kind = "ipvlan" if require.has_kernel_link("ipvlan") else "macvlan"
    assert f"== Two pods ask for {kind}-def" in done.stdout
    assert (kind == "macvlan") == ("has no ipvlan: the pods ask for macvlan-def" in done.stdout)
    assert 6 == done.stdout.count(": deny [")
    assert "6 NADs: 6 refused" in done.stdout
    assert 3 == done.stdout.count("1 packets transmitted, 1 received, 0% packet loss")
    assert f'"name": "default/{kind}-def"' in done.stdout
    assert "ok: no interface, no lease, no ledger entry of the two pods" in done.stdout


def test_the_page_shows_what_the_demo_prints(places: NodePaths) -> None:
    """Line by line, in order, except for MACs and details that depend on the kernel or on iproute2."""
    blocks = (require.REPOSITORY / "docs/demo.md").read_text().split("```console\n")[1:]
    (shown,) = (block.split("```")[0] for block in blocks if block.startswith("== "))
    expected = [_normalised(line) for line in shown.splitlines() if line not in {"", "…"}]

    printed = iter([_normalised(line) for line in _demo(places).stdout.splitlines()])

    # `in` continues where it found the line before.
    assert [] == [line for line in expected if line not in printed]


def _normalised(line: str) -> str:
    line = re.sub(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC", line).replace("ipvlan-def", "macvlan-def")
    line = re.sub(r"^(\d+: \w+).*", r"\1", line)
    return re.sub(r"link/ether.*|time \d+ms$", "", line).rstrip()


def test_the_users_own_nad(places: NodePaths, tmp_path: Path) -> None:
    """On a node with a second NIC that has the name that the NAD asks for."""
    done = _demo(places, "--nad", _own_nad(tmp_path, "bond0"))

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "bond0@" in done.stdout
    assert "== Two pods ask for mine" in done.stdout
    assert "inet 10.77.0.2/24" in done.stdout


def test_the_users_own_nad_is_refused_where_a_cluster_would(places: NodePaths, tmp_path: Path) -> None:
    """And no pod is started."""
    done = _demo(places, "--nad", _own_nad(tmp_path, "eth0"))

    assert 1 == done.returncode
    assert "deny [master-default-interface] default/mine master" in done.stdout
    assert "failed: mine is refused for the reasons above, so no pod is started" in done.stdout


def test_a_shell_in_the_pod(places: NodePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--keep`, while both pods run."""
    monkeypatch.setenv("SHELL", "/bin/sh")
    seen = tmp_path / "seen"
    stdin = f"ip -brief link > {seen}\n"

    done = _demo(places, "--keep", stdin=stdin)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert ["lo", "eth0", "net1"] == [
        line.split()[0].partition("@")[0] for line in seen.read_text().splitlines()
    ]


def test_an_interrupt_removes_everything(
    places: NodePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the shell of `--keep`: no daemon and no pod is left."""
    shell, seen = tmp_path / "shell", tmp_path / "seen"
    shell.write_text(
        f'#!/bin/sh\ngrep -slz "SHELL=$0" $(grep -sl netattach_plugin /proc/[0-9]*/cmdline | sed s/cmdline/environ/) >{seen}\n'
        "kill -INT $PPID\nsleep 1\n"
    )
    shell.chmod(0o755)
    # This also identifies its daemon among all daemons that run on this machine.
    monkeypatch.setenv("SHELL", str(shell))

    done = _demo(places, "--keep", prefix=["env", "--default-signal=INT"])  # the parent process may ignore it

    assert (130, "") == (done.returncode, done.stderr)
    assert "failed: interrupted; everything was removed" in done.stdout
    (daemon,) = seen.read_text().split()
    assert not Path(daemon).exists()


MISSING = {
    "a missing file": (["--nad", "/nowhere.yaml"], "/nowhere.yaml cannot be read"),
    "a file without a NAD": (["--nad", os.devnull], "contains no NetworkAttachmentDefinition"),
    "missing plugins": (
        ["--cni-bin", "/nowhere"],
        "/nowhere contains no CNI plugins; give their directory",
    ),
    "a missing shim": (["--shim", "/nowhere"], "/nowhere does not exist; build it with `make shim`"),
}


@pytest.mark.parametrize(("arguments", "message"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_named(places: NodePaths, arguments: list[str], message: str) -> None:
    """With the way to fix it, and without a traceback."""
    done = _demo(places, *arguments)

    assert 2 == done.returncode
    assert message in done.stdout
    assert "" == done.stderr
