"""One call of the runtime: its CNI_* variables and our configuration on standard input, read and checked.

Checked as libcni's skel checks (cni-spec section 1.1), all missing variables named in one error.
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
"""The capability by which containerd and CRI-O hand over the pod's annotations with the call."""

_REQUIRED = {
    "ADD": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
    "CHECK": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
    "DEL": ("CNI_CONTAINERID", "CNI_IFNAME"),
    "STATUS": (),
    "GC": ("CNI_PATH",),
}
_SINCE = {"STATUS": "1.1.0", "GC": "1.1.0"}
_VALID = ("cni.dev/valid-attachments", "cni.dev/attachments")
"""The later text of the specification and the released one; libcni sends both."""


@dataclass(frozen=True, slots=True)
class CniRequest:
    """A call that can be carried out; `pod` is None where the runtime is no Kubernetes one.

    STATUS and GC are of no container; `valid` is what GC names as alive: container id and interface.
    """

    command: str
    container_id: str
    netns: str
    ifname: str
    args: Mapping[str, str]
    cni_version: str
    runtime_config: Mapping[str, Any] = field(default_factory=dict)
    valid: tuple[tuple[str, str], ...] = ()

    @property
    def pod(self) -> PodRef | None:
        namespace, name = self.args.get("K8S_POD_NAMESPACE"), self.args.get("K8S_POD_NAME")
        if not namespace or not name:
            return None
        return PodRef(namespace, name, self.args.get("K8S_POD_UID", ""))

    @property
    def pod_annotations(self) -> Mapping[str, str] | None:
        """The pod's annotations, None where the runtime does not hand them over."""
        annotations = self.runtime_config.get(POD_ANNOTATIONS)
        return annotations if isinstance(annotations, dict) else None


def parse(environment: Mapping[str, str], stdin: bytes) -> CniRequest:
    """Reads a call. Raises EnvironmentVariableError, DecodeError, ConfigError, VersionError."""
    command = environment.get("CNI_COMMAND", "")
    if command not in _REQUIRED:
        raise EnvironmentVariableError(f"CNI_COMMAND {command!r} is none of {', '.join(_REQUIRED)}")
    missing = [name for name in _REQUIRED[command] if not environment.get(name)]
    if missing:
        raise EnvironmentVariableError(f"required environment variables missing: {', '.join(missing)}")
    container_id, ifname = "", ""
    if "CNI_CONTAINERID" in _REQUIRED[command]:
        container_id, ifname = environment["CNI_CONTAINERID"], environment["CNI_IFNAME"]
        _check_names(container_id, ifname)
    body = _own_configuration(stdin)
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
        valid=_valid(body) if command == "GC" else (),
    )


def _check_names(container_id: str, ifname: str) -> None:
    if not names.is_cni_name(container_id):
        raise EnvironmentVariableError(f"CNI_CONTAINERID {container_id!r} is no container id")
    problem = names.interface_problem(ifname)
    if problem:
        raise EnvironmentVariableError(f"CNI_IFNAME: {problem}")


def parse_args(text: str) -> dict[str, str]:
    """CNI_ARGS, in its order; a value may hold `=`. Raises EnvironmentVariableError."""
    pairs = [item.partition("=") for item in text.split(";") if item]
    broken = [key for key, equals, _ in pairs if not equals or not key]
    if broken:
        raise EnvironmentVariableError(f"CNI_ARGS: `{broken[0]}` is not of the form KEY=VALUE")
    return {key: value for key, _, value in pairs}


def args_text(args: Mapping[str, str]) -> str:
    """CNI_ARGS for a plugin: IgnoreUnknown first, since every reference plugin refuses keys that it does not know."""
    rest = {key: value for key, value in args.items() if key != "IgnoreUnknown"}
    return ";".join(["IgnoreUnknown=1", *(f"{key}={value}" for key, value in rest.items())])


def _own_configuration(stdin: bytes) -> Mapping[str, Any]:
    try:
        body = json_document.value(stdin.decode())
    except (json_document.JsonTextError, UnicodeDecodeError) as error:
        raise DecodeError(f"the configuration on standard input is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise DecodeError("the configuration on standard input is not a JSON object")
    return body


def _version(body: Mapping[str, Any], command: str) -> str:
    """Our conf's cniVersion, in which we answer."""
    version = body.get("cniVersion") or versions.SUPPORTED[0]
    if version not in versions.SUPPORTED:
        raise ConfigError(f"cniVersion {version!r} is none of {', '.join(versions.SUPPORTED)}")
    since = _SINCE.get(command, version)
    if not versions.at_least(version, since):
        raise VersionError(f"{command} came with CNI {since}; the configuration is of {version}")
    return str(version)


def _valid(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """None named means that nothing is alive (C54). Raises DecodeError rather than take a live one for dead."""
    listed: Any = next((body[key] for key in _VALID if body.get(key) is not None), [])
    try:
        return tuple((str(each["containerID"]), str(each["ifname"])) for each in listed)
    except (KeyError, TypeError) as error:
        raise DecodeError(f"{_VALID[0]} is no list of attachments") from error
