"""One CNI call of the runtime: the CNI_* variables and netattach's config on standard input, parsed and checked.

The checks are those of CNI's skel (`pkg/skel/skel.go: getCmdArgsFromEnv`); one error names all missing variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.api.pod import PodRef
from netattach_core.cni import versions
from netattach_core.errors import ConfigError, DecodeError, EnvironmentVariableError, VersionError
from netattach_core.net import names
from netattach_core.text import json_document

POD_ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
"""The capability with which containerd and CRI-O pass the pod's annotations."""

_REQUIRED = {
    "ADD": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
    "CHECK": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
    "DEL": ("CNI_CONTAINERID", "CNI_IFNAME"),
    "STATUS": (),
    "GC": ("CNI_PATH",),
}
_SINCE = {"STATUS": "1.1.0", "GC": "1.1.0"}
_VALID_ATTACHMENTS = ("cni.dev/valid-attachments", "cni.dev/attachments")
"""The key in the current text of the CNI SPEC and the one of release 1.1.0; libcni sends both."""


@dataclass(frozen=True, slots=True)
class CniRequest:
    """A valid call; `pod` is None for a runtime outside of Kubernetes.

    STATUS and GC have no container. `valid_attachments` are those that GC must keep, as container ID and interface name.
    """

    command: str
    container_id: str
    netns: str
    ifname: str
    args: Mapping[str, str]
    cni_version: str
    runtime_config: Mapping[str, Any] = field(default_factory=dict)
    valid_attachments: tuple[tuple[str, str], ...] = ()

    @property
    def pod(self) -> PodRef | None:
        namespace, name = self.args.get("K8S_POD_NAMESPACE"), self.args.get("K8S_POD_NAME")
        if not namespace or not name:
            return None
        return PodRef(namespace, name, self.args.get("K8S_POD_UID", ""))

    @property
    def pod_annotations(self) -> Mapping[str, str] | None:
        """The pod's annotations, None if the runtime does not pass them."""
        annotations = self.runtime_config.get(POD_ANNOTATIONS)
        return annotations if isinstance(annotations, dict) else None


def parse(environment: Mapping[str, str], stdin: bytes) -> CniRequest:
    """Reads a call. Raises EnvironmentVariableError, DecodeError, ConfigError, VersionError."""
    command = environment.get("CNI_COMMAND", "")
    if command not in _REQUIRED:
        raise EnvironmentVariableError(f"CNI_COMMAND {command!r} is not one of {', '.join(_REQUIRED)}")
    missing = [name for name in _REQUIRED[command] if not environment.get(name)]
    if missing:
        raise EnvironmentVariableError(f"required environment variables missing: {', '.join(missing)}")
    container_id, ifname = "", ""
    if "CNI_CONTAINERID" in _REQUIRED[command]:
        container_id, ifname = environment["CNI_CONTAINERID"], environment["CNI_IFNAME"]
        _check_names(container_id, ifname)
    body = _config(stdin)
    version = _version(body, command)
    offered = body.get("runtimeConfig")
    return CniRequest(
        command=command,
        container_id=container_id,
        netns=environment.get("CNI_NETNS", ""),
        ifname=ifname,
        args=parse_args(environment.get("CNI_ARGS", "")),
        cni_version=version,
        runtime_config=offered if isinstance(offered, dict) else {},
        valid_attachments=_valid_attachments(body) if command == "GC" else (),
    )


def _check_names(container_id: str, ifname: str) -> None:
    if not names.is_cni_name(container_id):
        raise EnvironmentVariableError(f"CNI_CONTAINERID {container_id!r} is not a valid container ID")
    problem = names.interface_problem(ifname)
    if problem:
        raise EnvironmentVariableError(f"CNI_IFNAME: {problem}")


def parse_args(text: str) -> dict[str, str]:
    """CNI_ARGS, in order; a value may contain `=`. Raises EnvironmentVariableError."""
    pairs = [item.partition("=") for item in text.split(";") if item]
    malformed = [key for key, equals, _ in pairs if not equals or not key]
    if malformed:
        raise EnvironmentVariableError(f"CNI_ARGS: `{malformed[0]}` is not of the form KEY=VALUE")
    return {key: value for key, _, value in pairs}


def args_text(args: Mapping[str, str]) -> str:
    """CNI_ARGS for a plugin, IgnoreUnknown first, since the reference plugins refuse unknown keys otherwise."""
    rest = {key: value for key, value in args.items() if key != "IgnoreUnknown"}
    return ";".join(["IgnoreUnknown=1", *(f"{key}={value}" for key, value in rest.items())])


def _config(stdin: bytes) -> Mapping[str, Any]:
    try:
        body = json_document.value(stdin.decode())
    except (json_document.JsonTextError, UnicodeDecodeError) as error:
        raise DecodeError(f"the config on standard input is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise DecodeError("the config on standard input is not a JSON object")
    return body


def _version(body: Mapping[str, Any], command: str) -> str:
    """The cniVersion of netattach's config, which is that of the result."""
    version = body.get("cniVersion") or versions.SUPPORTED[0]
    if version not in versions.SUPPORTED:
        raise ConfigError(
            f"cniVersion {version!r} is not supported; supported versions: {', '.join(versions.SUPPORTED)}"
        )
    since = _SINCE.get(command, version)
    if not versions.at_least(version, since):
        raise VersionError(
            f"{command} requires CNI {since} or newer, but the config has cniVersion {version}"
        )
    return str(version)


def _valid_attachments(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The attachments that GC must keep; no list means none. Raises DecodeError, since guessing could delete a live one."""
    listed: Any = next((body[key] for key in _VALID_ATTACHMENTS if body.get(key) is not None), [])
    try:
        return tuple((str(each["containerID"]), str(each["ifname"])) for each in listed)
    except (KeyError, TypeError) as error:
        raise DecodeError(f"{_VALID_ATTACHMENTS[0]} is not a list of attachments") from error
