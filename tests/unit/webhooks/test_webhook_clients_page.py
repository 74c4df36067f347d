"""docs/webhook-clients.md: its limits are those of the code, its commands and manifests work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from netattach_kube.http_server import Closed, Limits
from netattach_operator.settings import Settings as OperatorSettings
from netattach_webhooks import app, bodies
from netattach_webhooks.settings import from_environment
from support import require, webhook_clients_page
from unit.webhooks.harness import NewKeyPair, run
from unit.webhooks.test_client_ca import OK, answer, serving

PAGE = webhook_clients_page.TEXT
BASE = require.REPOSITORY / "deploy/kustomize/base"


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", PAGE, re.MULTILINE))

    assert f"{limits.connections}, of which {limits.per_address} from one address" == rows["connections"]
    assert f"{limits.handshake:g} s" == rows["TLS handshake"]
    assert rows["first byte of a request"].startswith(f"{limits.first_byte:g} s,")
    assert rows["header of a request"].startswith(f"{limits.header:g} s;")
    assert f"{limits.response:g} s" == rows["reading the response"]
    assert rows["connection without a request"].startswith(f"{limits.idle:g} s ")
    assert f"{bodies.MAX_BODY // 2**20} MiB" == rows["body"]
    assert f"{bodies._MAX_TOTAL // 2**20} MiB" == rows["all bodies in memory"]
    assert f"bodies of more than {app._LARGE // 2**10} KiB" in rows


def test_the_page_lists_every_reason_for_which_a_connection_is_closed() -> None:
    text = " ".join(PAGE.split())
    listed = text.split("those that the webhooks closed or refused:")[1].split(".")[0]

    assert set(map(str, Closed)) == set(re.findall(r"`([a-z-]+)`", listed))


def test_the_commands_create_a_certificate_that_the_webhooks_accept(
    new_key_pair: NewKeyPair, tmp_path: Path
) -> None:
    webhook_clients_page.create_certificates(tmp_path)
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "netattach.crt").read_text() + (tmp_path / "netattach.key").read_text())
    (names,) = [e["value"] for e in _container()["env"] if e["name"] == "NETATTACH_CLIENT_NAMES"]

    async def scenario() -> None:
        async with serving(new_key_pair(), tmp_path / "ca.crt", names) as harness:
            await harness.until_ready()

            assert OK == await answer(harness, both)

    run(scenario)


def test_the_configuration_of_the_api_server_refers_to_the_files_that_the_page_shows() -> None:
    (plugin,) = webhook_clients_page.example("kind", "AdmissionConfiguration")["plugins"]
    (user,) = webhook_clients_page.example("kind", "Config")["users"]
    settings = OperatorSettings()

    assert "ValidatingAdmissionWebhook" == plugin["name"]
    assert "WebhookAdmissionConfiguration" == plugin["configuration"]["kind"]
    assert f"{settings.service}.{settings.namespace}.svc" == user["name"]
    for path in (plugin["configuration"]["kubeConfigFile"], *user["user"].values()):
        directory, _, name = path.rpartition("/")
        assert directory in PAGE.replace(path, "")
        assert f"`{name}`" in PAGE


def _container() -> dict[str, Any]:
    (container,) = webhook_clients_page.deployment_patch()["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def test_the_patch_sets_what_the_webhooks_read_and_mounts_the_file() -> None:
    patch, container = webhook_clients_page.deployment_patch(), _container()
    manifests = list(yaml.safe_load_all((BASE / "webhooks.yaml").read_text()))
    (deployment,) = [each for each in manifests if each["kind"] == patch["kind"]]
    settings = from_environment({each["name"]: each["value"] for each in container["env"]})
    (mount,) = container["volumeMounts"]
    (volume,) = patch["spec"]["template"]["spec"]["volumes"]

    assert deployment["metadata"]["name"] == patch["metadata"]["name"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["name"] == container["name"]
    assert str(settings.client_ca) == f"{mount['mountPath']}/ca.crt"
    assert mount["name"] == volume["name"]
    created = f"kubectl create configmap {volume['configMap']['name']} --namespace netattach-system --from-file=ca.crt"
    assert created in " ".join(PAGE.split())


@pytest.mark.parametrize("variable", ["NETATTACH_CLIENT_CA", "NETATTACH_CLIENT_NAMES"])
def test_the_page_describes_each_variable(variable: str) -> None:
    assert f"| `{variable}` |" in PAGE
