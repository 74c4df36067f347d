"""Lets libFuzzer look for an input that a target does not take: `PYTHONPATH=tests python -m fuzz TARGET [CORPUS…] [-OPTION=…]`.

A target is a module beside this one with a function `one_input`; it is imported here, so that all of ours that it calls reports
which branches were taken. Options are libFuzzer's own, such as -max_total_time=60; an input that fails is written to a file
`crash-…`, and with that file's name instead of a corpus it is tried again.
"""

from __future__ import annotations

import importlib
import sys

import atheris


def main() -> None:
    """Ends the process itself: libFuzzer has exit statuses of its own."""
    program, target, *options = sys.argv
    with atheris.instrument_imports(include=["netattach_core", "netattach_webhooks", "netattach_kube"]):
        module = importlib.import_module(f"fuzz.{target}")
    atheris.Setup([program, *options], module.one_input)
    atheris.Fuzz()


main()
