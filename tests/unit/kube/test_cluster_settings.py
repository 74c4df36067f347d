"""The settings' text, and the live copy of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
import yaml

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.errors import ConfigError
from netattach_core.text.finding import Severity
from netattach_core.validation.settings import ClusterNetworks, Exemption, ValidationSettings
from netattach_kube import cluster_settings, watched
from netattach_kube.cluster_settings import ClusterSettings, StatusForPlainPods
from netattach_kube.live_settings import LiveSettings
from netattach_kube.resource import CONFIG_MAPS
from support import api_server, require
from support.api_server import ApiServer

WHOLE = """
statusForPlainPods: never
primaryNetwork: 10-flannel.conflist
defaultNetworks: [storage, 20-backup.conf]
networksNamespace: networks
systemNamespaces: [kube-system, infra]
namespaceIsolation: true
globalNamespaces: [default, networks]
protectNetworksInUse: true
clusterNetworks:
  pods: [10.244.0.0/16, "fd01::/48"]
  services: [10.96.0.0/12]
validation:
  mode: warn
  severities:
    leases-per-node: off
    route-default: deny
  exemptions:
    - namespaces: [kube-*]
    - namespaces: [lab]
      rules: [master-default-interface]
      severity: off
  schemas:
    fancy: {required: [card]}
"""


def test_every_key_means_something() -> None:
    read = cluster_settings.parse(WHOLE)

    assert StatusForPlainPods.NEVER is read.status_for_plain_pods
    assert read.validation == ValidationSettings(
        severities={"leases-per-node": Severity.OFF, "route-default": Severity.DENY},
        exemptions=(
            Exemption(("kube-*",), (), Severity.WARN),
            Exemption(("lab",), ("master-default-interface",), Severity.OFF),
        ),
        schemas={"fancy": {"required": ["card"]}},
        warn_only=True,
        selection=SelectionSettings(
            primary="10-flannel.conflist",
            defaults=("storage", "20-backup.conf"),
            system_namespaces=frozenset({"kube-system", "infra"}),
            namespace="networks",
            isolated=True,
            global_namespaces=frozenset({"default", "networks"}),
        ),
        networks=ClusterNetworks(pods=("10.244.0.0/16", "fd01::/48"), services=("10.96.0.0/12",)),
        protected=True,
    )


def test_nothing_is_all_defaults() -> None:
    assert (
        ClusterSettings()
        == cluster_settings.parse("")
        == cluster_settings.parse("validation:\n  severities: {}\n")
    )


BROKEN = {
    "validation: {severities: {x: loud}}": "validation.severities.x",
    "validation: {exemptions: [{rules: [x]}]}": "validation.exemptions[0]",
    "validation: {exemptions: [{namespaces: [x], severity: deny}]}": "severity",
    "validation: {schemas: {x: 7}}": "validation.schemas.x",
    "clusterNetworks: {pods: [10.244.0.0]}": "'10.244.0.0' is not a subnet",
    "clusterNetworks: {others: []}": "others",
    "namespaceIsolation: maybe": "namespaceIsolation",
    "primaryNetwork: /host/etc/cni/net.d/10-calico.conflist": "primaryNetwork: write the file name only",
    "defaultNetworks: storage": "defaultNetworks",
    "defaultNetworks: [a, a]": "defaultNetworks: ['a', 'a'] has non-unique elements",
    "defaultNetworks: [ns/a]": "defaultNetworks[0]",
    "systemNamespaces: [A]": "systemNamespaces[0]",
    "networksNamespace: a.b": "networksNamespace",
    "[]": "is not of type 'object'",
}


@pytest.mark.parametrize(("text", "words"), BROKEN.items())
def test_a_broken_text_says_where(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml") as raised:
        cluster_settings.parse(text)

    assert words in str(raised.value)


MULTUS = {
    "clusterNetwork": "instead of Multus' clusterNetwork: primaryNetwork",
    "delegates": "primaryNetwork",
    "multusMasterCNI": "primaryNetwork",
    "multusNamespace": "networksNamespace",
    "auxiliaryCNIChainName": "the directory of the primary network's name",
    "readinessindicatorfile": "the primary network's file is waited for",
    "retryDeleteOnError": "what cannot be freed is never forgotten",
    **dict.fromkeys(
        ("logLevel", "logFile", "logToStderr", "logOptions", "kubeconfig", "cniDir", "binDir", "confDir", "chrootDir",
         "overrideNetworkName", "forceCNIVersion", "enablePprof", "perNodeCertificate", "multusConfigFile"),
        "was unexpected",
    ),
}  # fmt: skip  # a table


@pytest.mark.parametrize(("key", "words"), MULTUS.items(), ids=MULTUS)
def test_a_key_of_multus_that_is_none_of_ours_is_refused(key: str, words: str) -> None:
    """Rather than read by nobody; where something stands in its place, that is said."""
    with pytest.raises(ConfigError, match=f"'{key}' was unexpected") as raised:
        cluster_settings.parse(f"{key}: x")

    assert words in str(raised.value)


def put(server: ApiServer, text: str) -> None:
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    server.put(CONFIG_MAPS, {"metadata": metadata, "data": {cluster_settings.KEY: text}})


def no_lab(read: ClusterSettings) -> Iterable[str]:
    return ["lab is no namespace"] if "lab" in read.validation.selection.global_namespaces else []


def test_they_are_read_live_and_the_last_good_ones_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_FIRST_PAUSE", 0.01)

    async def until(live: LiveSettings, *, isolated: bool, problem: str = "") -> None:
        def said() -> bool:
            return live.current.validation.selection.isolated == isolated and problem in (live.problem or "")

        async with asyncio.timeout(5):
            while not said():  # noqa: ASYNC110  # what has no event
                await asyncio.sleep(0.01)

    async def story() -> None:
        told: list[str] = []
        async with api_server.serving() as server:
            live = LiveSettings(server.api, no_lab, lambda: told.append("changed"))
            running = asyncio.ensure_future(live.run())
            await asyncio.wait_for(live.synced.wait(), 5)
            assert ClusterSettings() == live.current

            put(server, "namespaceIsolation: true")
            await until(live, isolated=True)
            for text, problem in (("{", "is not YAML"), ("globalNamespaces: [lab]", "lab is no namespace")):
                put(server, text)
                await until(live, isolated=True, problem=problem)
            assert live.current.validation.selection.isolated
            assert ["changed"] == told

            put(server, "namespaceIsolation: false")
            await until(live, isolated=False)
            assert live.problem is None
            put(server, "namespaceIsolation: true")
            await until(live, isolated=True)
            server.delete(CONFIG_MAPS, cluster_settings.NAME, cluster_settings.NAMESPACE)
            await until(live, isolated=False)
            running.cancel()

    asyncio.run(story())


def test_the_page_of_settings_has_every_key_and_can_be_applied() -> None:
    """docs/settings.md; its example is what somebody copies."""
    page = (require.REPOSITORY / "docs/settings.md").read_text()
    text = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])["data"][cluster_settings.KEY]

    cluster_settings.parse(text)

    assert set(cluster_settings.SCHEMA["properties"]) == set(yaml.safe_load(text))
    assert ClusterSettings().validation.selection == cluster_settings.parse(text).validation.selection
