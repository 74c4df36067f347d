"""Multus' settings in the words of netattach-config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_cli.migrate.assessment import Item, change, refused, works
from netattach_cli.migrate.multus_installation import AUTO, MultusInstallation
from netattach_cli.migrate.objects import listed
from netattach_core.cni import multus_conf, netattach_conf
from netattach_kube import cluster_settings

CONF_DIR, BIN_DIR, CACHE_DIR = "/etc/cni/net.d", "/opt/cni/bin", "/var/lib/cni/multus"
"""Directories of a node, as Multus' own manifests and netattach's have them."""

_GENERATED = "00-multus.conf"
"""What Multus calls the file that it generates; its thin entrypoint ends it with `.conflist` since CNI 1.0.0."""

_LOG_LEVELS = {"panic": "error", "error": "error", "verbose": "info", "debug": "debug"}

_MEANINGS = {
    "defaultNetworks": "networks that every pod gets in addition",
    "networksNamespace": "multusNamespace: where default networks are looked up",
    "systemNamespaces": "namespaces whose pods get no default networks",
    "namespaceIsolation": "pods may use only networks of their own namespace and of the global ones",
    "globalNamespaces": "namespaces whose networks all pods may use",
    "primaryNetwork": "each node's default network",
    "logLevel": "what the programs log",
    "takeover": "take the first place from Multus on each node, without a gap",
}


def settings(installation: MultusInstallation) -> dict[str, Any]:
    """The keys of netattach-config that have the effect of Multus' settings."""
    conf = installation.conf
    found: dict[str, Any] = {"takeover": "auto"}
    primary = _primary(conf)
    if primary:
        found["primaryNetwork"] = primary
    translated = multus_conf.settings(conf)
    if "defaultNetworks" in translated:
        translated["defaultNetworks"] = [name for name in translated["defaultNetworks"] if "/" not in name]
    level = _LOG_LEVELS.get(str(conf.get("logLevel", "")).lower())
    return (
        found
        | {key: value for key, value in translated.items() if value}
        | ({"logLevel": level} if level else {})
    )


def items(installation: MultusInstallation, found: Mapping[str, Any]) -> Iterator[Item]:
    """What each of Multus' settings becomes; `found` are those of `settings`."""
    for key, value in found.items():
        yield change(
            key, _MEANINGS[key], f"set {multus_conf.as_yaml({key: value})[1:-1]} in netattach-config"
        )
    yield from _place(installation)
    yield from _refused(installation)
    yield from _conf_directories(installation)
    yield from _bin_and_cache_directories(installation)
    conf = installation.conf
    for key, instead in cluster_settings.MULTUS_KEYS.items():
        if instead.startswith("nothing") and conf.get(key):
            yield works(key, instead.partition(": ")[2])
    if conf.get("auxiliaryCNIChainName"):
        name = conf["auxiliaryCNIChainName"]
        yield change(
            "auxiliaryCNIChainName",
            f"the plugins in {CONF_DIR}/{name}/ belong to the chain of the default network",
            "put them into the directory with the name of the default network's config, next to its file",
        )


def _primary(conf: Mapping[str, Any]) -> str:
    """The default network that Multus is configured to use, "" if it looks for the first file as netattach does."""
    master = conf.get("multusMasterCNI")
    if isinstance(master, str) and master:
        return master.rpartition("/")[2]
    return multus_conf.default_network(conf)


def _refused(installation: MultusInstallation) -> Iterator[Item]:
    conf = installation.conf
    for name in listed(conf, "defaultNetworks"):
        if "/" in str(name):
            yield refused(
                "defaultNetworks",
                f"{name} is a path; netattach looks up NetworkAttachmentDefinitions, and files of {CONF_DIR}",
                "make it a NetworkAttachmentDefinition in networksNamespace, and list its name in defaultNetworks",
            )
    cluster = conf.get("clusterNetwork")
    if isinstance(cluster, str) and cluster and not cluster.endswith(netattach_conf.SUFFIXES):
        yield refused(
            "clusterNetwork",
            f"the default network {cluster} is a directory or a NetworkAttachmentDefinition; pods have to start while the API is "
            "down, so netattach reads a file",
            f"write its config into a file in {CONF_DIR} of each node, and set primaryNetwork to the file's name",
        )
    if conf.get("renameConfFile"):
        yield refused(
            "rename-conf-file",
            "Multus has renamed the default network's file, so the directory has none but Multus'",
            "give the file its name back (without .old) before the takeover; after netattach's it does no harm",
        )


def _place(installation: MultusInstallation) -> Iterator[Item]:
    """Of Multus' file among those of a node."""
    given, subject = str(installation.conf.get("multusConfigFile", AUTO)), "CNI config"
    name, ours = _GENERATED if given == AUTO else given.rpartition("/")[2], netattach_conf.TAKEOVER_FILE_NAME
    if name < ours:
        yield refused(
            subject, f"Multus' file {name} precedes netattach's, {ours}", "give it a name that comes later"
        )
    else:
        yield works(subject, f"netattach's file {ours} precedes Multus' {name}")
    if not installation.is_thick and not installation.conf.get("cleanupConfigOnExit"):
        yield change(
            subject,
            "thin Multus leaves its file on the nodes when it is removed",
            f"after the migration: rm {_conf_dir(installation)}/{name.partition('.')[0]}.conf* on each node",
        )


def _conf_dir(installation: MultusInstallation) -> str:
    """The runtime's directory of CNI configs, on the host."""
    path = str(installation.conf.get("cniConfigDir") or f"/host{CONF_DIR}")
    return installation.on_host(path).removeprefix("/host").rstrip("/")


def _conf_directories(installation: MultusInstallation) -> Iterator[Item]:
    conf = installation.conf
    conf_dir = _conf_dir(installation)
    auto_dir = installation.on_host(str(conf.get("multusAutoconfigDir") or conf_dir)).removeprefix("/host")
    is_auto = conf.get("multusConfigFile", AUTO) == AUTO and not conf.get("clusterNetwork")
    if is_auto and auto_dir.rstrip("/") != conf_dir:
        yield refused(
            "multusAutoconfigDir",
            f"the default network's file is in {auto_dir}, where no runtime looks; without Multus the nodes have none",
            f"make the default network's installer write into {conf_dir}; where an operator owns Multus and that installer "
            "(OpenShift), netattach cannot replace it",
        )
    if conf_dir != CONF_DIR:
        yield change(
            "cniConfigDir",
            f"the runtime's CNI config directory is {conf_dir}",
            f"set node.confDir={conf_dir} in netattach's chart",
        )


def _bin_and_cache_directories(installation: MultusInstallation) -> Iterator[Item]:
    conf = installation.conf
    bin_dir = conf.get("binDir")
    if isinstance(bin_dir, str) and bin_dir.rstrip("/") != BIN_DIR:
        yield change(
            "binDir",
            f"plugins are also in {bin_dir}",
            f"install them where the runtime looks, or set node.binDirs={{{BIN_DIR},{bin_dir}}} in netattach's "
            "chart",
        )
    cache = installation.on_host(str(conf.get("cniDir") or CACHE_DIR)).rstrip("/")
    if cache != CACHE_DIR:
        yield change(
            "cniDir",
            f"Multus records what running pods hold in {cache}; their DEL needs it",
            f"set node.multusDir={cache} in netattach's chart",
        )
