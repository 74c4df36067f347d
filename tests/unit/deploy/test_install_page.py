"""docs/install.md: its platforms, values, ports and versions are those of the chart."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from support import require
from support.chart import CHART, Body
from support.manifests import kind

PAGE = (require.REPOSITORY / "docs/install.md").read_text()
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
DEFAULTS = yaml.safe_load((CHART / "platforms/kubernetes.yaml").read_text())


def rows() -> dict[str, list[str]]:
    """The cells of the table of platforms, by platform."""
    section = PAGE.split("## Platforms")[1].split("\n## ")[0]
    cells = [re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("| `")]
    return {each[0].strip("`"): each[1:] for each in cells}


def facts(platform: str) -> Body:
    return {**DEFAULTS, **(yaml.safe_load((CHART / f"platforms/{platform}.yaml").read_text()) or {})}


@pytest.mark.parametrize("platform", [path.stem for path in sorted((CHART / "platforms").glob("*.yaml"))])
def test_the_table_has_the_facts_of_each_platform(platform: str) -> None:
    found, more = facts(platform), rows()[platform][3] if len(rows()[platform]) > 3 else ""

    assert [
        f"`{found['confDir']}`",
        ", ".join(f"`{path}`" for path in found["binDirs"]),
        f"`{found['kubeletRoot']}`",
    ] == rows()[platform][:3]
    assert found["installPlugins"] == ("reference plugins" in more)
    assert found["securityContextConstraints"] == ("SecurityContextConstraints" in more)
    assert found["criticalPodsQuota"] == ("ResourceQuota" in more)
    assert bool(found["linkedDirs"]) == ("to which plugins are links" in more)
    assert (found["netnsDir"] != DEFAULTS["netnsDir"]) == (f"`{found['netnsDir']}`" in more)
    assert (not found["seLinuxType"]) == ("no SELinux type" in more)


def test_the_table_has_every_platform() -> None:
    assert {path.stem for path in (CHART / "platforms").glob("*.yaml")} == rows().keys()


def test_the_page_names_values_that_exist() -> None:
    named = set(re.findall(r"`([a-z]\w*(?:\.\w+)+)(?:=[^`]*)?`", PAGE))
    own = {name for name in named if name.partition(".")[0] in VALUES}

    assert len(own) >= 6
    for name in own:
        value: Any = VALUES
        for key in name.split("."):
            assert key in value, name
            value = value[key]


def test_the_page_names_the_version_of_the_reference_plugins() -> None:
    tool = (require.REPOSITORY / "tools/cni-plugins").read_text()
    (version,) = re.findall(r"^version=(.*)$", tool, re.MULTILINE)

    assert f"plugins) {version}" in " ".join(PAGE.split())


def test_the_ports_are_those_of_the_network_policies() -> None:
    section = PAGE.split("## Ports")[1].split("\n## ")[0]
    policies = kind("NetworkPolicy").values()
    ports = {p["port"] for policy in policies for r in policy["spec"].get("ingress", ()) for p in r["ports"]}
    outgoing = ", ".join(map(str, VALUES["networkPolicies"]["apiServerPorts"]))

    assert {8443, 8081} == ports
    assert all(f"TCP {port}" in section for port in ports)
    assert f"TCP {outgoing}" in section
