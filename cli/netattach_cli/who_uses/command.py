"""The command `netattach who-uses`."""

from __future__ import annotations

import argparse
import dataclasses

from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.networks import inputs as networks_inputs
from netattach_cli.output.view import WRONG, View
from netattach_cli.who_uses import inputs, uses, view

HELP = (
    "show who uses a network, before it is changed or deleted: pods that have it or ask for it, workloads whose pods ask for it, "
    "and the settings that give it to each pod; exits with 1 if neither the network nor a use of it exists"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NETWORK", help="a network, as name or namespace/name")
    options.add_namespace(parser, "the network's namespace")
    options.add_output(parser)
    options.add_watch(parser)
    options.add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    args.all_namespaces = "/" in args.network  # the namespace of the context need not be looked up

    def show(reader: Reader, scope: Scope) -> View:
        name = args.network if "/" in args.network else f"{scope.namespace}/{args.network}"
        network = networks_inputs.network(reader, name, "")
        found = uses.uses(name, inputs.gather(reader))
        exists = bool(network.first) if network.known else None
        shown = view.view(name, found, exists=exists)
        return dataclasses.replace(shown, status=WRONG) if exists is False and not found else shown

    return frame.run(args, show)
