"""The command `netattach get pods`."""

from __future__ import annotations

import argparse

from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.output.view import UNREADABLE, View
from netattach_cli.pods import inputs, pod_networks, view

HELP = (
    "show pods with the networks that they request next to those that they have: node, interface, addresses, MAC, and whether "
    "the network is still there; exits with 1 if a pod does not exist"
)

KINDS = ("pods", "pod", "po")

_OF_NAME = "pod/"
"""Before a name, as -o name prints it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=KINDS, help="what to show: pods")
    parser.add_argument(
        "names", metavar="POD", nargs="*", help="the names of pods; default: all that ask for networks"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="also pods without secondary networks, and the default network of each pod",
    )
    options.add_namespaces(parser)
    options.add_selector(parser, "pods")
    options.add_output(parser)
    options.add_watch(parser)
    options.add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    args.names = [name.removeprefix(_OF_NAME) for name in args.names]
    if options.is_ambiguous(args, args.names):
        return UNREADABLE

    def show(reader: Reader, scope: Scope) -> View:
        facts = inputs.gather(reader, scope.namespace, args.names, args.selector)
        pods = [pod_networks.networks_of(pod, facts.unmet, default=args.all) for pod in facts.pods]
        shown = [pod for pod in pods if pod.networks or args.all or args.names]
        where = f" in namespace {scope.namespace}" if scope.namespace else ""
        return view.view(shown, facts.missing, namespaces=not scope.namespace, where=where)

    return frame.run(args, show)
