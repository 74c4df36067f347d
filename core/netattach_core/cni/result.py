"""The result of a plugin on ADD, in every version of the CNI specification.

There are three formats, as in CNI `pkg/types/{020,040,100}`: 0.1.0 and 0.2.0 with `ip4` and `ip6`; 0.3.0 to 0.4.0 with a
`version` for each address; 1.0.0 and 1.1.0 without it. All are parsed into one Result and written from it, converted as libcni
does.
"""

from __future__ import annotations

import dataclasses
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.cni import versions
from netattach_core.errors import DecodeError, VersionError
from netattach_core.net import addresses
from netattach_core.text import json_document

_ROUTE_NUMBERS = ("mtu", "advmss", "priority", "table", "scope")
_DNS_LISTS = ("nameservers", "search", "options")
_MOST_REMEMBERED = 128
_LONGEST_REMEMBERED = 2048
"""Characters; a plugin's usual result has 300."""

_TYPE_NAMES: dict[type, str] = {str: "a string", int: "an integer", list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface that the plugin created; `sandbox` is empty for one on the node."""

    name: str
    mac: str = ""
    mtu: int = 0
    sandbox: str = ""
    socket_path: str = ""
    pci_id: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """`address` is a CIDR; `interface` is an index into the interfaces, None where the result has none.

    `family` is the `version` of the result, "4" or "6", or "" without one; the conversion to 0.2.0 relies on it, as libcni's does
    (`pkg/types/040/types.go: convertTo02x`).
    """

    address: str
    gateway: str = ""
    interface: int | None = None
    family: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """`dst` is a CIDR, "" where the result has none; `numbers` has mtu, advmss, priority, table and scope where present."""

    dst: str
    gw: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_default(self) -> bool:
        """Whether it is a default route; 0.0.0.0/1 is not."""
        return self.dst in {"", "0.0.0.0/0", "::/0"}


@dataclass(frozen=True, slots=True)
class Result:
    """A result of any CNI version."""

    cni_version: str
    interfaces: tuple[Interface, ...] = ()
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Mapping[str, Any] = field(default_factory=dict)


def parse(text: str, assumed_version: str) -> Result:
    """Parses a result; without cniVersion it has that of the config, as in libcni. Raises DecodeError, VersionError.

    The last results are remembered: one ADD asks for its own several times.
    """
    known = _remembered.get((text, assumed_version))
    if known is None:
        known = _parse(text, assumed_version)
        _remember(text, assumed_version, known)
    return known


def _parse(text: str, assumed_version: str) -> Result:
    try:
        body = json_document.value(text)
    except json_document.JsonTextError as error:
        raise DecodeError(f"not JSON: {error.problem}") from error
    if body is None:
        return Result(assumed_version)  # plugins may print null; libcni accepts it
    if not isinstance(body, dict):
        raise DecodeError("the result is not a JSON object")
    return _read(_Object(body), assumed_version)


_remembered: OrderedDict[tuple[str, str], Result] = OrderedDict()
"""By text and assumed version, at 5 KB each; a result's mappings are read only."""


def _remember(text: str, assumed_version: str, result: Result) -> None:
    if len(text) <= _LONGEST_REMEMBERED:
        _remembered[text, assumed_version] = result
    if len(_remembered) > _MOST_REMEMBERED:
        _remembered.popitem(last=False)


def dump(result: Result, version: str) -> str:
    """The result as JSON text of a version. Raises VersionError if that version cannot represent it."""
    body = _body_020(result) if not versions.at_least(version, "0.3.0") else _body_040_or_100(result, version)
    return json.dumps({"cniVersion": version, **body}, separators=(",", ":"))


def dump_own(result: Result, version: str) -> str:
    """That of a result of our own, whose addresses are written as `parse` returns them: it need not be parsed again."""
    text = dump(result, version)
    if versions.at_least(version, "1.0.0"):
        _remember(text, version, dataclasses.replace(result, cni_version=version))
    return text


class _Object:
    """A JSON object read as Go does: keys are case-insensitive, the last one of equal keys counts."""

    def __init__(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise DecodeError(f"expected an object, not {json.dumps(body)}")
        self.body = {key.casefold(): value for key, value in body.items()}

    def text(self, key: str) -> str:
        return str(self._typed(key, str, ""))

    def number(self, key: str) -> int | None:
        value = self._typed(key, int, None)
        if isinstance(value, bool):
            raise DecodeError(f"{key} must be a number")
        return value if value is None else int(value)

    def objects(self, key: str) -> list[_Object]:
        """The objects of a list, without nulls, which crash runtimes (Multus issue #1497)."""
        return [_Object(item) for item in self._typed(key, list, []) if item is not None]

    def object(self, key: str) -> _Object | None:
        value = self._typed(key, dict, None)
        return None if value is None else _Object(value)

    def texts(self, key: str) -> list[str]:
        return [str(item) for item in self._typed(key, list, [])]

    def _typed(self, key: str, kind: type, absent: Any) -> Any:
        value = self.body.get(key.casefold())
        if value is None:
            return absent
        if not isinstance(value, kind):
            raise DecodeError(f"{key} must be {_TYPE_NAMES[kind]}, not {json.dumps(value)}")
        return value


def _read(body: _Object, assumed_version: str) -> Result:
    version = body.text("cniVersion") or assumed_version or versions.SUPPORTED[0]
    if version not in versions.SUPPORTED:
        raise VersionError(f"unsupported CNI result version {version!r}")
    if not versions.at_least(version, "0.3.0"):
        families = [(family, ip) for family in ("4", "6") if (ip := body.object(f"ip{family}")) is not None]
        found = [_address_020(family, ip) for family, ip in families]
        routes = [_route(route) for _, ip in families for route in ip.objects("routes")]
        return Result(version, (), tuple(found), tuple(routes), _dns(body))
    interfaces = tuple(_interface(item) for item in body.objects("interfaces"))
    found = [_address(item, len(interfaces)) for item in body.objects("ips")]
    return Result(
        version, interfaces, tuple(found), tuple(_route(r) for r in body.objects("routes")), _dns(body)
    )


def _interface(item: _Object) -> Interface:
    return Interface(
        name=item.text("name"),
        mac=item.text("mac"),
        mtu=item.number("mtu") or 0,
        sandbox=item.text("sandbox"),
        socket_path=item.text("socketPath"),
        pci_id=item.text("pciID"),
    )


def _address(item: _Object, interfaces: int) -> Address:
    index = item.number("interface")
    if index is not None and not 0 <= index < interfaces:
        index = None  # runtimes do not check the index
    return Address(_cidr(item.text("address")), _ip(item.text("gateway")), index, item.text("version"))


def _address_020(family: str, item: _Object) -> Address:
    return Address(_cidr(item.text("ip")), _ip(item.text("gateway")), None, family)


def _route(item: _Object) -> Route:
    dst = item.text("dst")
    numbers = {key: value for key in _ROUTE_NUMBERS if (value := item.number(key)) is not None}
    return Route(_cidr(dst) if dst not in {"", "<nil>"} else "", _ip(item.text("gw")), numbers)


def _dns(body: _Object) -> Mapping[str, Any]:
    dns = body.object("dns")
    if dns is None:
        return {}
    values: dict[str, Any] = {key: dns.texts(key) for key in _DNS_LISTS} | {"domain": dns.text("domain")}
    return {key: values[key] for key in ("nameservers", "domain", "search", "options") if values[key]}


def _cidr(text: str) -> str:
    parsed = addresses.parse_cidr(text)
    if parsed is None:
        raise DecodeError(f"invalid CIDR address: {text}")
    return str(parsed)


def _ip(text: str) -> str:
    if not text:
        return ""
    parsed = addresses.parse_ip(text)
    if parsed is None:
        raise DecodeError(f"invalid IP address: {text}")
    return str(parsed)


def _body_020(result: Result) -> dict[str, Any]:
    needs_family = versions.at_least(result.cni_version, "1.0.0")
    body: dict[str, Any] = {}
    for address in result.addresses:
        family = _family(address.address) if needs_family else address.family
        if family in {"4", "6"} and f"ip{family}" not in body:
            body[f"ip{family}"] = _ip_020(address, [r for r in result.routes if _family(r.dst) == family])
    is_020 = not versions.at_least(result.cni_version, "0.3.0")
    if not body and not is_020:
        raise VersionError("cannot convert: no valid IP addresses")
    return {**body, "dns": dict(result.dns)}


def _ip_020(address: Address, routes: list[Route]) -> dict[str, Any]:
    plain = [_present({"dst": route.dst, "gw": route.gw}) for route in routes]
    return _present({"ip": address.address, "gateway": address.gateway, "routes": plain})


def _body_040_or_100(result: Result, version: str) -> dict[str, Any]:
    is_100 = versions.at_least(version, "1.0.0")
    body = {
        "interfaces": [_interface_body(interface, is_100=is_100) for interface in result.interfaces],
        "ips": [_address_body(address, is_100=is_100) for address in result.addresses],
        "routes": [
            _present({"dst": route.dst, "gw": route.gw}) | dict(route.numbers) for route in result.routes
        ],
        "dns": dict(result.dns),
    }
    kept = ("interfaces", "ips", "routes", "dns") if is_100 else ("interfaces", "ips", "routes")
    return {key: value for key, value in body.items() if value or key not in kept}


def _interface_body(interface: Interface, *, is_100: bool) -> dict[str, Any]:
    body = {"name": interface.name, "mac": interface.mac, "mtu": interface.mtu if is_100 else 0}
    body |= {"sandbox": interface.sandbox}
    if is_100:
        body |= {"socketPath": interface.socket_path, "pciID": interface.pci_id}
    return _present(body)


def _address_body(address: Address, *, is_100: bool) -> dict[str, Any]:
    body: dict[str, Any] = {} if is_100 else {"version": address.family or _family(address.address)}
    if address.interface is not None:
        body["interface"] = address.interface
    return body | _present({"address": address.address, "gateway": address.gateway})


def _family(cidr: str) -> str:
    return "" if not cidr else "6" if ":" in cidr else "4"


def _present(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value not in ("", 0, [])}


def sandbox_interfaces(result: Result) -> Iterable[tuple[int, Interface]]:
    """The interfaces in the pod, with their indices."""
    return ((index, interface) for index, interface in enumerate(result.interfaces) if interface.sandbox)
