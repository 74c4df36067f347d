"""Settings from environment variables."""

from pathlib import Path

import pytest

from netattach_webhooks import settings
from netattach_webhooks.settings import Settings


def test_all_settings_have_defaults() -> None:
    assert Settings() == settings.from_environment({})


def test_each_setting_can_be_set() -> None:
    actual = settings.from_environment(
        {
            "NETATTACH_LISTEN": "[::]:443",
            "NETATTACH_HEALTH": "127.0.0.1:0",
            "NETATTACH_NAMESPACE": "elsewhere",
            "NETATTACH_TLS_SECRET": "other",
            "NETATTACH_CLIENT_CA": "/ca/ca.crt",
            "NETATTACH_CLIENT_NAMES": "apiserver, other,",
            "NETATTACH_DRAIN": "0.5",
            "KUBECONFIG": "/tmp/k",
        }
    )

    assert (
        Settings(
            "[::]:443",
            "127.0.0.1:0",
            "elsewhere",
            "other",
            Path("/ca/ca.crt"),
            "apiserver, other,",
            0.5,
            Path("/tmp/k"),
        )
        == actual
    )
    assert {"apiserver", "other"} == actual.names_of_clients()


def test_names_of_clients_without_a_ca_are_refused_since_they_would_protect_nothing() -> None:
    with pytest.raises(ValueError, match="NETATTACH_CLIENT_NAMES has no effect without NETATTACH_CLIENT_CA"):
        settings.from_environment({"NETATTACH_CLIENT_NAMES": "apiserver"})


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("NETATTACH_LISTEN", "localhost"),
        ("NETATTACH_LISTEN", "::1:8443"),
        ("NETATTACH_HEALTH", "0.0.0.0:65536"),
        ("NETATTACH_DRAIN", "soon"),
        ("NETATTACH_DRAIN", "-1"),
        ("NETATTACH_DRAIN", "nan"),
    ],
)
def test_an_invalid_value_is_reported_with_its_variable(variable: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{variable} is '{text}'"):
        settings.from_environment({variable: text})
