"""The command `netattach networks`."""

from __future__ import annotations

import argparse

from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.networks import inputs, on_nodes, view
from netattach_cli.output.view import OK, UNREADABLE, WRONG, View

HELP = (
    "show networks, and on how many nodes each is ready; of one network, why it is not ready on which nodes; exits with 1 if it "
    "does not exist"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "network", metavar="NETWORK", nargs="?", help="a network, as name or namespace/name; default: all"
    )
    options.add_namespaces(parser)
    options.add_selector(parser, "networks")
    options.add_output(parser)
    options.add_watch(parser)
    options.add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    if options.is_ambiguous(args, [args.network] if args.network else []):
        return UNREADABLE

    def show(reader: Reader, scope: Scope) -> View:
        where = f" in namespace {scope.namespace}" if scope.namespace else ""
        if args.network:
            return _one(reader, args.network, scope.namespace, where)
        found = inputs.networks(reader, scope.namespace, args.selector)
        return view.networks_view(
            [view.data(body) for body in found.objects], namespaces=not scope.namespace, where=where
        )

    return frame.run(args, show)


def _one(reader: Reader, name: str, namespace: str, where: str) -> View:
    pending = inputs.network(reader, name, namespace)
    nodes = inputs.nodes(reader)
    if pending.first is None:
        problem = [f"network {name} does not exist{where}"] if pending.known else []
        status = WRONG if pending.known else OK  # a gap is reported as one
        return View([], {"network": None, "nodes": []}, status=status, errors=problem)
    return view.network_view(view.data(pending.first), on_nodes.of_network(pending.first, nodes))
