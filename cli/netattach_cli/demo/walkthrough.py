"""The demo, step by step. Each step checks the kernel's state, or files, and fails if they are not as it says."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from netattach_cli.demo import tutorial
from netattach_cli.demo.demo_node import DemoNode
from netattach_cli.demo.runtime import DemoPod, Runtime, write_object
from netattach_cli.demo.screen import Screen
from netattach_cli.demo.user_nad import UserNad
from netattach_core.api import networks_annotation


class WalkthroughError(Exception):
    """A step did not have the expected result."""


class Walkthrough:
    """Attaches the tutorial's network, or the user's own, to two pods of a demo node."""

    def __init__(self, node: DemoNode, screen: Screen, *, keep: bool, nad: UserNad | None) -> None:
        self._node = node
        self._screen = screen
        self._keep = keep
        self._user_nad = nad
        self._runtime = Runtime(node)
        self._files = node.paths.root / "files"
        self._files.mkdir()

    def run(self) -> None:
        """Runs all steps. Raises WalkthroughError, CallError, DemoNodeError."""
        self._show_node()
        if self._user_nad:
            self._create_user_nad(self._user_nad)
            self._run_pods(self._user_nad.name, [])
        else:
            self._refuse_mistakes()
            self._run_pods(self._create_tutorial_nads(), [tutorial.GATEWAY])
        self._check_nothing_is_left()

    def _show_node(self) -> None:
        self._screen.step("A node: eth0 carries the default network, the second NIC is free")
        self._screen.command("ip -brief address", self._node.run("ip", "-brief", "address").stdout)

    def _refuse_mistakes(self) -> None:
        self._screen.step("Mistakes are refused, with what is wrong, where, and how to fix it")
        path = self._files / "mistakes.yaml"
        mistakes = tutorial.mistakes()
        path.write_text(_yaml([tutorial.nad_body(name, config) for name, config in mistakes.items()]))
        linted = self._lint(path)
        if linted.returncode != 1:
            raise WalkthroughError(f"not refused:\n{linted.stdout}{linted.stderr}")
        accepted = [name for name in mistakes if f"default/{name} " not in linted.stdout]
        if accepted:
            raise WalkthroughError(f"not refused: {', '.join(accepted)}\n{linted.stdout}")

    def _create_tutorial_nads(self) -> str:
        """Creates the NADs; returns the name of the one that the pods ask for."""
        self._screen.step("The tutorial's networks are accepted")
        has_ipvlan = self._has_ipvlan()
        nads = tutorial.nads() if has_ipvlan else tutorial.without_ipvlan()
        path = self._files / "networks.yaml"
        bodies = [tutorial.nad_body(name, config) for name, config in nads.items()]
        path.write_text(_yaml(bodies))
        linted = self._lint(path)
        if linted.returncode != 0:
            raise WalkthroughError(f"refused:\n{linted.stdout}{linted.stderr}")
        for body in bodies:
            write_object(self._node.paths.store / "nads", body)
        if not has_ipvlan:
            self._screen.explain(
                f"This kernel ({os.uname().release}) has no ipvlan: the pods ask for macvlan-def instead of ipvlan-def."
            )
        return "ipvlan-def" if has_ipvlan else "macvlan-def"

    def _create_user_nad(self, nad: UserNad) -> None:
        self._screen.step(f"Your network {nad.name}, on a node with {nad.nic} as its second NIC")
        path = self._files / f"{nad.name}.yaml"
        path.write_text(_yaml([nad.body]))
        if self._lint(path).returncode != 0:
            raise WalkthroughError(f"{nad.name} is refused for the reasons above, so no pod is started")
        write_object(self._node.paths.store / "nads", nad.body)

    def _run_pods(self, network: str, addresses: list[str]) -> None:
        """Two pods with this network; the first one pings itself, the second one, and these addresses."""
        self._screen.step(f"Two pods ask for {network}")
        with self._running_pod("net-pod", network) as first, self._running_pod("net-pod2", network) as second:
            for pod in (first, second):
                self._show_addresses(pod)
            self._screen.explain(f"The annotation {networks_annotation.NETWORK_STATUS} of {first.name}:")
            self._screen.output(self._network_status(first))
            self._screen.step("net1 carries traffic")
            for address in [*self._addresses(first), *self._addresses(second), *addresses]:
                self._ping(first, address)
            if self._keep:
                self._open_shell(first)

    @contextlib.contextmanager
    def _running_pod(self, name: str, network: str) -> Iterator[DemoPod]:
        pod = DemoPod(name, {networks_annotation.NETWORKS: network})
        self._runtime.start(pod)
        try:
            yield pod
        finally:
            self._runtime.stop(pod)

    def _show_addresses(self, pod: DemoPod) -> None:
        self._screen.command("ip addr", self._runtime.in_pod(pod, "ip", "address"), where=pod.name)
        links = json.loads(self._runtime.in_pod(pod, "ip", "-json", "link"))
        names = [link["ifname"] for link in links]
        if names != ["lo", "eth0", "net1"]:
            raise WalkthroughError(f"{pod.name} has {', '.join(names)} instead of lo, eth0, net1")

    def _network_status(self, pod: DemoPod) -> str:
        text = self._runtime.status(pod)
        if [entry.get("interface") for entry in json.loads(text or "[]")] != ["eth0", "net1"]:
            raise WalkthroughError(f"network-status of {pod.name} does not list both networks: {text!r}")
        return text

    def _ping(self, pod: DemoPod, address: str) -> None:
        command = ("ping", "-c", "1", "-W", "5", "-I", "net1", address)
        output = self._runtime.in_pod(pod, *command)
        self._screen.command(" ".join(command), _statistics(output), where=pod.name)

    def _addresses(self, pod: DemoPod) -> list[str]:
        """The IPv4 addresses of net1; none for a network without IPAM."""
        link = json.loads(self._runtime.in_pod(pod, "ip", "-json", "-4", "address", "show", "dev", "net1"))[0]
        return [info["local"] for info in link.get("addr_info", ())]

    def _open_shell(self, pod: DemoPod) -> None:
        self._screen.explain(f"A shell in {pod.name}; exit it to remove everything.")
        shell = os.environ.get("SHELL", "/bin/sh")
        subprocess.run(self._node.command("nsenter", f"--net={pod.netns}", "--", shell), check=False)

    def _check_nothing_is_left(self) -> None:
        self._screen.step("The pods are deleted; nothing is left")
        paths = self._node.paths
        leases = sorted(str(path.relative_to(paths.leases)) for path in paths.leases.glob("*/[0-9]*"))
        ledger = paths.sandbox_files()
        links = [link["ifname"] for link in json.loads(self._node.run("ip", "-json", "link").stdout)]
        self._screen.command("ip -brief link", self._node.run("ip", "-brief", "link").stdout)
        left = [name for name in links if name.startswith(("veth", "net"))]
        if leases or ledger or left:
            raise WalkthroughError(f"not removed: leases {leases}, ledger {ledger}, links {left}")
        self._screen.good("no interface, no lease, no ledger entry of the two pods")

    def _lint(self, path: Path) -> subprocess.CompletedProcess[str]:
        """Runs `netattach lint` with this node's own inventory, and prints its output."""
        inventory = str(self._node.inventory)
        done = subprocess.run(
            [sys.executable, "-m", "netattach_cli", "lint", "--inventory", inventory, path.name],
            cwd=path.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        self._screen.command(f"netattach lint --inventory node1.json {path.name}", done.stdout + done.stderr)
        return done

    def _has_ipvlan(self) -> bool:
        """Whether the kernel can create ipvlan interfaces."""
        added = self._node.run("ip", "link", "add", "probe0", "link", "eth1", "type", "ipvlan", check=False)
        if added.returncode == 0:
            self._node.run("ip", "link", "delete", "probe0")
        return added.returncode == 0


def _statistics(output: str) -> str:
    """The line of ping's output with the packet counts."""
    return next(line for line in output.splitlines() if "packets transmitted" in line)


def _yaml(bodies: list[dict[str, Any]]) -> str:
    """NADs as people write them, with the CNI config as a block."""
    return "---\n".join(yaml.dump(body, Dumper=_BlockDumper, sort_keys=False) for body in bodies)


class _BlockDumper(yaml.SafeDumper):
    """Writes a string of several lines as a `|` block."""


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_BlockDumper.add_representer(str, _string)
