"""Checks that several plugins share: interface names, MTU, MAC address, IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from netattach_core.net import addresses, names
from netattach_core.plugins.ipam import ip_families
from netattach_core.plugins.plugin import Context
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

DENY, WARN = Severity.DENY, Severity.WARN

INTERFACE_NAME = Rule("interface-name", DENY, "a name that the kernel refuses for an interface")
LOOPBACK = Rule("loopback", DENY, "the loopback interface used as a master or device")
MTU = Rule("mtu", DENY, "an MTU that the kernel refuses")
MAC = Rule("mac", DENY, "a MAC address that cannot be set")
KEYS_EXCLUDE = Rule("keys-exclude-each-other", DENY, "two keys that the plugin refuses together")
KEY_NEEDED = Rule("key-needed", DENY, "a missing key that the plugin requires")
KEY_VALUE = Rule("key-value", DENY, "a value that the plugin does not support")
NO_EFFECT = Rule("no-effect", WARN, "a key that has no effect here")
ONE_POD_PER_NODE = Rule("one-pod-per-node", WARN, "a setting that only one pod per node can use")
ADDRESS_ODD = Rule("address-odd", WARN, "an address that is not valid for a host")

RULES = (
    INTERFACE_NAME,
    MTU,
    MAC,
    KEYS_EXCLUDE,
    KEY_NEEDED,
    KEY_VALUE,
    LOOPBACK,
    NO_EFFECT,
    ONE_POD_PER_NODE,
    ADDRESS_ODD,
)

_BARE_MAC = re.compile(r"[0-9a-f]{12}", re.IGNORECASE)
_PCI = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.IGNORECASE)
_IPV6_MTU = 1280

_DROPS_DNS = {"macvlan", "ipvlan", "vlan", "host-device", "tap", "bond"}
"""Main plugins that replace the `dns` of their IPAM result by the `dns` of their own config, even where it is empty."""


def interface_name(config: ConfigView, key: str) -> Iterator[Finding]:
    """The name of an interface that the plugin creates or looks up."""
    name = config.text(key)
    problem = names.interface_problem(name) if name is not None else None
    if problem:
        fix = f"write a name of 1 to {names.MAX_INTERFACE_BYTES} bytes, without spaces, '/', ':' and '%'"
        yield config.found(INTERFACE_NAME, f"{problem}; the kernel refuses it", fix, key)


def link_name(config: ConfigView, key: str) -> Iterator[Finding]:
    """The name of an interface of the node. The kernel refuses the loopback ("invalid argument").

    The length is not checked: an alternative name may be longer than 15 bytes.
    """
    name = config.text(key) or ""
    if "/" in name or any(char.isspace() for char in name):
        problem = f"`{key}` {names.shown(name)!r} is not a valid interface name: it contains a space or '/'"
        yield config.found(
            INTERFACE_NAME, problem, "write the name that `ip link` shows, for example eth1", key
        )
    if name == "lo" and not config.flag("linkInContainer"):
        yield config.found(
            LOOPBACK,
            f"`{key}` is the loopback interface, which is connected to no network",
            "write the name of a NIC of the node, for example eth1",
            key,
        )


def mtu(config: ConfigView, *, negative: str = "the plugin ignores it") -> Iterator[Finding]:
    """The kernel refuses 1 to 67 and more than 65535 (`ETH_MIN_MTU`, `ETH_MAX_MTU`); 0 means the default.

    `negative` says what the plugin does with a negative value.
    """
    value = config.integer("mtu")
    if value is None or value == 0 or 68 <= value <= 65535:
        return
    if value < 0:
        ignored = negative == "the plugin ignores it"
        yield config.found(
            NO_EFFECT if ignored else MTU,
            f"`mtu` is {value}: {negative}",
            "remove it, or write a value from 68 to 65535",
            "mtu",
        )
    else:
        yield config.found(
            MTU,
            f"`mtu` is {value}: the kernel refuses it",
            "write a value from 68 to 65535, or remove it",
            "mtu",
        )


def mtu_for_ipv6(config: ConfigView, *, least: int = 68) -> Iterator[Finding]:
    """Below an MTU of 1280 the kernel disables IPv6 on the interface, so that the plugin cannot set an IPv6 address.

    `least` is the smallest MTU that the kernel accepts for this kind of interface; `mtu` reports smaller ones.
    """
    value, ipam = config.integer("mtu"), config.object("ipam")
    if value is not None and least <= value < _IPV6_MTU and ipam and 6 in ip_families(ipam):
        problem = (
            f"`mtu` is {value}, but IPv6 requires at least {_IPV6_MTU}: the pod's IPv6 address cannot be set"
        )
        yield config.found(MTU, problem, f"write {_IPV6_MTU} or more, or remove it", "mtu")


def is_mac(text: str) -> bool:
    """Whether Go's ParseMAC reads six bytes, in any release or only in newer ones."""
    return addresses.is_ethernet_mac(text) or _BARE_MAC.fullmatch(text) is not None


def mac(config: ConfigView, key: str) -> Iterator[Finding]:
    """A unicast Ethernet address. Only newer releases of Go parse twelve digits without separators; those pass."""
    text = config.text(key)
    if not text or _BARE_MAC.fullmatch(text):
        return
    if not addresses.is_ethernet_mac(text):
        yield config.found(
            MAC,
            f"`{key}` {text!r} is not a valid MAC address",
            "write six bytes, for example 02:00:5e:10:00:01",
            key,
        )
        return
    digits = re.sub(r"[:.-]", "", text)
    if int(digits[:2], 16) & 1 or not int(digits, 16):
        problem = (
            f"`{key}` {text} is a multicast address or all zeros: the kernel cannot assign it to an interface"
        )
        yield config.found(MAC, problem, "write a unicast address, for example 02:00:5e:10:00:01", key)


def own_table(config: ConfigView) -> Iterator[Finding]:
    """The kernel's own routing tables 253 to 255; 0 and negative numbers also mean the main one."""
    table = config.integer("table")
    if table is not None and (table <= 0 or 253 <= table <= 255):
        problem = (
            f"`table` {table} is one of the kernel's own routing tables: the routes of the whole pod change"
        )
        fix = "write a number from 1 to 252, for example 100"
        yield config.found(KEY_VALUE, problem, fix, "table", severity=WARN)


def is_pci_address(text: str) -> bool:
    """Whether sysfs can have a PCI device of this name: domain, bus, device and function."""
    return _PCI.fullmatch(text) is not None


def pci_address(config: ConfigView, context: Context, plugin: str) -> Iterator[Finding]:
    """The virtual function in `deviceID`, a folder of `/sys/bus/pci/devices`, unless a device plugin replaces it."""
    text = config.text("deviceID") or ""
    if not text or is_pci_address(text) or context.has_resource or "deviceID" in context.capabilities:
        return
    short = re.fullmatch(r"(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}", text, re.IGNORECASE)
    why = "; the function is missing" if short else ""
    problem = (
        f"`deviceID` {names.shown(text)!r} is not a PCI address{why}: {plugin} finds no such device and fails"
    )
    fix = "write domain, bus, device and function of the virtual function: 0000:af:06.1"
    yield config.found(KEY_VALUE, problem, fix, "deviceID")


def untagged_address(item: ConfigView, rule: Rule, plugin: str) -> Finding:
    """`Address` in an entry of `addresses`: a field of Go without a tag, whose type is no string (`main.go: Address`)."""
    problem = (
        f"`Address` is another field of {plugin} than `address`, and no string: it cannot parse the config"
    )
    return item.found(rule, problem, "write `address`", "Address")


def exclude_each_other(config: ConfigView, one: str, other: str, why: str) -> Iterator[Finding]:
    """Two booleans that must not both be true."""
    if config.flag(one) and config.flag(other):
        yield config.found(
            KEYS_EXCLUDE, f"`{one}` and `{other}` are both true: {why}", "keep one of the two", other
        )


def dropped_dns(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """`dns` in an `ipam` section whose main plugin drops the DNS settings of the IPAM result (`macvlan.go: cmdAdd`)."""
    if ipam.has("dns") and context.first_type in _DROPS_DNS:
        problem = f"{context.first_type} ignores `ipam.dns`; it returns only its own `dns`"
        yield ipam.found(
            NO_EFFECT, problem, f"move `dns` out of `ipam`, next to {context.first_type}'s `type`", "dns"
        )


def odd_address(view: ConfigView, key: str, address: addresses.IpInterface) -> Iterator[Finding]:
    """The kernel refuses such an IPv6 address; it accepts an IPv4 one, which no neighbour answers."""
    ip, what = address.ip, _reserved_kind(address)
    if what:
        refused = ip.version == 6
        outcome = "the kernel refuses it" if refused else "other hosts do not answer it"
        problem = f"`{key}` {ip} is {what}: {outcome}"
        yield view.found(
            ADDRESS_ODD,
            problem,
            "write the address of a host in the subnet",
            key,
            severity=DENY if refused else WARN,
        )


def _reserved_kind(address: addresses.IpInterface) -> str:
    ip, network = address.ip, address.network
    if ip.is_unspecified or ip.is_multicast or ip.is_loopback:
        return "not a host address"
    if isinstance(ip, ipaddress.IPv4Address) and network.prefixlen < 31:
        if ip == network.network_address:
            return f"the network address of {network}"
        if ip == network.broadcast_address:
            return f"the broadcast address of {network}"
    return ""
