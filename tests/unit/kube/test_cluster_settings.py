"""The settings' text, and the live copy of it."""

from __future__ import annotations

import pytest
import yaml

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.errors import ConfigError
from netattach_core.native import plugin_types
from netattach_core.text.finding import Severity
from netattach_core.validation.settings import ClusterNetworks, Exemption, ValidationSettings
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import (
    AddedInterfaceEvents,
    ClusterSettings,
    DeviceInjection,
    Scheduling,
    SkipIdlePlugins,
    StartupTaint,
    StatusForPlainPods,
    Takeover,
    UnmetPods,
)
from support import require

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
    "auxiliaryCNIChainName": "a directory with the name of the default network's config",
    "readinessindicatorfile": "netattach waits for the default network's file",
    "retryDeleteOnError": "a failed DEL is always retried",
    **dict.fromkeys(
        ("logFile", "logToStderr", "logOptions", "kubeconfig", "cniDir", "binDir", "confDir", "chrootDir",
         "overrideNetworkName", "forceCNIVersion", "enablePprof", "perNodeCertificate", "multusConfigFile"),
        "was unexpected",
    ),
}  # fmt: skip  # a table


@pytest.mark.parametrize(("key", "words"), MULTUS.items(), ids=MULTUS)
def test_an_unknown_key_of_multus_is_refused(key: str, words: str) -> None:
    """With what to set instead, where there is something."""
    with pytest.raises(ConfigError, match=f"'{key}' was unexpected") as raised:
        cluster_settings.parse(f"{key}: x")

    assert words in str(raised.value)


def test_a_log_level_of_multus_that_netattach_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"logLevel: 'verbose' is not one of \['debug', 'info',"):
        cluster_settings.parse("logLevel: verbose")


def test_the_page_of_settings_has_every_key_and_can_be_applied() -> None:
    """docs/settings.md; its example is what somebody copies."""
    page = (require.REPOSITORY / "docs/settings.md").read_text()
    text = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])["data"][cluster_settings.KEY]

    cluster_settings.parse(text)

    assert set(cluster_settings.SCHEMA["properties"]) == set(yaml.safe_load(text))
    assert ClusterSettings().validation.selection == cluster_settings.parse(text).validation.selection


def test_nothing_written_means_all_defaults() -> None:
    assert ClusterSettings() == cluster_settings.parse("")
    assert ClusterSettings() == cluster_settings.from_config_map({})


def test_a_key_is_read() -> None:
    read = cluster_settings.parse(
        "statusForPlainPods: never\nskipIdlePlugins: never\naddedInterfaceEvents: perInterface\ntakeover: auto"
    )

    assert Takeover.AUTO is read.takeover
    assert SkipIdlePlugins.NEVER is read.skip_idle_plugins
    assert AddedInterfaceEvents.PER_INTERFACE is read.added_interface_events
    assert StatusForPlainPods.NEVER is read.status_for_plain_pods


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "statusForPlainPods: sometimes",
            r"statusForPlainPods: 'sometimes' is not one of \['async', 'never'\]",
        ),
        ("skipIdlePlugins: true", r"skipIdlePlugins: True is not one of \['auto', 'never'\]"),
        (
            "addedInterfaceEvents: 1",
            r"addedInterfaceEvents: 1 is not one of \['perPod', 'perInterface'\]",
        ),
        ("takeover: true", r"takeover: True is not one of \['auto', 'never'\]"),
        ("statusForPlanePods: never", "'statusForPlanePods' was unexpected"),
        ("- a list", "is not of type 'object'"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        cluster_settings.parse(text)


def test_another_key_of_the_config_map_is_read_by_nobody() -> None:
    with pytest.raises(ConfigError, match=r"data\.config\.yml: unknown key"):
        cluster_settings.from_config_map({"data": {"config.yml": "statusForPlainPods: never"}})


def test_the_former_key_of_the_validators_settings_is_still_read() -> None:
    """Otherwise an upgrade would refuse the whole text, and namespace isolation would be off."""
    former = cluster_settings.parse("namespaceIsolation: true\njudge: {mode: warn}\n")

    assert cluster_settings.parse("namespaceIsolation: true\nvalidation: {mode: warn}\n") == former


def test_both_keys_are_an_error() -> None:
    with pytest.raises(ConfigError, match="judge"):
        cluster_settings.parse("judge: {mode: warn}\nvalidation: {mode: warn}\n")


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.96.0.1", ("10.96.0.1/32",)), ("fd00::1", ("fd00::1/128",)), ("api.example", ()), ("", ())],
)
def test_the_address_of_the_api_server_is_one_of_the_cluster(
    address: str, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without settings too."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", address)

    assert expected == cluster_settings.parse("").validation.networks.api_server
    assert expected == cluster_settings.ClusterSettings().validation.networks.api_server


def test_native_drivers_are_switched_off_by_plugin() -> None:
    """All others may be used, also those of a later release."""
    assert plugin_types.TYPES == cluster_settings.parse("").native_plugins
    assert plugin_types.TYPES == cluster_settings.parse("nativeLinks: {macvlan: auto}").native_plugins
    assert (
        plugin_types.TYPES - {"macvlan"}
        == cluster_settings.parse("nativeLinks: {macvlan: never}").native_plugins
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nativeLinks: {macvlan: false}", r"nativeLinks\.macvlan: False is not one of \['auto', 'never'\]"),
        ("nativeLinks: {calico: never}", r"nativeLinks: .*'calico' was unexpected"),
        ("nativeLinks: never", "nativeLinks: 'never' is not of type 'object'"),
    ],
)
def test_an_unknown_driver_or_choice_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        cluster_settings.parse(text)


@pytest.mark.parametrize(
    ("word", "scheduling", "injection"),
    [
        ("off", Scheduling.OFF, DeviceInjection.OFF),
        ("'off'", Scheduling.OFF, DeviceInjection.OFF),
        ("warn", Scheduling.WARN, DeviceInjection.WARN),
        ("on", Scheduling.ON, DeviceInjection.ON),
        ("'on'", Scheduling.ON, DeviceInjection.ON),
    ],
)
def test_a_switch_is_read_with_and_without_quotes(
    word: str, scheduling: Scheduling, injection: DeviceInjection
) -> None:
    """YAML reads a bare `on` as a boolean."""
    read = cluster_settings.parse(f"scheduling: {word}\ndeviceInjection: {word}")

    assert (scheduling, injection) == (read.scheduling, read.device_injection)


def test_what_happens_to_nodes_and_to_pods_without_their_networks() -> None:
    read = cluster_settings.parse("startupTaint: off\nunmetPods: evict")

    assert (StartupTaint.OFF, UnmetPods.EVICT) == (read.startup_taint, read.unmet_pods)
    assert StartupTaint.MANAGE is cluster_settings.parse("startupTaint: manage").startup_taint
    absent = cluster_settings.parse("")
    assert (StartupTaint.REMOVE, UnmetPods.REPORT) == (absent.startup_taint, absent.unmet_pods)


@pytest.mark.parametrize(
    "text", ["startupTaint: on", "unmetPods: off", "scheduling: always", "deviceInjection: 1"]
)
def test_another_word_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not one of"):
        cluster_settings.parse(text)
