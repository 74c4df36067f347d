"""`netattach new`: lint refuses nothing that it writes, and what lint would refuse is not written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from netattach_cli.new import ipam as ipam_sections
from netattach_cli.new.generator import TYPES
from netattach_core.text.finding import Severity
from netattach_core.validation.validator import validate
from unit.cli.new.inventories import NODE, OTHER, REQUIRED, save
from unit.cli.samples import Netattach

NEEDS_IPAM = {"ipvlan", "vlan", "ptp", "dummy"}


def refused(kind: str, ipam: str) -> str:
    """Why no node can have this network; "" if some can."""
    if (kind, ipam) == ("ptp", "dhcp"):
        return "Fix: use another IPAM plugin, or ask your cluster's owner"
    if (kind, ipam) == ("ib-sriov", "dhcp"):
        return "ib-sriov does not support the IPAM plugin dhcp"
    return f"error: {kind} fails without addresses" if ipam == "none" and kind in NEEDS_IPAM else ""


@pytest.mark.parametrize("known", [True, False], ids=["with inventory", "without"])
@pytest.mark.parametrize("ipam", ["", *ipam_sections.TYPES])
@pytest.mark.parametrize("kind", TYPES)
def test_every_generated_nad_is_valid(netattach: Netattach, kind: str, ipam: str, *, known: bool) -> None:
    """Lint finds nothing to refuse; what it would refuse is not written, with the reason."""
    arguments = [*(["--ipam", ipam] if ipam else []), *REQUIRED.get(kind, ())]
    nodes = [NODE, OTHER] if known else None
    arguments += save(NODE, OTHER) if known else ("--inventory", "none")
    if not known and kind in {"macvlan", "ipvlan", "vlan", "host-device", "ovs"}:
        arguments += ["--master", "eth1"]
    status, out, err = netattach("new", kind, *arguments)

    if problem := refused(kind, ipam):
        assert (2, "") == (status, out)
        assert problem in err
        return
    body = yaml.safe_load(out)
    assert 0 == status
    assert "NetworkAttachmentDefinition" == body["kind"]
    assert [] == [finding for finding in validate(body, nodes) if finding.effective_severity is Severity.DENY]
    assert ipam in {"", json.loads(body["spec"]["config"]).get("ipam", {"type": "none"})["type"]}
    Path("net.yaml").write_text(out)
    assert "[policy-" not in err
    assert 0 == netattach("lint", "net.yaml", *(save(NODE, OTHER) if known else ()))[0]


def test_policy_decides_by_the_namespace(netattach: Netattach) -> None:
    """As in a new cluster: its owner's own namespaces may have any network."""
    arguments = ("new", "ptp", "--ipam", "dhcp", *save(NODE))

    assert (2, "") == netattach(*arguments)[:2]
    assert (2, "") == netattach(*arguments, "--namespace", "lab", "--write", "net.yaml")[:2]
    assert not Path("net.yaml").exists()
    assert (0, "", "") == netattach(*arguments, "--namespace", "kube-system", "--write", "net.yaml")
    assert 0 == netattach("lint", "net.yaml", *save(NODE))[0]
