"""What the daemon does not import until it needs it: each of these is memory on every node."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from netattach_core.version import VERSION

HEAVY = {
    "h2": "HTTP/2, for pods with devices (1.4 MiB)",
    "importlib.metadata": "the version of the installed package (1.5 MiB)",
    "jsonschema": "for values that are not valid at first sight (3 MiB)",
    "pyroute2.ndb": "pyroute2's database of the network (5 MiB)",
    "pyroute2.netlink.nlsocket": "pyroute2's sockets and all of its messages (4 MiB)",
}
"""Modules and what they are for; measured with Python 3.11."""

SCRIPT = """
import sys, types
for package in ("kubernetes", "kubernetes.aio", "kubernetes.aio.config", "kubernetes.aio.utils", "pyroute2"):
    found = types.ModuleType(package)
    found.__path__ = [f"{where}/{package.replace('.', '/')}" for where in sys.path]
    sys.modules[package] = found
import netattach_plugin.__main__, netattach_plugin.wiring.cluster
from netattach_kube import cluster_settings
cluster_settings.parse(sys.stdin.read())
print(*sys.modules)
"""
"""With empty packages as in the image (Dockerfile), and with cluster settings."""

SETTINGS = """
statusForPlainPods: never
defaultNetworks: [a, b]
policy: {default: baseline, namespaces: [{match: [tenant-*], level: restricted, plugins: [macvlan]}]}
clusterNetworks: {pods: [10.244.0.0/16]}
validation: {mode: warn, severities: {shared-master: off}}
"""


@pytest.fixture(scope="module")
def imported() -> frozenset[str]:
    shown = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=SETTINGS, capture_output=True, text=True, check=True
    )
    return frozenset(shown.stdout.split())


@pytest.mark.parametrize("module", HEAVY)
def test_the_daemon_does_not_import_what_few_nodes_need(module: str, imported: frozenset[str]) -> None:
    assert "netattach_plugin.wiring.cluster" in imported
    assert module not in imported, f"it is {HEAVY[module]}; `python -X importtime` shows who imports it"


def test_the_programs_say_the_version_of_the_package() -> None:
    assert importlib.metadata.version("netattach") == VERSION


@pytest.mark.parametrize("program", ["cli", "core", "kube", "operator", "plugin", "webhooks"])
def test_no_program_needs_docstrings_or_assertions_which_the_image_leaves_out(program: str) -> None:
    for file in (Path(__file__).parents[4] / program).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            assert not isinstance(node, ast.Assert), f"{file}:{node.lineno}: raise an error instead"
            assert "__doc__" not in {getattr(node, "id", ""), getattr(node, "attr", "")}, str(file)
