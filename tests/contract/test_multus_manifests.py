"""Multus' own manifests, those of its release 4.3.0: `netattach migrate check` recognises the installation and its settings."""

from __future__ import annotations

import pytest

from netattach_cli.migrate import cluster_objects, command, multus_installation
from netattach_cli.migrate.assessment import Section
from support import require


@pytest.mark.parametrize(
    ("manifest", "is_thick", "settings"),
    [
        ("multus-daemonset-thick.yml", True, {"takeover": "auto", "logLevel": "info"}),
        ("multus-daemonset.yml", False, {"takeover": "auto"}),
        ("multus-daemonset-crio.yml", False, {"takeover": "auto"}),
    ],
)
def test_a_manifest_of_upstream(manifest: str, *, is_thick: bool, settings: dict[str, str]) -> None:
    """The file that it generates comes after ours, and nothing of it is refused."""
    objects = cluster_objects.from_files([str(require.multus("deployments") / manifest)])
    installation = multus_installation.find(objects)
    assessment = command.assess(objects)

    assert installation is not None
    assert ("kube-system/kube-multus-ds", is_thick) == (installation.name, installation.is_thick)
    assert "/etc/cni/net.d" == installation.on_host("/host/etc/cni/net.d")
    assert settings == assessment.settings
    assert "CNI config" in [item.subject for item in assessment.of(Section.WORKS)]
    assert [] == assessment.of(Section.REFUSED)
