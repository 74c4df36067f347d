"""The command `netattach status`."""

from __future__ import annotations

import argparse

from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.output.view import View
from netattach_cli.status import checks, inputs, view

HELP = (
    "report whether netattach works in the cluster: daemons, webhooks, operator, certificates, networks, pods without their "
    "networks, contested CNI configs; exits with 1 if something is wrong, 3 if nothing is as far as you may look"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_output(parser)
    options.add_watch(parser)
    parser.add_argument(
        "--wait", action="store_true", help="wait until nothing is wrong, as after an installation"
    )
    parser.add_argument(
        "--timeout",
        type=options.duration,
        default=300.0,
        metavar="DURATION",
        help="how long to wait with --wait, as in 90s, 5m or 1h (default: 5m)",
    )
    options.add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    def show(reader: Reader, scope: Scope) -> View:
        facts = inputs.gather(reader, scope.now)
        return view.view(checks.checks(facts), all_items=args.output == "wide")

    return frame.wait(args, show, args.timeout) if args.wait else frame.run(args, show)
