"""`netattach new`: a NetworkAttachmentDefinition that works, from what is known of the nodes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from netattach_cli import inventories
from netattach_cli.choices import NoChoiceError
from netattach_cli.drafts import IPAMS, TYPES, Draft, Wish, draft
from netattach_cli.files import UnreadableError
from netattach_cli.kubectl import Kubectl
from netattach_cli.report import visible
from netattach_core.api.inventory import NodeInventory
from netattach_core.text.finding import Severity, path_text
from netattach_core.validation.validator import validate

NAME = "new"
HELP = (
    "write a NetworkAttachmentDefinition that works: interface, addresses and version by what the nodes have"
)

MADE, NOT_MADE, UNREADABLE = 0, 1, 2
_NO_INVENTORY = "none"
_SECONDS = 10
"""For a cluster that nobody has asked for by name, and that may not be there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", choices=TYPES, help="the CNI plugin that makes the pod's interface")
    parser.add_argument("--name", default="", help="default: the type and the interface, as in macvlan-eth1")
    parser.add_argument("--namespace", "-n", default="", help="default: none, so that kubectl's holds")
    parser.add_argument(
        "--master",
        default="",
        metavar="INTERFACE",
        help="the node's interface, or the bridge; default: one that is free",
    )
    parser.add_argument(
        "--ipam", choices=IPAMS, default="", help="who gives the addresses; default: what fits the type"
    )
    parser.add_argument("--subnet", default="", help="default: a private /24 that the nodes do not use")
    parser.add_argument("--vlan", type=int, default=0, metavar="ID", help="for vlan, and for bridge")
    parser.add_argument("-f", "--file", metavar="FILE", help="write to this file, which is not there yet")
    meaning = (
        "what the nodes have: a file, `cluster`, or `none`; default: the cluster, where kubectl reaches one"
    )
    inventories.add_arguments(parser, meaning)


def run(args: argparse.Namespace) -> int:
    """0 when it is written, 1 where no network that works can be made, 2 where the inventory or the file is to blame."""
    try:
        nodes = _nodes(args)
        made = draft(_wish(args), nodes)
        if not _is_sound(made, nodes):
            return NOT_MADE
        return _write(made.text(), args.file)
    except NoChoiceError as error:
        _say("error", str(error))
        return NOT_MADE
    except UnreadableError as error:
        _say("error", f"{error.file}: {error.problem}")
        return UNREADABLE


def _nodes(args: argparse.Namespace) -> list[NodeInventory]:
    if args.inventory == _NO_INVENTORY:
        return []
    if args.inventory:
        return inventories.read(args) or []
    try:
        return inventories.from_cluster(Kubectl(args.kubeconfig, args.context, _SECONDS))
    except UnreadableError as error:
        _say("note", f"nothing is known of the nodes ({error.problem})")
        return []


def _wish(args: argparse.Namespace) -> Wish:
    return Wish(args.type, args.name, args.namespace, args.master, args.ipam, args.subnet, args.vlan)


def _is_sound(made: Draft, nodes: list[NodeInventory]) -> bool:
    """Validated as it will be when it is applied; warnings are told and are no hindrance."""
    findings = validate(made.body, nodes or None)
    for found in findings:
        weight = "error" if found.effective_severity is Severity.DENY else "warning"
        _say(weight, f"{path_text(found.path)}: {found.problem}. Fix: {found.fix} [{found.rule.id}]")
    return all(found.effective_severity is not Severity.DENY for found in findings)


def _write(text: str, file: str | None) -> int:
    if file is None:
        print(text, end="")
        return MADE
    try:
        with Path(file).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        _say("error", f"{file}: {(error.strerror or str(error)).lower()}")
        return UNREADABLE
    return MADE


def _say(weight: str, words: str) -> None:
    print(f"{weight}: {chr(10).join(visible(line) for line in words.splitlines())}", file=sys.stderr)
