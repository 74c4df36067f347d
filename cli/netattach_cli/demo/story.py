"""The demo, step by step. Each step looks at the kernel or at files and fails when it does not find what it tells."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netattach_cli.demo import tutorial
from netattach_cli.demo.runtime import DemoPod, Runtime, write_object
from netattach_cli.demo.show import Screen
from netattach_cli.demo.stage import Stage, StageError
from netattach_core.api import networks_annotation


class StoryError(Exception):
    """Something did not come out as told."""


@dataclass(frozen=True, slots=True)
class OwnNad:
    """A NAD of the user's; `card` is the spare card's name on the stage: the one that the NAD asks for, or eth1."""

    body: dict[str, Any]
    card: str

    @classmethod
    def read(cls, path: Path) -> OwnNad:
        """The first NAD of a YAML file. Raises StageError."""
        try:
            documents = list(yaml.safe_load_all(path.read_text()))
        except (OSError, yaml.YAMLError) as error:
            raise StageError(f"{path} cannot be read: {error}") from error
        for body in documents:
            if isinstance(body, dict) and body.get("kind") == "NetworkAttachmentDefinition":
                return cls(_with_namespace(body), _card_of(body))
        raise StageError(f"{path} holds no NetworkAttachmentDefinition")

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])


class Story:
    """Tells the tutorial, or attaches the user's own NAD."""

    def __init__(self, stage: Stage, screen: Screen, *, keep: bool, own: OwnNad | None) -> None:
        self._stage = stage
        self._screen = screen
        self._keep = keep
        self._own = own
        self._runtime = Runtime(stage)
        self._files = stage.places.root / "files"
        self._files.mkdir()

    def tell(self) -> None:
        """All steps. Raises StoryError, CallError, StageError."""
        self._the_node()
        if self._own:
            self._validate_own(self._own)
            self._pods(self._own.name, [])
        else:
            self._mistakes()
            self._pods(self._create_tutorials_nads(), [tutorial.GATEWAY])
        self._nothing_is_left()

    def _the_node(self) -> None:
        self._screen.step("A node: eth0 carries the default network, the second card is free")
        self._screen.typed("ip -brief address", self._stage.run("ip", "-brief", "address").stdout)

    def _mistakes(self) -> None:
        self._screen.step("Mistakes are refused, with what is wrong, where, and how to fix it")
        path = self._files / "mistakes.yaml"
        mistakes = tutorial.mistakes()
        path.write_text(_yaml([tutorial.nad_body(name, config) for name, config in mistakes.items()]))
        linted = self._lint(path)
        if linted.returncode != 1:
            raise StoryError(f"not refused:\n{linted.stdout}{linted.stderr}")
        missed = [name for name in mistakes if f"default/{name} " not in linted.stdout]
        if missed:
            raise StoryError(f"not refused: {', '.join(missed)}\n{linted.stdout}")

    def _create_tutorials_nads(self) -> str:
        """Creates the NADs; the name of the one that the pods ask for."""
        self._screen.step("The tutorial's networks are taken")
        has_ipvlan = self._kernel_has_ipvlan()
        nads = tutorial.nads() if has_ipvlan else tutorial.without_ipvlan()
        path = self._files / "networks.yaml"
        bodies = [tutorial.nad_body(name, config) for name, config in nads.items()]
        path.write_text(_yaml(bodies))
        linted = self._lint(path)
        if linted.returncode != 0:
            raise StoryError(f"refused:\n{linted.stdout}{linted.stderr}")
        for body in bodies:
            write_object(self._stage.places.store / "nads", body)
        if not has_ipvlan:
            self._screen.say(
                f"This kernel ({os.uname().release}) has no ipvlan: the pods ask for macvlan-def instead of ipvlan-def."
            )
        return "ipvlan-def" if has_ipvlan else "macvlan-def"

    def _validate_own(self, own: OwnNad) -> None:
        self._screen.step(f"Your network {own.name}, on a node whose spare card is called {own.card}")
        path = self._files / f"{own.name}.yaml"
        path.write_text(_yaml([own.body]))
        if self._lint(path).returncode != 0:
            raise StoryError(f"{own.name} is refused for the reasons above, so no pod is started")
        write_object(self._stage.places.store / "nads", own.body)

    def _pods(self, network: str, others: list[str]) -> None:
        self._screen.step(f"Two pods ask for {network}")
        with self._running("net-pod", network) as one, self._running("net-pod2", network) as two:
            for pod in (one, two):
                self._show_addresses(pod)
            self._screen.say(f"The annotation {networks_annotation.NETWORK_STATUS} of {one.name}:")
            self._screen.output(self._status(one))
            self._ping(one, two, others)
            if self._keep:
                self._shell(one)

    @contextlib.contextmanager
    def _running(self, name: str, network: str) -> Iterator[DemoPod]:
        pod = DemoPod(name, {networks_annotation.NETWORKS: network})
        self._runtime.start(pod)
        try:
            yield pod
        finally:
            self._runtime.stop(pod)

    def _show_addresses(self, pod: DemoPod) -> None:
        self._screen.typed("ip addr", self._runtime.in_pod(pod, "ip", "address"), where=pod.name)
        names = [link["ifname"] for link in json.loads(self._runtime.in_pod(pod, "ip", "-json", "link"))]
        if names != ["lo", "eth0", "net1"]:
            raise StoryError(f"{pod.name} has {', '.join(names)} and not lo, eth0, net1")

    def _status(self, pod: DemoPod) -> str:
        text = self._runtime.status(pod)
        if [entry.get("interface") for entry in json.loads(text or "[]")] != ["eth0", "net1"]:
            raise StoryError(f"network-status of {pod.name} does not tell both networks: {text!r}")
        return text

    def _ping(self, one: DemoPod, two: DemoPod, others: list[str]) -> None:
        """Its own address, the other pod's, the gateway: over net1, without loss."""
        self._screen.step("net1 carries traffic")
        for address in [*self._addresses(one), *self._addresses(two), *others]:
            words = ("ping", "-c", "1", "-W", "5", "-I", "net1", address)
            printed = self._runtime.in_pod(one, *words)
            self._screen.typed(" ".join(words), _statistics(printed), where=one.name)

    def _addresses(self, pod: DemoPod) -> list[str]:
        """The IPv4 addresses of net1; none for a network without IPAM."""
        link = json.loads(self._runtime.in_pod(pod, "ip", "-json", "-4", "address", "show", "dev", "net1"))[0]
        return [info["local"] for info in link.get("addr_info", ())]

    def _shell(self, pod: DemoPod) -> None:
        self._screen.say(f"A shell inside {pod.name}; leave it with exit, and all is removed.")
        shell = os.environ.get("SHELL", "/bin/sh")
        subprocess.run(self._stage.command("nsenter", f"--net={pod.netns}", "--", shell), check=False)

    def _nothing_is_left(self) -> None:
        self._screen.step("The pods are deleted; nothing is left")
        places = self._stage.places
        leases = sorted(str(path.relative_to(places.leases)) for path in places.leases.glob("*/[0-9]*"))
        ledger = places.of_sandboxes()
        links = [link["ifname"] for link in json.loads(self._stage.run("ip", "-json", "link").stdout)]
        self._screen.typed("ip -brief link", self._stage.run("ip", "-brief", "link").stdout)
        strays = [name for name in links if name.startswith(("veth", "net"))]
        if leases or ledger or strays:
            raise StoryError(f"left behind: leases {leases}, ledger {ledger}, links {strays}")
        self._screen.good("no interface, no lease, no ledger entry of the two pods")

    def _lint(self, path: Path) -> subprocess.CompletedProcess[str]:
        """`netattach lint` with this node's own inventory, printed as it comes."""
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "netattach_cli",
                "lint",
                "--inventory",
                str(self._stage.inventory),
                path.name,
            ],
            cwd=path.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        self._screen.typed(f"netattach lint --inventory node1.json {path.name}", done.stdout + done.stderr)
        return done

    def _kernel_has_ipvlan(self) -> bool:
        made = self._stage.run("ip", "link", "add", "probe0", "link", "eth1", "type", "ipvlan", check=False)
        if made.returncode == 0:
            self._stage.run("ip", "link", "delete", "probe0")
        return made.returncode == 0


def _statistics(printed: str) -> str:
    return next(line for line in printed.splitlines() if "packets transmitted" in line)


def _yaml(bodies: list[dict[str, Any]]) -> str:
    """NADs as people write them, the configuration as a block."""
    return "---\n".join(yaml.dump(body, Dumper=_BlockDumper, sort_keys=False) for body in bodies)


class _BlockDumper(yaml.SafeDumper):
    """Writes a text of several lines as a `|` block."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_BlockDumper.add_representer(str, _text)


def _with_namespace(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {**body.get("metadata", {}), "namespace": "default"}}


def _card_of(body: dict[str, Any]) -> str:
    """The interface that the configuration builds on, if it can be read; the validator says so if not."""
    try:
        config = json.loads(body["spec"]["config"])
        first = config["plugins"][0] if "plugins" in config else config
        card = first.get("master") or first.get("device")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return "eth1"
    return card if isinstance(card, str) and card != "eth0" else "eth1"
