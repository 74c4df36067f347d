"""The command `netattach doctor`."""

from __future__ import annotations

import argparse

from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.doctor import diagnoses, inputs, view
from netattach_cli.output.view import WRONG, View

HELP = (
    "look at one node part by part: daemon and shim, CNI configs, plugins, the kernel's kinds of links, DHCP, the probe, "
    "networks and pods; it says what the API does not show, and how to see it; exits with 1 if something is wrong"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="NODE", help="a node, as name or node/name")
    options.add_output(parser)
    options.add_watch(parser)
    options.add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    name = args.node.removeprefix("nodes/").removeprefix("node/").removeprefix("no/")

    def show(reader: Reader, _: Scope) -> View:
        facts = inputs.gather(reader, name)
        if facts.missing:
            return View([], {"node": None}, status=WRONG, errors=[f"node {name} does not exist"])
        return view.view(name, diagnoses.diagnoses(facts))

    return frame.run(args, show)
