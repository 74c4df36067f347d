"""docs/multus-compatibility.md has a row for everything that Multus supports, and each row names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from support import require

ROOT = require.REPOSITORY
PAGE = ROOT / "docs/multus-compatibility.md"

CONF = """
cniVersion name type confDir cniDir binDir delegates clusterNetwork defaultNetworks systemNamespaces
multusNamespace namespaceIsolation globalNamespaces kubeconfig readinessindicatorfile runtimeConfig
capabilities prevResult retryDeleteOnError auxiliaryCNIChainName logLevel logFile logToStderr logOptions
"""
FLAGS = """
cni-bin-dir cni-conf-dir cni-version multus-conf-file multus-bin-file multus-cni-conf-dir
skip-multus-binary-copy multus-kubeconfig-file-host multus-master-cni-file-name namespace-isolation
global-namespaces multus-autoconfig-dir multus-log-to-stderr multus-log-level multus-log-file
override-network-name cleanup-config-on-exit skip-config-watch rename-conf-file readiness-indicator-file
additional-bin-dir force-cni-version skip-tls-verify
"""
DAEMON = """
socketDir daemonSocketDir chrootDir connectionLimit metricsPort enablePprof perNodeCertificate
multusConfigFile multusAutoconfigDir cniConfigDir multusMasterCNI forceCNIVersion overrideNetworkName
MULTUS_NODE_NAME
"""
POD = """
k8s.v1.cni.cncf.io/networks v1.multus-cni.io/default-network k8s.v1.cni.cncf.io/network-status
k8s.v1.cni.cncf.io/resourceName namespace name interface interfaceRequest mac ips infiniband-guid deviceID
portMappings bandwidth cni-args default-route ipam-claim-reference gateway device-info
"""
REST = """
ADD DEL CHECK STATUS GC VERSION /delegate AddedInterface NoNetworkFound CSRApproved CSRDenied /healthz /readyz
00-multus.conf multus.d passthru install_multus pciBusID
"""
SCENARIOS = """
test-simple-pod test-simple-macvlan1 test-default-route1 test-static-pod test-connection-limit
test-subdirectory-chaining test-subdirectory-chaining-passthru test-dra-integration test-node-density-cni
"""
KEYS = (CONF + FLAGS + DAEMON + POD + REST + SCENARIOS).split()

Row = tuple[str, str, str, str]


def rows() -> list[Row]:
    """The rows: name in Multus, state, how it is done, tests."""
    cells = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    read: list[Row] = []
    for each in cells:
        known, state, how, tests = (cell.strip() for cell in each)
        if known != "Multus":
            read.append((known, state, how, tests))
    return read


@cache
def named_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text()) if path.is_file() else ast.parse("")
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_everything_that_multus_supports_has_a_row() -> None:
    named = {name for row in rows() for name in re.findall(r"`([^`]+)`", row[0])}

    assert [] == sorted(set(KEYS) - named)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_has_a_state_and_names_tests_that_exist(row: Row) -> None:
    _, state, how, tests = row
    named = re.findall(r"`(tests/[^`:]+)::(\w+)`", tests)

    assert state in {"works", "better", "refused", "open"}
    assert state == "open" or (how and named)
    assert tests.count("::") == len(named)
    assert [] == [(path, test) for path, test in named if test not in named_in(ROOT / path)]
