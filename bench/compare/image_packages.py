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
_LEFT_OUT = (
    *("kubernetes/aio/client/models/*.py", "kubernetes/aio/client/api/*.py"),
    *("aiohttp/_websocket/*.so", "frozenlist/*.so"),
)


def environment(directory: Path, interpreter: str) -> dict[str, str]:
    """Creates the directory; the environment of a daemon that has the modules of the image, compiled as there.

    `interpreter` may be another one of the same version: those of distributions, as in the image, are a fifth faster than what
    is compiled without profile-guided optimization.
    """
    ours = [path for path in sys.path if path and not path.startswith(sys.base_prefix)]
    compiled = {
        "PYTHONPATH": ":".join([str(create(directory / "packages")), *ours]),
        "PYTHONPYCACHEPREFIX": str(directory / "compiled"),
        "PYTHONOPTIMIZE": "2",
    }
    imports = "import netattach_plugin.__main__, netattach_plugin.wiring.cluster"
    writable = {"PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([interpreter, "-c", imports], env={**os.environ, **compiled, **writable}, check=True)
    return compiled


def create(directory: Path) -> Path:
    """Creates the directory, for PYTHONPATH."""
    for package in ("kubernetes/aio", "pyroute2", "aiohttp", "frozenlist"):
        shutil.copytree(
            _installed(package), directory / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for pattern in _LEFT_OUT:
        for module in directory.glob(pattern):
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
