"""netattach's own CNI config."""

from __future__ import annotations

import json

import pytest

from netattach_core.cni import netattach_conf


@pytest.mark.parametrize("version", ["0.3.1", "1.0.0", "1.1.0"])
def test_netattachs_config_has_the_version_of_the_default_network(version: str) -> None:
    """So no result needs conversion, and the runtime calls no verb that is newer."""
    assert version == json.loads(netattach_conf.text(version))["cniVersion"]
