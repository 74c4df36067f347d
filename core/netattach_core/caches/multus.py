"""Multus' own cache of a sandbox, /var/lib/cni/multus/<container id>: a JSON list of its delegates (pkg/types, DelegateNetConf).

The default network is the first. With each delegate's result in libcni's cache it says what its DEL has to free. What is read
was written by Multus 3.x to 4.3.x, thick or thin; what is written can be read by all of them.
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
"""What Multus' own conf has as `type`."""

NAME = "multus-cni-network"
"""And as `name`, unless it was told another one; so the runtime's note of it is called."""

_REQUESTS = {
    "ips": "ipRequest",
    "mac": "macRequest",
    "infinibandGUID": "infinibandGUIDRequest",
    "deviceID": "deviceID",
}
"""Capabilities, and the keys under which a delegate keeps what the pod asked of it."""


@dataclass(frozen=True, slots=True)
class Delegate:
    """One network. `ifname` is "" unless the pod asked for one; `chain` is its configuration once more, as 4.3.0 keeps it."""

    name: str
    ifname: str
    config_text: str
    chain: str
    requests: Mapping[str, Any]

    @property
    def config_name(self) -> str:
        """The network's name where its configuration says none."""
        return self.name.rpartition("/")[2]


def parse(data: bytes) -> tuple[Delegate, ...]:
    """Reads a file. Raises DecodeError: what it held cannot be freed then, and must not be passed over."""
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
    """What Multus attached, in its order; then what has a result and is no delegate (attached later, or the cache is gone).

    Raises DecodeError where a delegate's configuration cannot be read.
    """
    of_ifname = {each.ifname: each for each in results}
    made = tuple(_attachment(call, index, each, of_ifname) for index, each in enumerate(delegates))
    known = {each.ifname for each in made}
    others = sorted(
        (each for each in results if each.ifname not in known),
        key=lambda each: (each.ifname != call.ifname, each.ifname),
    )
    return (*made, *(libcni_cache.attached(each, default=each.ifname == call.ifname) for each in others))


def dump(sandbox: Sandbox) -> bytes:
    """The file of a sandbox of ours, so that a Multus that comes back finds what it has to free."""
    return json.dumps([_delegate_body(each) for each in sandbox.attachments]).encode()


def _delegate(body: Mapping[str, Any]) -> Delegate:
    requests = {capability: body[key] for capability, key in _REQUESTS.items() if body.get(key)}
    if any(not isinstance(value, list if key == "ips" else str) for key, value in requests.items()):
        raise TypeError("a request is neither a text nor a list")
    name, ifname = body.get("Name") or "", body.get("ifnameRequest") or ""
    if not isinstance(name, str) or not isinstance(ifname, str):
        raise TypeError("a name is no text")
    text = libcni_cache.decoded(body.get("Bytes") or "")
    return Delegate(name, ifname, text, _chain(body.get("CNINetworkConfigList") or {}), requests)


def _chain(body: Mapping[str, Any]) -> str:
    """With plugins that came from sub-directories, which `Bytes` may lack."""
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
    ran = cached.config_text if cached else ""
    text = _fullest(delegate, (delegate.chain, ran, delegate.config_text))
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


def _fullest(delegate: Delegate, texts: Sequence[str]) -> str:
    """The one with the most plugins, the first of several: some releases keep less than they ran (Multus #1449)."""
    found: list[tuple[int, str]] = []
    problem = "no configuration is kept of it"
    for text in filter(None, texts):
        try:
            found.append((len(cni_config.parse(text, delegate.config_name).plugins), text))
        except NetattachError as error:
            problem = error.message
    if not found:
        raise DecodeError(f"network {delegate.name}: {problem}")
    return max(found, key=lambda each: each[0])[1]


def _delegate_body(attachment: Attachment) -> dict[str, Any]:
    """`Conf` and `ConfList` tell Multus which of the two `Bytes` is; the name goes into the text, where it may be missing."""
    conf = attachment.conf
    head = {"cniVersion": conf.cni_version, "name": conf.name}
    types = [{"type": each.type, "ipam": {}, "dns": {}} for each in conf.plugins]
    is_list = json_document.locate(json_document.parse(attachment.config_text), ("plugins",)) is not None
    asked = attachment.runtime_config
    requests = {
        key: asked[capability]
        for capability, key in _REQUESTS.items()
        if capability in asked and not attachment.default
    }
    return {
        "Conf": {**head, **types[0]} if not is_list else {"ipam": {}, "dns": {}},
        "ConfList": {**head, "plugins": types} if is_list else {},
        "Name": attachment.network,
        "ifnameRequest": attachment.ifname,
        **requests,
        "IsFilterV4Gateway": False,
        "IsFilterV6Gateway": False,
        "Bytes": libcni_cache.encoded(libcni_cache.named(attachment)),
    }
