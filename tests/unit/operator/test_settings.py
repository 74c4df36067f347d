"""The operator's settings, from environment variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_operator import settings
from netattach_operator.settings import Settings


def test_each_field_has_a_variable() -> None:
    assert Settings(
        identity="p-0", namespace="x", crds=Path("/c"), health="[::1]:1"
    ) == settings.from_environment(
        {
            "NETATTACH_NAMESPACE": "x",
            "NETATTACH_IDENTITY": "p-0",
            "NETATTACH_CRDS": "/c",
            "NETATTACH_HEALTH": "[::1]:1",
        }
    )


@pytest.mark.parametrize(
    ("host", "server"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_the_api_server_of_a_pod_has_an_address(host: str, server: str) -> None:
    variables = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}

    assert server == settings.from_environment(variables).api_server


@pytest.mark.parametrize("text", ["8081", "x:y", "0.0.0.0:70000", "::1:80"])
def test_an_invalid_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="NETATTACH_HEALTH"):
        settings.from_environment({"NETATTACH_HEALTH": text})
