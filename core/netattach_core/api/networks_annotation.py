"""The pod's network selection annotation: comma form and JSON form (npwg-spec section 3, multus section 1.3).

One invalid element makes the whole annotation invalid: a pod that starts without a network it asked for is worse than one
that does not start (Multus #492).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.errors import AnnotationError
from netattach_core.net import addresses, names
from netattach_core.net.names import shown
from netattach_core.text import json_document

NETWORKS = "k8s.v1.cni.cncf.io/networks"
DEFAULT_NETWORK = "v1.multus-cni.io/default-network"
SKIP_DEFAULT_NETWORKS = "netattach.io/skip-default-networks"
NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status"

LONGEST = 64 * 1024
"""Characters; four hundred networks have room in it. The API server takes four times as many, and to read those takes a second,
in which a node's other pods wait."""

DEFAULT_BURST = 2**32 - 1
"""Bits; for a rate without a burst. The bandwidth plugin refuses a burst of 0, and container runtimes send this one."""


@dataclass(frozen=True, slots=True)
class NetworkSelection:
    """One element: a network that the pod asks for, and what it asks of it. Empty means: not asked for.

    `ipam_claim_reference` is for plugins that read the annotation themselves (OVN-Kubernetes). They take `ips` beside it, which
    npwg-spec S61 forbids, so we do not.
    """

    namespace: str
    name: str
    interface: str = ""
    ips: tuple[str, ...] = ()
    mac: str = ""
    infiniband_guid: str = ""
    port_mappings: tuple[Mapping[str, Any], ...] = ()
    bandwidth: Mapping[str, int] = field(default_factory=dict)
    cni_args: Mapping[str, Any] = field(default_factory=dict)
    default_route: tuple[str, ...] | None = None
    device_id: str = ""
    ipam_claim_reference: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


def parse(text: str, pod_namespace: str) -> tuple[NetworkSelection, ...]:
    """The elements in the annotation's order; none for an empty text. Raises AnnotationError."""
    if not text.strip():
        return ()
    if len(text) > LONGEST:
        raise AnnotationError(f"the annotation has {len(text)} characters; no pod needs more than {LONGEST}")
    if any(char in text for char in '[{"'):
        return _parse_json(text, pod_namespace)
    return tuple(_comma_element(item.strip(), pod_namespace) for item in text.split(","))


def parse_default(text: str, namespace: str) -> NetworkSelection | None:
    """The one element of the default-network annotation, None for an empty text; `namespace` is that of a bare name.

    Raises AnnotationError.
    """
    selections = parse(text, namespace)
    if text.strip() and len(selections) != 1:
        raise AnnotationError(f"names {len(selections)} networks, and a pod has one default network")
    return selections[0] if selections else None


def _comma_element(item: str, pod_namespace: str) -> NetworkSelection:
    """`[namespace/]name[@interface]`; blanks around each part are nothing."""
    rest, at, interface = item.partition("@")
    namespace, slash, name = rest.rpartition("/")
    namespace, name, interface = namespace.strip(), name.strip(), interface.strip()
    said = f"`{shown(item)}`"
    if not names.is_object_name(name):
        raise AnnotationError(f"{said} names no network: write [namespace/]name[@interface]")
    if slash and not names.is_label(namespace):
        raise AnnotationError(f"{said}: {shown(namespace)!r} is not the name of a namespace")
    if at:
        _check_interface(interface, said)
    return NetworkSelection(namespace or pod_namespace, name, interface)


def _parse_json(text: str, pod_namespace: str) -> tuple[NetworkSelection, ...]:
    try:
        elements = json_document.shallow_value(text)
    except json_document.JsonTextError as error:
        line, column = json_document.position(text, error.offset)
        raise AnnotationError(f"line {line}, column {column}: {error.problem}; {error.fix}") from error
    if not isinstance(elements, list):
        raise AnnotationError("the JSON form is a list of objects: [{ … }]")
    return tuple(
        _Element(element, f"element {index}", pod_namespace).read() for index, element in enumerate(elements)
    )


class _Element:
    """One object of the JSON form. Keys are read as Go reads them, without regard to case; unknown ones are passed over."""

    def __init__(self, body: Any, where: str, pod_namespace: str) -> None:
        if not isinstance(body, dict):
            raise AnnotationError(f"{where} is not an object: {shown(json.dumps(body))}")
        self.body = {key.casefold(): value for key, value in body.items() if value is not None}
        self.where = where
        self.pod_namespace = pod_namespace

    def read(self) -> NetworkSelection:
        name = self._text("name")
        if not names.is_object_name(name):
            raise self._error("name", f"{shown(name)!r} is not the name of a network")
        return NetworkSelection(
            namespace=self._namespace(),
            name=name,
            interface=self._interface(),
            ips=self._ips(),
            mac=self._hardware("mac", addresses.is_ethernet_mac, "6 bytes such as 02:00:00:00:00:01"),
            infiniband_guid=self._hardware("infiniband-guid", addresses.is_infiniband_guid, "8 bytes"),
            port_mappings=self._port_mappings(),
            bandwidth=self._bandwidth(),
            cni_args=self._typed("cni-args", dict, {}),
            default_route=self._default_route(),
            device_id=self._text("deviceID"),
            ipam_claim_reference=self._text("ipam-claim-reference"),
        )

    def _namespace(self) -> str:
        namespace = self._text("namespace") or self.pod_namespace
        if not names.is_label(namespace):
            raise self._error("namespace", f"{shown(namespace)!r} is not the name of a namespace")
        return namespace

    def _interface(self) -> str:
        interface = self._text("interface") or self._text("interfaceRequest")
        if interface:
            _check_interface(interface, self.where)
        return interface

    def _ips(self) -> tuple[str, ...]:
        ips = self._texts("ips")
        for ip in ips:
            if addresses.parse_ip(ip) is None and addresses.parse_cidr(ip) is None:
                raise self._error("ips", f"{shown(ip)!r} is no address; write 10.0.0.5 or 10.0.0.5/24")
        return ips

    def _default_route(self) -> tuple[str, ...] | None:
        """None where the key is absent; an empty list means: the default route that this network's plugin sets (S53)."""
        if "default-route" not in self.body:
            return None
        gateways = self._texts("default-route", may_be_empty=True)
        for gateway in gateways:
            if addresses.parse_ip(gateway) is None:
                raise self._error("default-route", f"{shown(gateway)!r} is no address")
        return gateways

    def _port_mappings(self) -> tuple[Mapping[str, Any], ...]:
        mappings = self._typed("portMappings", list, [])
        if "portmappings" in self.body and not mappings:
            raise self._error("portMappings", "is empty; leave the key out or give at least one mapping")
        return tuple(self._port_mapping(mapping) for mapping in mappings)

    def _port_mapping(self, mapping: Any) -> Mapping[str, Any]:
        if not isinstance(mapping, dict):
            raise self._error("portMappings", "holds what is no object")
        for key in ("hostPort", "containerPort"):
            if not _is_integer(mapping.get(key)) or not 1 <= mapping[key] <= 65535:
                raise self._error("portMappings", f"needs {key}, a number from 1 to 65535")
        protocol = str(mapping.get("protocol") or "tcp").lower()
        if protocol not in {"tcp", "udp", "sctp"}:
            raise self._error("portMappings", f"protocol {shown(protocol)!r} is none of tcp, udp, sctp")
        return {**mapping, "protocol": protocol}

    def _bandwidth(self) -> Mapping[str, int]:
        body = self._typed("bandwidth", dict, {})
        keys = ("ingressRate", "ingressBurst", "egressRate", "egressBurst")
        limits = {key: body[key] for key in keys if body.get(key) is not None}
        if "bandwidth" in self.body and not limits:
            raise self._error("bandwidth", f"gives none of {', '.join(keys)}")
        for key, value in limits.items():
            if not _is_integer(value) or value <= 0:
                raise self._error("bandwidth", f"{key} has to be a whole number of bits above 0")
        for way in ("ingress", "egress"):
            if f"{way}Burst" in limits and f"{way}Rate" not in limits:
                raise self._error("bandwidth", f"{way}Burst needs {way}Rate")
            if f"{way}Rate" in limits:
                limits.setdefault(f"{way}Burst", DEFAULT_BURST)
        return limits

    def _hardware(self, key: str, accepts: Any, form: str) -> str:
        text = self._text(key)
        if text and not accepts(text):
            raise self._error(key, f"{shown(text)!r} is not {form}")
        return text

    def _text(self, key: str) -> str:
        return str(self._typed(key, str, ""))

    def _texts(self, key: str, *, may_be_empty: bool = False) -> tuple[str, ...]:
        values = self._typed(key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise self._error(key, "has to be a list of texts")
        if key in self.body and not values and not may_be_empty:
            raise self._error(key, "is empty; leave the key out or give at least one")
        return tuple(values)

    def _typed(self, key: str, kind: type, absent: Any) -> Any:
        value = self.body.get(key.casefold(), absent)
        if not isinstance(value, kind):
            raise self._error(key, f"has to be {_WANTED[kind]}, not {shown(json.dumps(value))}")
        return value

    def _error(self, key: str, problem: str) -> AnnotationError:
        return AnnotationError(f"{self.where}: `{key}` {problem}")


_WANTED: dict[type, str] = {str: "a text in double quotes", list: "a list", dict: "an object"}


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_interface(interface: str, where: str) -> None:
    problem = names.interface_problem(interface)
    if problem:
        raise AnnotationError(f"{where}: {problem}")
