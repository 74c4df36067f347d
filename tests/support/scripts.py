"""The scripts of tools/, which are part of no package."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from support import require


def load(name: str) -> ModuleType:
    """tools/<name>.py as a module of its own; it is run, but not as a program."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", require.REPOSITORY / f"tools/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
