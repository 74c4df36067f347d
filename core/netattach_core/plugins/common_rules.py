"""Checks that several plugins share: interface names, MTU, MAC, addresses. Numbers are those of plugin-schemas."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from netattach_core.net import addresses, names
from netattach_core.plugins import ipam as addressing
from netattach_core.plugins.plugin import Context
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

DENY, WARN = Severity.DENY, Severity.WARN

INTERFACE_NAME = Rule("interface-name", DENY, "a name that the kernel does not take for an interface")
LOOPBACK = Rule("loopback", DENY, "the loopback interface where a real one is needed")
MTU = Rule("mtu", DENY, "an MTU that the kernel refuses")
MAC = Rule("mac", DENY, "a MAC address that cannot be set")
KEYS_EXCLUDE = Rule("keys-exclude-each-other", DENY, "two keys that the plugin does not take together")
KEY_NEEDED = Rule("key-needed", DENY, "a key without which the plugin fails")
KEY_VALUE = Rule("key-value", DENY, "a value that the plugin does not know")
NO_EFFECT = Rule("no-effect", WARN, "a key that has no effect in this place")
ONE_USER = Rule("one-pod-per-node", WARN, "something that only one pod of a node can have")
ADDRESS_ODD = Rule("address-odd", WARN, "an address that no host should have")

RULES = (
    INTERFACE_NAME,
    MTU,
    MAC,
    KEYS_EXCLUDE,
    KEY_NEEDED,
    KEY_VALUE,
    LOOPBACK,
    NO_EFFECT,
    ONE_USER,
    ADDRESS_ODD,
)

_BARE_MAC = re.compile(r"[0-9a-f]{12}", re.IGNORECASE)
_IPV6_MTU = 1280

_DROPS_DNS = {"macvlan", "ipvlan", "vlan", "host-device", "tap", "bond"}
"""Main plugins that put their own `dns` in the place of their IPAM's, whether they have one or not."""


def interface_name(conf: View, key: str) -> Iterator[Finding]:
    """An interface that the plugin makes or looks up by a name of the author's (BR1, VR2)."""
    name = conf.text(key)
    problem = names.interface_problem(name) if name is not None else None
    if problem:
        fix = f"write a name of 1 to {names.MAX_INTERFACE_BYTES} bytes, without blanks, '/', ':' and '%'"
        yield conf.found(INTERFACE_NAME, f"{problem}, and the kernel refuses it", fix, key)


def link_name(conf: View, key: str) -> Iterator[Finding]:
    """MV4, HD6: of the loopback the kernel says "invalid argument". Other names of links may be longer, but nobody gives such."""
    name = conf.text(key) or ""
    if "/" in name or any(char.isspace() for char in name):
        problem = f"`{key}` {names.shown(name)!r} is no name of an interface: it has a blank or '/' in it"
        yield conf.found(INTERFACE_NAME, problem, "write the name alone, as `ip link` shows it: eth1", key)
    if name == "lo" and not conf.flag("linkInContainer"):
        yield conf.found(
            LOOPBACK,
            f"`{key}` is the loopback interface, which carries no network",
            "name a network card",
            key,
        )


def mtu(conf: View, *, negative: str = "the plugin ignores it") -> Iterator[Finding]:
    """G30: 1..67 and above 65535 fail; 0 is the default. `negative` says what the plugin does below 0."""
    value = conf.whole("mtu")
    if value is None or value == 0 or 68 <= value <= 65535:
        return
    if value < 0:
        ignored = negative == "the plugin ignores it"
        yield conf.found(
            NO_EFFECT if ignored else MTU,
            f"`mtu` is {value}: {negative}",
            "leave it out, or write 68 to 65535",
            "mtu",
        )
    else:
        yield conf.found(
            MTU, f"`mtu` is {value}: the kernel refuses it", "write 68 to 65535, or leave it out", "mtu"
        )


def mtu_for_ipv6(conf: View, *, least: int = 68) -> Iterator[Finding]:
    """G31: on a smaller link the kernel has no IPv6, and the plugin does not find its settings.

    Below `least` the kernel refuses the link itself.
    """
    value, ipam = conf.whole("mtu"), conf.inner("ipam")
    if value is not None and least <= value < _IPV6_MTU and ipam and 6 in addressing.versions(ipam):
        problem = f"`mtu` is {value}, and IPv6 needs {_IPV6_MTU}: the pod's IPv6 address cannot be set"
        yield conf.found(MTU, problem, f"write {_IPV6_MTU} or more, or leave it out", "mtu")


def is_mac(text: str) -> bool:
    """Whether Go reads six bytes from it, new Go or any."""
    return addresses.is_ethernet_mac(text) or _BARE_MAC.fullmatch(text) is not None


def mac(conf: View, key: str) -> Iterator[Finding]:
    """G27. Twelve digits without separators are read by new Go only, so they are left to the plugin."""
    text = conf.text(key)
    if not text or _BARE_MAC.fullmatch(text):
        return
    if not addresses.is_ethernet_mac(text):
        yield conf.found(
            MAC, f"`{key}` {text!r} is no Ethernet address", "write six bytes: 02:00:5e:10:00:01", key
        )
        return
    digits = re.sub(r"[:.-]", "", text)
    if int(digits[:2], 16) & 1 or not int(digits, 16):
        problem = (
            f"`{key}` {text} is a group address or all zeros: the kernel cannot assign it to an interface"
        )
        yield conf.found(MAC, problem, "write a unicast address: 02:00:5e:10:00:01", key)


def own_table(conf: View) -> Iterator[Finding]:
    """SB3, VR7: the kernel's own tables, to which 0 and the numbers below lead as well."""
    table = conf.whole("table")
    if table is not None and (table <= 0 or 253 <= table <= 255):
        problem = f"`table` {table} is one of the kernel's own: routes of the whole pod are changed"
        fix = "write a number of your own, such as 100"
        yield conf.found(KEY_VALUE, problem, fix, "table", severity=WARN)


def not_both(conf: View, one: str, other: str, why: str) -> Iterator[Finding]:
    """Two flags that must not both be true."""
    if conf.flag(one) and conf.flag(other):
        yield conf.found(
            KEYS_EXCLUDE, f"`{one}` and `{other}` are both true: {why}", "keep one of the two", other
        )


def dropped_dns(ipam: View, context: Context) -> Iterator[Finding]:
    """G35."""
    if ipam.given("dns") and context.main in _DROPS_DNS:
        problem = f"{context.main} does not hand on the `dns` of its IPAM, only its own"
        yield ipam.found(
            NO_EFFECT, problem, f"move `dns` out of `ipam`, beside {context.main}'s `type`", "dns"
        )


def odd_address(view: View, key: str, address: addresses.IpInterface) -> Iterator[Finding]:
    """G32: for IPv6 the kernel refuses it, for IPv4 it takes it and no neighbour answers."""
    ip, what = address.ip, _oddity(address)
    if what:
        refused = ip.version == 6
        outcome = "the kernel refuses it" if refused else "neighbours will not answer to it"
        problem = f"`{key}` {ip} is {what}: {outcome}"
        yield view.found(
            ADDRESS_ODD, problem, "give the pod an address of a host", key, severity=DENY if refused else WARN
        )


def _oddity(address: addresses.IpInterface) -> str:
    ip, network = address.ip, address.network
    if ip.is_unspecified or ip.is_multicast or ip.is_loopback:
        return "no address of a host"
    if isinstance(ip, ipaddress.IPv4Address) and network.prefixlen < 31:
        if ip == network.network_address:
            return f"the address of the network {network} itself"
        if ip == network.broadcast_address:
            return f"the broadcast address of {network}"
    return ""
