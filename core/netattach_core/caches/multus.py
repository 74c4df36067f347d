"""Multus' cache of a sandbox, /var/lib/cni/multus/<container id>: a JSON list of its delegates (pkg/types: DelegateNetConf).

The default network is the first. Together with libcni's cache of each delegate it determines what DEL has to release. Files of
Multus 3.x to 4.3.x, thick or thin, can be read, and all of these can read what is written here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Sandbox
from netattach_core.caches import libcni as libcni_cache
from netattach_core.caches.libcni import Cached
from netattach_core.cni import config as cni_config
from netattach_core.cni.request import POD_ANNOTATIONS, CniRequest
from netattach_core.errors import DecodeError, NetattachError
from netattach_core.net import names
from netattach_core.text import json_document

TYPES = frozenset({"multus", "multus-shim"})
"""The plugin types in Multus' CNI config."""

NAME = "multus-cni-network"
"""The default name of Multus' CNI config, and so of the runtime's cache files for it."""

_REQUESTS = {
    "ips": "ipRequest",
    "mac": "macRequest",
    "infinibandGUID": "infinibandGUIDRequest",
    "deviceID": "deviceID",
}
"""Capabilities, and a delegate's keys for the pod's requests."""


@dataclass(frozen=True, slots=True)
class Delegate:
    """One network. `ifname` is the pod's request or ""; `chain` is the configuration again, as 4.3.0 stores it."""

    name: str
    ifname: str
    config_text: str
    chain: str
    requests: Mapping[str, Any]

    @property
    def config_name(self) -> str:
        """The network's name if its configuration has none."""
        return self.name.rpartition("/")[2]


def parse(data: bytes) -> tuple[Delegate, ...]:
    """Reads a file. Raises DecodeError, which must not be ignored: the sandbox cannot be released then."""
    try:
        body = json_document.value(data.decode())
        if not isinstance(body, list) or not body:
            raise DecodeError("not a list of networks, the first of them the default one")
        return tuple(_delegate(each) for each in body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"not a list of networks as Multus writes it: {error!r}") from error


def attachments(
    call: CniRequest, delegates: Sequence[Delegate], results: Sequence[Cached]
) -> tuple[Attachment, ...]:
    """What Multus attached, in its order, then results without a delegate (attached later, or without Multus' list).

    Raises DecodeError if a delegate's configuration cannot be read.
    """
    by_ifname = {each.ifname: each for each in results}
    listed = tuple(_attachment(call, index, each, by_ifname) for index, each in enumerate(delegates))
    known = {each.ifname for each in listed}
    others = sorted(
        (each for each in results if each.ifname not in known),
        key=lambda each: (each.ifname != call.ifname, each.ifname),
    )
    return (*listed, *(libcni_cache.attached(each, default=each.ifname == call.ifname) for each in others))


def dump(sandbox: Sandbox) -> bytes:
    """The file of a sandbox that netattach attached, from which Multus can release it after a rollback."""
    return json.dumps([_delegate_body(each) for each in sandbox.attachments]).encode()


def _delegate(body: Mapping[str, Any]) -> Delegate:
    requests = {capability: body[key] for capability, key in _REQUESTS.items() if body.get(key)}
    if any(not isinstance(value, list if key == "ips" else str) for key, value in requests.items()):
        raise TypeError("a request is neither a string nor a list")
    name, ifname = body.get("Name") or "", body.get("ifnameRequest") or ""
    if not isinstance(name, str) or not isinstance(ifname, str):
        raise TypeError("a name is not a string")
    text = libcni_cache.decoded(body.get("Bytes") or "")
    return Delegate(name, ifname, text, _chain(body.get("CNINetworkConfigList") or {}), requests)


def _chain(body: Mapping[str, Any]) -> str:
    """The conflist with plugins from directories, which `Bytes` may lack; "" without a list."""
    plugins = [libcni_cache.decoded(each["Bytes"]) for each in body.get("Plugins") or ()]
    if not plugins:
        return ""
    head = {
        "cniVersion": body.get("CNIVersion") or "",
        "name": body.get("Name") or "",
        "disableCheck": bool(body.get("DisableCheck")),
    }
    return f'{json.dumps(head)[:-1]}, "plugins": [{", ".join(plugins)}]}}'


def _attachment(
    call: CniRequest, index: int, delegate: Delegate, results: Mapping[str, Cached]
) -> Attachment:
    default = index == 0
    ifname = delegate.ifname or (call.ifname if default else f"net{index}")
    problem = names.interface_problem(ifname)
    if problem:
        raise DecodeError(f"network {delegate.name}: {problem}")
    cached = results.get(ifname)
    cached_text = cached.config_text if cached else ""
    text = _with_most_plugins(delegate, (delegate.chain, cached_text, delegate.config_text))
    config_name = cached.network if cached else delegate.config_name
    network = delegate.name or cni_config.parse(text, config_name).name
    if cached is not None:
        return libcni_cache.attached(
            cached, default=default, network=network, config_text=text, config_name=config_name
        )
    offered = {key: value for key, value in call.runtime_config.items() if key != POD_ANNOTATIONS}
    return Attachment(
        network=network,
        ifname=ifname,
        config_text=text,
        config_name=config_name,
        default=default,
        args=call.args,
        runtime_config=offered if default else {**offered, **delegate.requests},
    )


def _with_most_plugins(delegate: Delegate, texts: Sequence[str]) -> str:
    """The first configuration with the most plugins: some releases store fewer than they ran (Multus issue #1449)."""
    found: list[tuple[int, str]] = []
    problem = "its configuration is missing"
    for text in filter(None, texts):
        try:
            found.append((len(cni_config.parse(text, delegate.config_name).plugins), text))
        except NetattachError as error:
            problem = error.message
    if not found:
        raise DecodeError(f"network {delegate.name}: {problem}")
    return max(found, key=lambda each: each[0])[1]


def _delegate_body(attachment: Attachment) -> dict[str, Any]:
    """Multus uses `Conf` or `ConfList` to decide which of the two `Bytes` is."""
    config = attachment.config
    head = {"cniVersion": config.cni_version, "name": config.name}
    types = [{"type": each.type, "ipam": {}, "dns": {}} for each in config.plugins]
    is_list = json_document.locate(json_document.parse(attachment.config_text), ("plugins",)) is not None
    requested = {} if attachment.default else attachment.runtime_config
    requests = {
        key: requested[capability] for capability, key in _REQUESTS.items() if capability in requested
    }
    return {
        "Conf": {**head, **types[0]} if not is_list else {"ipam": {}, "dns": {}},
        "ConfList": {**head, "plugins": types} if is_list else {},
        "Name": attachment.network,
        "ifnameRequest": attachment.ifname,
        **requests,
        "IsFilterV4Gateway": False,
        "IsFilterV6Gateway": False,
        "Bytes": libcni_cache.encoded(libcni_cache.complete_config(attachment)),
    }
