"""`netattach lint`: judge NADs in files, as the admission webhook would."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from netattach_cli import manifests, report
from netattach_cli.manifests import UnreadableError
from netattach_core import inventory
from netattach_core.errors import DecodeError
from netattach_core.inventory import NodeInventory
from netattach_core.policy import judge

NAME = "lint"
HELP = "judge NetworkAttachmentDefinitions in files; exits with 1 where one is refused, 2 where one cannot be read"

NOTHING_DENIED, DENIED, UNREADABLE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="a file of YAML or JSON; - for standard input"
    )
    parser.add_argument(
        "--inventory",
        metavar="FILE",
        help="what the nodes have (one inventory, or a list), so that interfaces and plugins are judged too",
    )


def run(args: argparse.Namespace) -> int:
    """Judges all files, whatever is wrong with one of them."""
    paint = report.Paint(on=_colours())
    try:
        nodes = _inventories(args.inventory) if args.inventory else None
    except UnreadableError as error:
        print(report.unreadable(error, paint))
        return UNREADABLE
    tally = report.Tally()
    for file in args.files:
        _lint(file, nodes, tally, paint)
    print(tally.summary())
    if tally.unreadable:
        return UNREADABLE
    return DENIED if tally.refused else NOTHING_DENIED


def _lint(file: str, nodes: list[NodeInventory] | None, tally: report.Tally, paint: report.Paint) -> None:
    """One file. The documents before a broken one are judged."""
    try:
        name, text = _read(file)
        for manifest in manifests.nads(name, text):
            findings = judge(manifest.body, nodes)
            tally.count(findings)
            for finding in findings:
                print(report.finding(manifest, finding, paint), end="\n\n")
    except UnreadableError as error:
        tally.unreadable += 1
        print(report.unreadable(error, paint), end="\n\n")


def _read(file: str) -> tuple[str, str]:
    try:
        if file == "-":
            return "<stdin>", sys.stdin.buffer.read().decode("utf-8-sig")
        return file, Path(file).read_text("utf-8-sig")
    except OSError as error:
        raise UnreadableError(file, (error.strerror or str(error)).lower()) from error
    except UnicodeDecodeError as error:
        raise UnreadableError(file, "not a text in UTF-8") from error


def _inventories(file: str) -> list[NodeInventory]:
    name, text = _read(file)
    found = []
    for document in manifests.documents(name, text):
        try:
            found += [inventory.from_dict(body) for body in manifests.listed(document.value)]
        except DecodeError as error:
            raise UnreadableError(name, error.message) from error
    return found


def _colours() -> bool:
    """https://no-color.org: any value that is not empty turns them off."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
