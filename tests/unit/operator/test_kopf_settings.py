"""Where kopf logs in, and that it never stops trying."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import kopf
import pytest

from netattach_operator import kopf_settings
from netattach_operator.settings import Settings


def test_in_a_pod_it_logs_in_at_the_servers_address(monkeypatch: pytest.MonkeyPatch) -> None:
    found = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="t")
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: found)

    def server(settings: Settings) -> str:
        info = kopf_settings.login(settings)(kopf.OperatorSettings())
        return f"{info.server} {info.token}" if info else ""

    assert "https://10.0.0.1:443 t" == server(Settings(api_server="https://10.0.0.1:443"))
    assert "https://kubernetes.default.svc t" == server(Settings())


def test_with_a_kubeconfig_it_logs_in_at_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig("https://[fd00::1]:6443"))
    monkeypatch.setenv("KUBECONFIG", str(file))

    info = kopf_settings.login(Settings(kubeconfig=file))(kopf.OperatorSettings())

    assert info
    assert "https://[fd00::1]:6443" == info.server


def kubeconfig(server: str) -> str:
    return (
        "{current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "
        f"clusters: [{{name: c, cluster: {{server: '{server}'}}}}], users: [{{name: u, user: {{}}}}]}}"
    )


def test_each_request_of_kopf_is_retried_without_end() -> None:
    backoffs = kopf_settings.settings().networking.error_backoffs
    assert isinstance(backoffs, Iterable)

    for _ in range(2):
        assert [0.01, 0.02, 0.04, 0.05, 0.05] == list(itertools.islice(iter(backoffs), 5))
