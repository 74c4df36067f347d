"""`netattach lint`: validate networks and pods in files, as the admission webhook would."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable
from typing import TextIO

from netattach_cli import files, inventories, manifests, report
from netattach_cli.files import File, UnreadableError
from netattach_cli.machine import JsonReport, SarifReport
from netattach_cli.report import Paint, Report, Tally, TextReport
from netattach_cli.validation import Validate, asks_for_networks
from netattach_core.api.inventory import NodeInventory

NAME = "lint"
HELP = (
    "validate NetworkAttachmentDefinitions, and what pods ask for, in files; "
    "exits with 1 where one is refused, 2 where one cannot be read"
)

NOTHING_DENIED, DENIED, UNREADABLE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a file of YAML or JSON, a folder with such files in it, a pattern such as 'nets/**/*.yaml', - for standard input",
    )
    parser.add_argument(
        "-o", "--output", choices=list(_REPORTS), default="text", help="for people, programs or code hosts"
    )
    parser.add_argument(
        "--warnings-as-errors", "--strict", action="store_true", help="exit with 1 for warnings too"
    )
    parser.add_argument(
        "--related-only",
        action="store_true",
        help="pass over what has no word of ours in it, as in a folder; for hooks that are given every file",
    )
    meaning = "what the nodes have, so that interfaces and plugins are validated too: from a file, or from the cluster by kubectl"
    inventories.add_arguments(parser, meaning)


def run(args: argparse.Namespace) -> int:
    """Validators all files, whatever is wrong with one of them."""
    told, tally = _REPORTS[args.output](), Tally()
    try:
        validate = Validate(_nodes(args))
    except UnreadableError as error:
        print(report.unreadable(error, Paint(on=_colours(sys.stderr))), file=sys.stderr)
        return UNREADABLE
    seen = set[str]()
    for argument in args.files:
        try:
            found = files.expand(argument)
        except UnreadableError as error:
            _unreadable(error, tally, told)
            continue
        for file in found:
            path = os.path.realpath(file.path)
            if path not in seen:
                named = file.named and not args.related_only
                _lint(dataclasses.replace(file, named=named), validate, tally, told)
            seen.add(path)
    told.end(tally)
    if tally.unreadable:
        return UNREADABLE
    return DENIED if tally.refused or (args.warnings_as_errors and tally.warned) else NOTHING_DENIED


def _nodes(args: argparse.Namespace) -> list[NodeInventory] | None:
    nodes = inventories.read(args)
    if nodes == []:
        print(
            "no node of the cluster has told yet what it has: interfaces are not validated", file=sys.stderr
        )
    return nodes


def _lint(file: File, validate: Validate, tally: Tally, told: Report) -> None:
    """One file. The documents before a broken one are validated."""
    try:
        text = files.read(file)
        if not files.concerns_us(file, text):
            return
        for manifest in manifests.manifests(file.name, text):
            if manifest.is_nad or asks_for_networks(manifest):
                problems = validate.problems(manifest)
                tally.count(manifest, [problem.finding for problem in problems])
                for problem in problems:
                    told.problem(problem)
    except UnreadableError as error:
        _unreadable(error, tally, told)


def _unreadable(error: UnreadableError, tally: Tally, told: Report) -> None:
    tally.unreadable += 1
    told.unreadable(error)


def _text_report() -> Report:
    return TextReport(Paint(on=_colours(sys.stdout)))


def _colours(stream: TextIO) -> bool:
    """https://no-color.org: any value that is not empty turns them off."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


_REPORTS: dict[str, Callable[[], Report]] = {
    "text": _text_report,
    "json": JsonReport,
    "sarif": SarifReport,
}
