"""The network selection annotation of a pod: comma form and JSON form.

See the Kubernetes Network Plumbing Working Group spec, section 4.1. One invalid element makes the whole annotation invalid: a
pod that starts without a requested network is worse than one that does not start (Multus issue #492).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.api.objects import Key
from netattach_core.errors import AnnotationError
from netattach_core.net import addresses, names
from netattach_core.net.names import shown
from netattach_core.text import json_document

NETWORKS = "k8s.v1.cni.cncf.io/networks"
DEFAULT_NETWORK = "v1.multus-cni.io/default-network"
SKIP_DEFAULT_NETWORKS = "netattach.io/skip-default-networks"
DEVICE_CONTAINER = "netattach.io/device-container"
NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status"

MAX_LENGTH = 64 * 1024
"""In characters, enough for 400 networks. The API server accepts four times as many, but parsing those takes a second, during
which the other pods of the node wait."""

DEFAULT_BURST = 2**32 - 1
"""In bits, for a rate without a burst. The bandwidth plugin refuses a burst of 0; container runtimes send this value."""


@dataclass(frozen=True, slots=True)
class NetworkSelection:
    """One element: a network that the pod requests, with its parameters. Empty means: not requested.

    `ipam_claim_reference` is for plugins that read the annotation themselves (OVN-Kubernetes). They accept it together with
    `ips`, and so does netattach, although the Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.11.1, forbids it.
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

    @property
    def key(self) -> Key:
        """Of its NAD."""
        return self.namespace, self.name


def parse(text: str, pod_namespace: str) -> tuple[NetworkSelection, ...]:
    """The elements in the annotation's order; none for an empty text. Raises AnnotationError."""
    if not text.strip():
        return ()
    if len(text) > MAX_LENGTH:
        raise AnnotationError(f"the annotation has {len(text)} characters; the maximum is {MAX_LENGTH}")
    if is_json(text):
        return _parse_json(text, pod_namespace)
    return tuple(comma_element(item.strip(), pod_namespace) for item in text.split(","))


def parse_default(text: str, namespace: str) -> NetworkSelection | None:
    """The only element of the default-network annotation, None for an empty text; `namespace` is that of a bare name.

    Raises AnnotationError.
    """
    selections = parse(text, namespace)
    if text.strip() and len(selections) != 1:
        raise AnnotationError(
            f"selects {len(selections)} networks, but a pod has exactly one default network"
        )
    return selections[0] if selections else None


def is_json(text: str) -> bool:
    """Whether an annotation is in the JSON form."""
    return any(char in text for char in '[{"')


def comma_element(item: str, pod_namespace: str) -> NetworkSelection:
    """`[namespace/]name[@interface]`; spaces around each part are ignored. Raises AnnotationError."""
    rest, at, interface = item.partition("@")
    namespace, slash, name = rest.rpartition("/")
    namespace, name, interface = namespace.strip(), name.strip(), interface.strip()
    where = f"`{shown(item)}`"
    if not names.is_object_name(name):
        raise AnnotationError(f"{where} is not a network: write [namespace/]name[@interface]")
    if slash and not names.is_label(namespace):
        raise AnnotationError(f"{where}: {shown(namespace)!r} is not a valid namespace name")
    if at:
        _check_interface(interface, where)
    return NetworkSelection(namespace or pod_namespace, name, interface)


def element_errors(body: Any, index: int, pod_namespace: str) -> list[AnnotationError]:
    """All errors in one element of the JSON form, each with its field."""
    try:
        return list(_Element(body, f"element {index}", pod_namespace).errors())
    except AnnotationError as error:
        return [error]


def _parse_json(text: str, pod_namespace: str) -> tuple[NetworkSelection, ...]:
    try:
        elements = json_document.shallow_value(text)
    except json_document.JsonTextError as error:
        line, column = json_document.position(text, error.offset)
        raise AnnotationError(f"line {line}, column {column}: {error.problem}; {error.fix}") from error
    if not isinstance(elements, list):
        raise AnnotationError("the JSON form must be a list of objects: [{ … }]")
    return tuple(
        _Element(element, f"element {index}", pod_namespace).read() for index, element in enumerate(elements)
    )


class _Element:
    """One object of the JSON form. Keys are case-insensitive, as in Go; unknown ones are ignored."""

    def __init__(self, body: Any, where: str, pod_namespace: str) -> None:
        if not isinstance(body, dict):
            raise AnnotationError(f"{where} is not an object: {shown(json.dumps(body))}")
        self.body = {key.casefold(): value for key, value in body.items() if value is not None}
        self.where = where
        self.pod_namespace = pod_namespace

    def read(self) -> NetworkSelection:
        return NetworkSelection(
            name=self._name(),
            namespace=self._namespace(),
            interface=self._interface(),
            ips=self._ips(),
            mac=self._mac(),
            infiniband_guid=self._infiniband_guid(),
            port_mappings=self._port_mappings(),
            bandwidth=self._bandwidth(),
            cni_args=self._cni_args(),
            default_route=self._default_route(),
            device_id=self._device_id(),
            ipam_claim_reference=self._ipam_claim_reference(),
        )

    def errors(self) -> Iterator[AnnotationError]:
        """The error of each field that has one."""
        for read in (
            self._name,
            self._namespace,
            self._interface,
            self._ips,
            self._mac,
            self._infiniband_guid,
            self._port_mappings,
            self._bandwidth,
            self._cni_args,
            self._default_route,
            self._device_id,
            self._ipam_claim_reference,
        ):
            try:
                read()
            except AnnotationError as error:
                yield error

    def _name(self) -> str:
        name = self._text("name")
        if not names.is_object_name(name):
            raise self._error("name", f"{shown(name)!r} is not a valid network name")
        return name

    def _mac(self) -> str:
        form = "6 bytes, for example 02:00:00:00:00:01"
        return self._hardware_address("mac", addresses.is_ethernet_mac, form)

    def _infiniband_guid(self) -> str:
        return self._hardware_address("infiniband-guid", addresses.is_infiniband_guid, "8 bytes")

    def _cni_args(self) -> Mapping[str, Any]:
        args: Mapping[str, Any] = self._typed("cni-args", dict, {})
        return args

    def _device_id(self) -> str:
        return self._text("deviceID")

    def _ipam_claim_reference(self) -> str:
        return self._text("ipam-claim-reference")

    def _namespace(self) -> str:
        namespace = self._text("namespace") or self.pod_namespace
        if not names.is_label(namespace):
            raise self._error("namespace", f"{shown(namespace)!r} is not a valid namespace name")
        return namespace

    def _interface(self) -> str:
        interface = self._text("interface") or self._text("interfaceRequest")
        if interface:
            _check_interface(interface, self.where, "interface")
        return interface

    def _ips(self) -> tuple[str, ...]:
        ips = self._texts("ips")
        for ip in ips:
            if addresses.parse_ip(ip) is None and addresses.parse_cidr(ip) is None:
                raise self._error(
                    "ips", f"{shown(ip)!r} is not a valid IP address; write 10.0.0.5 or 10.0.0.5/24"
                )
        return ips

    def _default_route(self) -> tuple[str, ...] | None:
        """None where the key is absent; an empty list means the default route that the network's plugin sets.

        Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.9.
        """
        if "default-route" not in self.body:
            return None
        gateways = self._texts("default-route", may_be_empty=True)
        for gateway in gateways:
            if addresses.parse_ip(gateway) is None:
                raise self._error("default-route", f"{shown(gateway)!r} is not a valid IP address")
        return gateways

    def _port_mappings(self) -> tuple[Mapping[str, Any], ...]:
        mappings = self._typed("portMappings", list, [])
        if "portmappings" in self.body and not mappings:
            raise self._error("portMappings", "is empty; remove the key or write at least one mapping")
        return tuple(self._port_mapping(mapping) for mapping in mappings)

    def _port_mapping(self, mapping: Any) -> Mapping[str, Any]:
        if not isinstance(mapping, dict):
            raise self._error("portMappings", "contains a value that is not an object")
        for key in ("hostPort", "containerPort"):
            if not _is_integer(mapping.get(key)) or not 1 <= mapping[key] <= 65535:
                raise self._error("portMappings", f"requires {key}, an integer from 1 to 65535")
        protocol = str(mapping.get("protocol") or "tcp").lower()
        if protocol not in {"tcp", "udp", "sctp"}:
            raise self._error("portMappings", f"protocol {shown(protocol)!r} is not one of tcp, udp, sctp")
        return {**mapping, "protocol": protocol}

    def _bandwidth(self) -> Mapping[str, int]:
        body = self._typed("bandwidth", dict, {})
        keys = ("ingressRate", "ingressBurst", "egressRate", "egressBurst")
        limits = {key: body[key] for key in keys if body.get(key) is not None}
        if "bandwidth" in self.body and not limits:
            raise self._error("bandwidth", f"contains none of {', '.join(keys)}")
        for key, value in limits.items():
            if not _is_integer(value) or value <= 0:
                raise self._error("bandwidth", f"{key} must be a positive integer, in bits")
        for direction in ("ingress", "egress"):
            if f"{direction}Burst" in limits and f"{direction}Rate" not in limits:
                raise self._error("bandwidth", f"{direction}Burst requires {direction}Rate")
            if f"{direction}Rate" in limits:
                limits.setdefault(f"{direction}Burst", DEFAULT_BURST)
        return limits

    def _hardware_address(self, key: str, accepts: Any, form: str) -> str:
        text = self._text(key)
        if text and not accepts(text):
            raise self._error(key, f"{shown(text)!r} is not {form}")
        return text

    def _text(self, key: str) -> str:
        return str(self._typed(key, str, ""))

    def _texts(self, key: str, *, may_be_empty: bool = False) -> tuple[str, ...]:
        values = self._typed(key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise self._error(key, "must be a list of strings")
        if key in self.body and not values and not may_be_empty:
            raise self._error(key, "is empty; remove the key or write at least one value")
        return tuple(values)

    def _typed(self, key: str, kind: type, absent: Any) -> Any:
        value = self.body.get(key.casefold(), absent)
        if not isinstance(value, kind):
            raise self._error(key, f"must be {_TYPE_NAMES[kind]}, not {shown(json.dumps(value))}")
        return value

    def _error(self, key: str, problem: str) -> AnnotationError:
        return AnnotationError(f"{self.where}: `{key}` {problem}", field=key)


FIELDS = (
    "name",
    "namespace",
    "interface",
    "ips",
    "mac",
    "infiniband-guid",
    "portMappings",
    "bandwidth",
    "cni-args",
    "default-route",
    "deviceID",
    "ipam-claim-reference",
)
"""The fields of an element, as authors write them."""

_TYPE_NAMES: dict[type, str] = {str: "a string in double quotes", list: "a list", dict: "an object"}


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_interface(interface: str, where: str, field: str = "") -> None:
    problem = names.interface_problem(interface)
    if problem:
        raise AnnotationError(f"{where}: {problem}", field=field)
