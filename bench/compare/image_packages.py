"""The daemon's Python packages as the image has them (Dockerfile): without what is not used, and with empty `__init__` modules.

In a development environment `import kubernetes` imports 700 modules, which are 40 MB of memory that no installation has; and a
process that compiles its modules keeps 7 MB of it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

_EMPTIED = (
    *("kubernetes", "kubernetes/aio", "kubernetes/aio/config", "kubernetes/aio/utils"),
    *("pyroute2", "pyroute2/iproute"),
)
_LEFT_OUT = ("kubernetes/aio/client/models", "kubernetes/aio/client/api")


def environment(directory: Path) -> dict[str, str]:
    """Creates the directory; the environment of a daemon that has the modules of the image, compiled as there."""
    compiled = {
        "PYTHONPATH": str(create(directory / "packages")),
        "PYTHONPYCACHEPREFIX": str(directory / "compiled"),
        "PYTHONOPTIMIZE": "2",
    }
    imports = "import netattach_plugin.__main__, netattach_plugin.wiring.cluster"
    writable = {"PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", imports], env={**os.environ, **compiled, **writable}, check=True)
    return compiled


def create(directory: Path) -> Path:
    """Creates the directory, for PYTHONPATH."""
    for package in ("kubernetes/aio", "pyroute2"):
        shutil.copytree(
            _installed(package), directory / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for package in _LEFT_OUT:
        for module in (directory / package).glob("*.py"):
            module.unlink()
    for package in _EMPTIED:
        (directory / package / "__init__.py").write_text("")
    return directory


def _installed(package: str) -> Path:
    top, *inside = package.split("/")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{top} is not installed; `make setup` installs it")
    return Path(spec.submodule_search_locations[0], *inside)
