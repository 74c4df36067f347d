"""Runs a command that asks a cluster: connects, lets the command gather and decide, and shows what it returns."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from netattach_cli.ask import options, progress
from netattach_cli.cluster import kubectl_proxy, reader
from netattach_cli.cluster.errors import ClusterError, RequestError
from netattach_cli.cluster.reader import Gap, Reader
from netattach_cli.output import formats
from netattach_cli.output.plain import plain
from netattach_cli.output.view import INCOMPLETE, OK, UNREADABLE, View
from netattach_cli.terminal import Paint, printable, wants_colours

_EVERY = 2.0
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The namespace that is asked for, "" for all of them, and the time."""

    namespace: str
    now: datetime


Show = Callable[[Reader, Scope], View]
"""Gathers, and returns what there is to show; what cannot be read is a gap of the reader."""


def run(args: argparse.Namespace, show: Show) -> int:
    """Once, or with --watch again and again. Returns the exit status."""
    shown = None
    with closing(_views(args, show)) as views:
        for view in views:
            text = _text(args, view)
            if text != shown:
                sys.stdout.write(text if shown is None else f"\n{text}")
                _report(view.errors)
            shown = text
            if not getattr(args, "watch", False):
                return view.status
    return UNREADABLE


def wait(args: argparse.Namespace, show: Show, seconds: float) -> int:
    """Until nothing is wrong, at most so many seconds; shows the last view. Returns the exit status."""
    deadline = time.monotonic() + seconds
    with closing(_views(args, show)) as views:
        for view in views:
            if view.status in {OK, INCOMPLETE} or time.monotonic() + _EVERY > deadline:
                sys.stdout.write(_text(args, view))
                _report(view.errors)
                return view.status
    return UNREADABLE


def _views(args: argparse.Namespace, show: Show) -> Generator[View, None, None]:
    """One after the other; ends where the cluster cannot be read."""
    target = options.target(args)
    named = getattr(args, "namespace", "") or getattr(args, "all_namespaces", True)
    waiting: list[str] = []
    try:
        asked = None if named else kubectl_proxy.default_namespace(target)
        with reader.connected(target) as first:
            waiting = first.waiting
            namespace = kubectl_proxy.namespace_of(asked) if asked else getattr(args, "namespace", "")
            while True:
                each = Reader(first.api, target, waiting)
                with progress.shown(lambda: waiting):
                    view = _with_gaps(show(each, Scope(namespace, datetime.now(UTC))), each.gaps())
                yield view
                time.sleep(_EVERY)
    except (ClusterError, RequestError) as error:
        _report([str(error)])


def _with_gaps(view: View, gaps: Sequence[Gap]) -> View:
    """What could not be read is part of the JSON, and reported apart from a table."""
    data = {**plain(view.data), "incomplete": [plain(gap) for gap in gaps]}
    errors = [*view.errors, *(f"incomplete: {gap.text}" for gap in gaps)]
    status = INCOMPLETE if gaps and view.status == OK else view.status
    return dataclasses.replace(view, data=data, errors=errors, status=status)


def _text(args: argparse.Namespace, view: View) -> str:
    paint = Paint(on=wants_colours(sys.stdout, args.color))
    return formats.text(view, args.output, paint, headers=not args.no_headers)


def _report(errors: Sequence[str]) -> None:
    sys.stdout.flush()
    for error in errors:
        print(f"netattach: {printable(error)}", file=sys.stderr)
