"""Runs libFuzzer on a fuzz target: `PYTHONPATH=tests python -m fuzz TARGET [CORPUS…] [-OPTION=…]`.

A target is a module in this directory with a function `one_input`. It is imported here with instrumentation, so that libFuzzer
sees the branches that netattach's code takes. Options are libFuzzer's, for example -max_total_time=60. libFuzzer writes a failing
input to a file `crash-…`; with the name of that file instead of a corpus it runs only that input.
"""

from __future__ import annotations

import importlib
import sys

import atheris


def main() -> None:
    """Does not return: libFuzzer exits with its own exit status."""
    program, target, *options = sys.argv
    with atheris.instrument_imports(include=["netattach_core", "netattach_webhooks", "netattach_kube"]):
        module = importlib.import_module(f"fuzz.{target}")
    atheris.Setup([program, *options], module.one_input)
    atheris.Fuzz()


main()
