"""The test files of the plugins together cover every rule of `plugins`."""

from __future__ import annotations

import runpy
from pathlib import Path

from netattach_core import plugins


def test_every_rule_of_a_plugin_has_a_case() -> None:
    files = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    cases = [case for path in files for case in runpy.run_path(str(path)).get("CASES", ())]

    assert {rule.id for rule in plugins.RULES} <= {rule for rule, *_ in cases}
