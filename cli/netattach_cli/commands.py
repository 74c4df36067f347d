"""The commands: their names, what each is for in a line, and the module that has the rest.

A module is imported only for its own command: `status` must not wait for what `lint` needs.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Command:
    """The module has `HELP`, `add_arguments(parser)` and `run(args) -> int`."""

    name: str
    summary: str
    module: str

    def load(self) -> ModuleType:
        return importlib.import_module(f"netattach_cli.{self.module}")


ASKING = (
    Command("status", "whether netattach works in the cluster, and what is wrong", "status.command"),
    Command("get", "pods with their interfaces, networks and addresses", "pods.command"),
    Command(
        "networks", "on which nodes each network is ready, and why not on the others", "networks.command"
    ),
    Command("who-uses", "the pods and workloads that use a network", "who_uses.command"),
    Command("explain", "why a pod lacks a network, and what helps", "explain.command"),
    Command(
        "simulate",
        "what would happen to networks and pods of files, before they are applied",
        "simulate.command",
    ),
    Command("doctor", "what is wrong with a node, part by part", "doctor.command"),
    Command("bundle", "write an archive for an issue report", "bundle.command"),
    Command("graph", "draw networks on nodes, and networks with their pods", "graph.command"),
    Command("nodes", "what the nodes have, and whether their daemons are ready", "nodes.command"),
)
"""They read a cluster, and change nothing."""

FILES = (
    Command("lint", "validate networks, and what asks for them, in files", "lint.command"),
    Command("rules", "list the rules of the linter and the webhooks, or explain some", "rules.command"),
    Command("new", "write a network that fits the nodes", "new.command"),
    Command("migrate", "prepare a migration from Multus", "migrate.command"),
    Command("demo", "run the tutorial on this machine, without a cluster", "demo.command"),
)

OTHERS = (Command("completion", "print the completion script for a shell", "completion.command"),)

GROUPS = {"Ask a cluster": ASKING, "Work with files": FILES, "Other commands": OTHERS}
COMMANDS: dict[str, Command] = {each.name: each for group in GROUPS.values() for each in group}

COMPLETE = Command("__complete", "print candidates for a shell", "completion.answer")
"""Not shown: the scripts of `completion` call it."""
