"""The command `netattach bundle`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from netattach_cli import files
from netattach_cli.ask import frame, options
from netattach_cli.ask.frame import Scope
from netattach_cli.bundle import archive, inputs
from netattach_cli.cluster.reader import Reader
from netattach_cli.output.view import UNREADABLE, View
from netattach_cli.terminal import printable
from netattach_core.version import VERSION

HELP = (
    "write an archive for an issue report: nodes, inventories, networks, pods with networks, netattach's own objects and Events; "
    "without Secrets, environments, annotations of others, and what looks like a password; read it before you publish it: it has "
    "names and addresses of the cluster"
)

DEFAULT = "netattach-bundle.tar.gz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--file",
        default=DEFAULT,
        metavar="FILE",
        help="write to this file, which must not exist yet, or - for standard output (default: %(default)s)",
    )
    options.add_cluster(parser)
    parser.set_defaults(output="text", color="never", no_headers=False, namespace="", all_namespaces=True)


def run(args: argparse.Namespace) -> int:
    if args.file != "-" and Path(args.file).exists():
        print(f"netattach: {printable(args.file)} exists already", file=sys.stderr)
        return UNREADABLE

    def show(reader: Reader, _: Scope) -> View:
        packed, names = _packed(reader)
        problem = _write(args.file, packed)
        if problem:
            return View([], {}, status=UNREADABLE, errors=[problem])
        to = "" if args.file == "-" else f"wrote {args.file}: {len(packed)} bytes, {len(names)} files\n"
        return View([], {}, text=printable_lines(to))

    return frame.run(args, show)


def printable_lines(text: str) -> str:
    """One line, whatever the name of the file is."""
    return f"{printable(text.rstrip(chr(10)))}\n" if text else ""


def _packed(reader: Reader) -> tuple[bytes, list[str]]:
    objects = inputs.gather(reader)
    gaps = "".join(f"{each.text}\n" for each in reader.gaps())
    contents = archive.files(objects, {"version.txt": f"netattach {VERSION}\n", "incomplete.txt": gaps})
    return archive.tar(contents), sorted(contents)


def _write(name: str, data: bytes) -> str:
    """Why it cannot be written, "" where it was. Only its user can read the file."""
    if name == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return ""
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        return f"{name}: {files.reason(error)}"
    return ""
