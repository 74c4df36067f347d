"""Multus as it is installed: from its DaemonSet, and from the ConfigMap that this mounts.

The thick plugin has its settings in the ConfigMap (`daemon-config.json`), the thin one in its entrypoint's arguments, or in a
config of its own where `--multus-conf-file` is not `auto`. Both are returned under the keys of the thick one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_cli.files import UnreadableError
from netattach_cli.migrate.objects import Object, command_line, containers, full_name, listed, of_kind, value
from netattach_core.cni import multus_conf
from netattach_core.errors import ConfigError

AUTO = "auto"

_ARGUMENT = re.compile(r"--([a-z][a-z-]*)(?:=+|\s+(?=[^-\s]))?([^\s\"']*)")
_ARGUMENTS = {
    "namespace-isolation": "namespaceIsolation",
    "cni-namespace-isolation": "namespaceIsolation",
    "global-namespaces": "globalNamespaces",
    "multus-master-cni-file-name": "multusMasterCNI",
    "multus-autoconfig-dir": "multusAutoconfigDir",
    "cni-conf-dir": "cniConfigDir",
    "readiness-indicator-file": "readinessindicatorfile",
    "additional-bin-dir": "binDir",
    "multus-log-level": "logLevel",
    "multus-conf-file": "multusConfigFile",
    "rename-conf-file": "renameConfFile",
    "cleanup-config-on-exit": "cleanupConfigOnExit",
}
"""Options of the thin entrypoint (`cmd/thin_entrypoint`, and those of rke2's chart): the keys that mean the same."""

_OTHERS = ("dynamic-networks", "admission-controller", "whereabouts", "cert-approver")
"""Words in the images of programs that belong to Multus, or mention it, and are not Multus."""

_PROGRAM = re.compile(r"multus-daemon|thin_entrypoint|/entrypoint\.sh")
_VERSION = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class MultusInstallation:
    """`conf` has Multus' keys, `host_paths` the directories of the host by their path in its container."""

    name: str
    is_thick: bool
    version: str
    conf: Mapping[str, Any]
    host_paths: Mapping[str, str]

    def __str__(self) -> str:
        version = self.version or "of unknown version"
        return f"Multus {version} ({'thick' if self.is_thick else 'thin'}), DaemonSet {self.name}"

    def on_host(self, path: str) -> str:
        """The host's path of a file or directory in the container; the path itself where nothing is mounted above it."""
        above = [mounted for mounted in self.host_paths if f"{path}/".startswith(f"{mounted}/")]
        if not above:
            return path
        mounted = max(above, key=len)
        return f"{self.host_paths[mounted].rstrip('/')}{path.removeprefix(mounted)}" or "/"


def find(objects: Sequence[Object]) -> MultusInstallation | None:
    """The first DaemonSet whose container is Multus. Raises UnreadableError if there are some in several namespaces.

    Whoever may create a DaemonSet in one of them would else choose the settings for the networks of all pods.
    """
    found = list(_containers(objects))
    if len({value(daemon_set, "metadata", "namespace") for daemon_set, _ in found}) > 1:
        names = ", ".join(sorted({full_name(daemon_set) for daemon_set, _ in found}))
        raise UnreadableError(
            "Multus",
            f"DaemonSets in several namespaces run it: {names}; give the objects of the one that your nodes use with --file",
        )
    return next((_read(daemon_set, container, objects) for daemon_set, container in found), None)


def config_maps(objects: Sequence[Object]) -> list[tuple[str, str]]:
    """Namespaces and names of the ConfigMaps that Multus mounts."""
    return [
        (str(value(daemon_set, "metadata", "namespace") or "default"), name)
        for daemon_set, _ in _containers(objects)
        for name in _mounted(daemon_set)
    ]


def _containers(objects: Sequence[Object]) -> Iterator[tuple[Object, Object]]:
    for daemon_set in of_kind(objects, "DaemonSet"):
        for container in containers(daemon_set):
            if _is_multus(container):
                yield daemon_set, container


def _is_multus(container: Object) -> bool:
    image, command = str(value(container, "image") or ""), command_line(container)
    if any(word in image for word in _OTHERS):
        return False
    return "multus" in image.lower() + command and _PROGRAM.search(command) is not None


def _read(daemon_set: Object, container: Object, objects: Sequence[Object]) -> MultusInstallation:
    command, image = command_line(container), str(value(container, "image") or "")
    is_thick = "multus-daemon" in command
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    version = _VERSION.match(tag)
    maps = [each for each in of_kind(objects, "ConfigMap") if _is_mounted(each, daemon_set)]
    return MultusInstallation(
        name=full_name(daemon_set),
        is_thick=is_thick,
        version=version[1] if version else "",
        conf=_thick_conf(maps) if is_thick else _thin_conf(command, maps),
        host_paths=dict(_host_paths(daemon_set, container)),
    )


def _thick_conf(maps: Sequence[Object]) -> Mapping[str, Any]:
    return next(
        (_json(text) for each in maps for key, text in _data(each) if key == "daemon-config.json"), {}
    )


def _thin_conf(command: str, maps: Sequence[Object]) -> Mapping[str, Any]:
    given = {name: _typed(text) for name, text in _ARGUMENT.findall(command)}
    conf = {key: given[name] for name, key in _ARGUMENTS.items() if name in given}
    if conf.get("multusConfigFile", AUTO) == AUTO:
        return conf
    own = next((_json(text) for each in maps for key, text in _data(each) if key.endswith("conf.json")), {})
    return {**conf, **own}


def _typed(text: str) -> str | bool:
    """An option without a value is true, as for pflag."""
    return {"true": True, "": True, "false": False}.get(text, text)


def _json(text: str) -> Mapping[str, Any]:
    try:
        return multus_conf.read(text)
    except ConfigError:
        return {}


def _data(config_map: Object) -> list[tuple[str, str]]:
    return [(key, text) for key, text in (value(config_map, "data") or {}).items() if isinstance(text, str)]


def _is_mounted(config_map: Object, daemon_set: Object) -> bool:
    same = value(config_map, "metadata", "namespace") == value(daemon_set, "metadata", "namespace")
    return same and value(config_map, "metadata", "name") in _mounted(daemon_set)


def _mounted(daemon_set: Object) -> list[str]:
    volumes = listed(daemon_set, "spec", "template", "spec", "volumes")
    return [name for volume in volumes if (name := value(volume, "configMap", "name"))]


def _host_paths(daemon_set: Object, container: Object) -> Iterator[tuple[str, str]]:
    volumes = listed(daemon_set, "spec", "template", "spec", "volumes")
    paths = {value(volume, "name"): value(volume, "hostPath", "path") for volume in volumes}
    for mount in listed(container, "volumeMounts"):
        path, mounted = paths.get(value(mount, "name")), value(mount, "mountPath")
        if path and mounted:
            yield str(mounted).rstrip("/"), str(path)
