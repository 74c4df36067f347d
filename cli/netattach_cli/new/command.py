"""The command `netattach new`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from netattach_cli import inventories
from netattach_cli.files import UnreadableError, reason
from netattach_cli.kubectl import Kubectl
from netattach_cli.new import ipam
from netattach_cli.new.defaults import GenerationError, OptionsError
from netattach_cli.new.generator import TYPES, GeneratedNad, Options, generate
from netattach_cli.terminal import printable
from netattach_core.api.inventory import NodeInventory
from netattach_core.policy import levels, networks
from netattach_core.policy.case import Surroundings
from netattach_core.text.finding import Finding, Severity, path_text
from netattach_core.validation.validator import nad_of, validate
from netattach_kube.cluster_settings import ClusterSettings

NAME = "new"
HELP = "write a NetworkAttachmentDefinition that works, with an interface, addresses and a CNI version that fit the nodes"

WRITTEN, IMPOSSIBLE, INVALID, UNREADABLE = 0, 1, 2, 2
"""Exit statuses: IMPOSSIBLE on these nodes, INVALID on any."""

_NO_INVENTORY = "none"
_DEFAULT_NAMESPACE = "default"
_SECONDS = 10
"""Timeout for the default cluster, which may not exist."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", choices=TYPES, help="the CNI plugin that creates the pod's interface")
    parser.add_argument("--name", default="", help="default: the type and the interface, as in macvlan-eth1")
    parser.add_argument(
        "--namespace", "-n", default="", help="default: none, so that kubectl's namespace applies"
    )
    parser.add_argument(
        "--master",
        default="",
        metavar="INTERFACE",
        help="the node's interface, or the bridge; default: one that carries no traffic of the node itself",
    )
    parser.add_argument(
        "--ipam",
        choices=ipam.TYPES,
        default="",
        help="the IPAM plugin; default: one that fits the type and the nodes",
    )
    parser.add_argument(
        "--subnet",
        action="append",
        default=[],
        help="default: a private /24 that the nodes do not use; repeatable, once for each IP version",
    )
    parser.add_argument(
        "--dual-stack",
        action="store_true",
        help="a subnet of each IP version; those that are not given are private ones",
    )
    parser.add_argument(
        "--vlan", type=int, default=0, metavar="ID", help="the VLAN ID, for vlan, bridge, sriov and ovs"
    )
    parser.add_argument(
        "--mtu", type=int, default=0, metavar="BYTES", help="default: that of the node's interface"
    )
    parser.add_argument(
        "--resource",
        default="",
        metavar="NAME",
        help="the resource of the device plugin, for sriov and ib-sriov",
    )
    parser.add_argument(
        "--links",
        default="",
        metavar="NAMES",
        help="the pod's interfaces that a bond combines; default: net1,net2",
    )
    parser.add_argument(
        "-w",
        "--write",
        dest="file",
        metavar="FILE",
        help="write to this file, which must not exist yet; default: standard output",
    )
    # Its former name: of kubectl's commands, -f is the file to read.
    parser.add_argument("-f", "--file", dest="file", help=argparse.SUPPRESS)
    meaning = "what the nodes have: a file, `cluster` or `none`; default: the cluster, if kubectl reaches one"
    inventories.add_arguments(parser, meaning)


def run(args: argparse.Namespace) -> int:
    """0 if the NAD is written, 1 if the nodes make it impossible, 2 if the options do, or a file cannot be read or written."""
    try:
        nodes = _nodes(args)
        nad = generate(_options(args), nodes)
        return _validate(nad, nodes) or _write(nad.text(), args.file)
    except GenerationError as error:
        _print_message("error", str(error))
        return INVALID if isinstance(error, OptionsError) else IMPOSSIBLE
    except UnreadableError as error:
        _print_message("error", f"{error.file}: {error.problem}")
        return UNREADABLE


def _nodes(args: argparse.Namespace) -> list[NodeInventory]:
    if args.inventory == _NO_INVENTORY:
        return []
    if args.inventory:
        return inventories.read(args) or []
    try:
        return inventories.from_cluster(Kubectl(args.kubeconfig, args.context, _SECONDS))
    except UnreadableError as error:
        _print_message("note", f"no inventory of the nodes ({error.problem})")
        return []


def _options(args: argparse.Namespace) -> Options:
    return Options(
        type=args.type,
        name=args.name,
        namespace=args.namespace,
        master=args.master,
        ipam=args.ipam,
        subnets=tuple(args.subnet),
        vlan=args.vlan,
        mtu=args.mtu,
        resource=args.resource,
        links=tuple(filter(None, (link.strip() for link in args.links.split(",")))),
        dual_stack=args.dual_stack,
    )


def _validate(nad: GeneratedNad, nodes: list[NodeInventory]) -> int:
    """Validates the NAD as the webhooks of a new cluster will when it is applied, and prints all findings but advice.

    Returns the exit status, WRITTEN if nothing refuses it: warnings do not.
    """
    findings = _findings(nad, nodes)
    for found in findings:
        if found.effective_severity is Severity.ADVICE:
            continue
        weight = "error" if found.effective_severity is Severity.DENY else "warning"
        _print_message(
            weight, f"{path_text(found.path)}: {found.problem}. Fix: {found.fix} [{found.rule.id}]"
        )
    if not _is_refused(findings):
        return WRITTEN
    return INVALID if _is_refused(_findings(nad, [])) else IMPOSSIBLE


def _is_refused(findings: Iterable[Finding]) -> bool:
    return any(found.effective_severity is Severity.DENY for found in findings)


def _findings(nad: GeneratedNad, nodes: list[NodeInventory]) -> list[Finding]:
    """Those of the validator, and of the policy that the namespace has in a new cluster."""
    settings = ClusterSettings()
    policy = levels.of_namespace(settings.policy, nad.namespace or _DEFAULT_NAMESPACE, {})
    around = Surroundings(nodes, settings.validation.networks)
    of_policy = networks.check(nad_of(nad.body), policy, around)
    validated, kept = networks.without_duplicates(validate(nad.body, nodes or None), of_policy)
    return [*validated, *kept]


def _write(text: str, file: str | None) -> int:
    if file is None:
        print(text, end="")
        return WRITTEN
    try:
        with Path(file).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        _print_message("error", f"{file}: {reason(error)}")
        return UNREADABLE
    return WRITTEN


def _print_message(weight: str, text: str) -> None:
    print(f"{weight}: {chr(10).join(printable(line) for line in text.splitlines())}", file=sys.stderr)
