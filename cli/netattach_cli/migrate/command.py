"""The command `netattach migrate check`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from netattach_cli import files
from netattach_cli.files import UnreadableError
from netattach_cli.kubectl import Kubectl
from netattach_cli.migrate import (
    cluster_objects,
    multus_installation,
    networks,
    report,
    surroundings,
    translation,
)
from netattach_cli.migrate.assessment import Assessment, Section
from netattach_cli.migrate.objects import Object
from netattach_cli.terminal import Paint, printable, wants_colours
from netattach_core.errors import ConfigError
from netattach_kube import cluster_settings

NAME = "migrate"
HELP = "prepare a migration from Multus"

NOTHING_REFUSED, REFUSED, UNREADABLE = 0, 1, 2
"""Exit statuses."""

_CHECK = (
    "report what a migration from Multus to netattach will meet in the cluster, and change nothing; "
    "exits with 1 if something will be refused, 2 if the cluster or a file cannot be read"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help=_CHECK, description=_CHECK)
    check.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        action="append",
        help="manifests to read instead of the cluster: a file, a folder, a pattern, or - for standard input; may be repeated",
    )
    check.add_argument(
        "-o", "--output", choices=["text", "json"], default="text", help="text for people (default), or json"
    )
    check.add_argument(
        "--write", metavar="SETTINGS", help="the file to write the settings for netattach-config into"
    )
    check.add_argument("--kubeconfig", default="", help="kubectl's option")
    check.add_argument("--context", default="", help="kubectl's option")


def run(args: argparse.Namespace) -> int:
    """Reads, decides, reports; writes the settings only if everything could be read."""
    try:
        objects = (
            cluster_objects.from_files(args.file)
            if args.file
            else cluster_objects.from_cluster(Kubectl(args.kubeconfig, args.context))
        )
        assessment = assess(objects)
        if args.write:
            _write(args.write, assessment)
    except UnreadableError as error:
        print(f"{printable(error.file)}: {printable(error.problem)}", file=sys.stderr)
        return UNREADABLE
    paint = Paint(on=wants_colours(sys.stdout))
    print(report.as_json(assessment) if args.output == "json" else report.text(assessment, paint))
    return REFUSED if assessment.of(Section.REFUSED) else NOTHING_REFUSED


def assess(objects: Sequence[Object]) -> Assessment:
    """The assessment of a cluster's objects. Raises UnreadableError if Multus' settings are none that netattach can have."""
    installation = multus_installation.find(objects)
    settings = translation.settings(installation) if installation else {"takeover": "auto"}
    try:
        parsed = cluster_settings.parse(yaml.safe_dump(settings))
    except ConfigError as error:
        raise UnreadableError(
            str(installation), f"its settings cannot be translated: {error.message}"
        ) from error
    items = [
        *(translation.items(installation, settings) if installation else ()),
        *surroundings.items(objects),
        *networks.items(objects, parsed),
    ]
    return Assessment(str(installation or ""), items, settings)


def _write(path: str, assessment: Assessment) -> None:
    origin = assessment.multus or "a cluster without Multus"
    text = f"# From {printable(origin)}\n{yaml.safe_dump(dict(assessment.settings), sort_keys=False)}"
    try:
        Path(path).write_text(text)
    except OSError as error:
        raise UnreadableError(path, files.reason(error)) from error
