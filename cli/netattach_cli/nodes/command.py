"""The command `netattach nodes`."""

from __future__ import annotations

import argparse

from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.nodes import inputs, node_data, view
from netattach_cli.output.view import WRONG, View

HELP = (
    "show the nodes: whether the daemon is ready, its version, the default network, pods with and without their networks; of one "
    "node also its interfaces and plugins, and the networks that are not ready there; exits with 1 if it does not exist"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="NODE", nargs="?", help="the name of a node; default: all")
    options.add_selector(parser, "nodes")
    options.add_output(parser)
    options.add_watch(parser)
    options.add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    def show(reader: Reader, _: Scope) -> View:
        if not args.node:
            return view.nodes_view(node_data.nodes(inputs.all_nodes(reader, args.selector).nodes))
        facts = inputs.one_node(reader, args.node)
        if facts.missing:
            data = {"node": None}
            return View([], data, status=WRONG, errors=[f"node {args.node} does not exist"])
        return view.node_view(node_data.detail(args.node, facts.nodes, facts.networks))

    return frame.run(args, show)
