"""Programs that are installed without the packages that they need."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from netattach_kube import launch
from support import require

PROJECT = tomllib.loads((require.REPOSITORY / "pyproject.toml").read_text())["project"]
PROGRAMS = {name: where for name, where in PROJECT["scripts"].items() if ".scripts:" in where}
SMALL = {"netattach-dhcp", "netattach-install-plugins", "netattach-install-shim"}
"""They need nothing but the standard library; they are not run here, since they would do what they are for."""

_WITHOUT_PACKAGES = """
import importlib, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("netattach_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
module, function = sys.argv[1].split(":")
sys.exit(getattr(importlib.import_module(module), function)())
"""
"""Runs a program in a Python in which nothing but the standard library and netattach can be imported."""


def test_all_programs_but_the_command_are_started_so() -> None:
    others = {name for name in PROJECT["scripts"] if name not in PROGRAMS}

    assert {"netattach", "kubectl-netattach", "kubectl_complete-netattach"} == others


@pytest.mark.parametrize("program", sorted(PROGRAMS.keys() - SMALL))
def test_a_program_without_its_packages_names_the_extra(program: str) -> None:
    command = [sys.executable, "-c", _WITHOUT_PACKAGES, PROGRAMS[program]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path("/"), timeout=120)
    package = PROGRAMS[program].partition(".")[0].removeprefix("netattach_")

    assert 2 == done.returncode
    assert done.stderr.startswith(f"{program} needs ")
    assert done.stderr.endswith(f", which is not installed: pip install 'netattach[{package}]'\n")


@pytest.mark.parametrize("command", ["lint", "new", "migrate"])
def test_a_command_without_its_packages_names_the_extra(command: str) -> None:
    script = _WITHOUT_PACKAGES.replace("function)()", f"function)([{command!r}, 'x'])")
    words = [sys.executable, "-c", script, "netattach_cli.__main__:main"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path("/"), timeout=120)

    assert (2, f"netattach {command} needs more packages: pip install 'netattach[cli]'\n") == (
        done.returncode,
        done.stderr,
    )


def test_status_needs_no_packages_at_all() -> None:
    """Only kubectl, which is missing here."""
    script = _WITHOUT_PACKAGES.replace("function)()", "function)(['status'])")
    words = [sys.executable, "-c", script, "netattach_cli.__main__:main"]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path("/"),
        timeout=120,
        env={"PATH": "/nonexistent"},
    )

    assert 2 == done.returncode
    assert "kubectl is not installed" in done.stderr


def test_a_module_of_ours_that_is_missing_is_an_internal_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        launch.run("program", "netattach_nothing", "extra")
