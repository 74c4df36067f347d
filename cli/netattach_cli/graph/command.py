"""The command `netattach graph`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.cluster.reader import Reader
from netattach_cli.graph import html, inputs, mermaid, svg
from netattach_cli.graph.matrix import Matrix, matrix
from netattach_cli.output.view import View

HELP = (
    "draw which networks are ready on which nodes, why not on the others, and the pods of each network: one file for a browser, "
    "a picture, or a diagram for Markdown"
)

WRITERS: dict[str, Callable[[Matrix], str]] = {"html": html.text, "svg": svg.text, "mermaid": mermaid.text}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_namespaces(parser)
    options.add_selector(parser, "networks")
    parser.add_argument(
        "-o",
        "--output",
        choices=(*WRITERS, "json"),
        default="html",
        help="a page (default), a picture, a diagram in Mermaid, or what they show as JSON; on standard output",
    )
    options.add_cluster(parser)
    parser.set_defaults(color="never", no_headers=False)


def run(args: argparse.Namespace) -> int:
    def show(reader: Reader, scope: Scope) -> View:
        found = matrix(inputs.gather(reader, scope.namespace, args.selector))
        where = f" in namespace {scope.namespace}" if scope.namespace else ""
        errors = [] if found.rows else [f"there are no networks{where}"]
        writer = WRITERS.get(args.output)
        return View([], found, errors=errors, text=writer(found) if writer else "")

    return frame.run(args, show)
