"""kubectl's options, with kubectl's meaning."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from netattach_cli.ask import durations
from netattach_cli.cluster.kubectl_proxy import Target
from netattach_cli.output import formats
from netattach_cli.terminal import WHEN


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Which cluster to ask."""
    group = parser.add_argument_group("cluster")
    group.add_argument("--context", default="", metavar="NAME", help="the context of the kubeconfig")
    group.add_argument("--kubeconfig", default="", metavar="FILE", help="the kubeconfig; default: as kubectl")
    group.add_argument("--as", dest="user", default="", metavar="USER", help="ask as this user")
    group.add_argument(
        "--request-timeout",
        type=duration,
        default=10.0,
        metavar="DURATION",
        help="how long to wait for a response of the API server (default: 10s)",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        choices=formats.FORMATS,
        default="table",
        help="a table (default), one with more columns, JSON or YAML for programs, or names only",
    )
    parser.add_argument(
        "--no-headers", action="store_true", help="tables without the titles of their columns"
    )
    parser.add_argument(
        "--color",
        choices=WHEN,
        default="auto",
        help="colours; auto: on a terminal, unless NO_COLOR is set, or where FORCE_COLOR is set",
    )


def add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help="look again every 2 seconds, and show it again where it has changed",
    )


def add_namespace(parser: argparse.ArgumentParser, what: str = "the namespace") -> None:
    """For one namespace."""
    parser.add_argument(
        "-n",
        "--namespace",
        default="",
        metavar="NAMESPACE",
        help=f"{what}; default: that of the context",
    )


def add_namespaces(parser: argparse.ArgumentParser) -> None:
    """For one namespace, or all."""
    add_namespace(parser)
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="all namespaces")


def add_selector(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "-l",
        "--selector",
        default="",
        metavar="LABELS",
        help=f"only {what} with these labels, as in app=web,tier!=db",
    )


def target(args: argparse.Namespace) -> Target:
    return Target(args.kubeconfig, args.context, args.user, args.request_timeout)


def duration(text: str) -> float:
    """The type of an option. Raises ArgumentTypeError."""
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is {error}") from error


def is_ambiguous(args: argparse.Namespace, names: Iterable[str]) -> bool:
    """Whether an object is asked for by its name, and the namespace is not given; reports it."""
    if args.all_namespaces and not all("/" in name for name in names):
        print(
            "netattach: an object with a name is in one namespace: give -n, or namespace/name",
            file=sys.stderr,
        )
        return True
    return False
