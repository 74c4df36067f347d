"""tap: a tap device for a virtual machine (`tap.go: NetConf, createLink`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding

_LARGEST_MTU = 65521
"""The kernel reserves 14 bytes for the Ethernet header of a tap (Linux `drivers/net/tun.c: MAX_MTU`)."""

_IP_TOOL_MAC = re.compile(r"[0-9a-f][^:]*(:[0-9a-f][^:]*){5}", re.IGNORECASE)
"""A MAC address as the program `ip` parses it, which ignores what follows the first digit of a byte."""

_INVALID_ID = 2**32 - 1
"""No valid user or group ID (Linux `uid_valid`)."""


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of tap.

    With both `owner` and `group` the plugin creates the link by netlink, and sets neither MAC address nor MTU
    (`tap.go: createLinkWithNetlink`); else it runs `ip` (`createTapWithIptool`).
    """
    if config.has("owner") and config.has("group") and not config.text("selinuxContext"):
        yield from _created_by_netlink(config)
        return
    yield from _mtu(config)
    yield from _mac(config)


def _created_by_netlink(config: ConfigView) -> Iterator[Finding]:
    text = config.text("mac")
    if text and not (common_rules.is_mac(text) or len(text) in {23, 59}):
        yield config.found(
            common_rules.MAC,
            f"`mac` {text!r} is not a valid MAC address",
            "write six bytes, for example 02:00:5e:10:00:01",
            "mac",
        )
    for key in ("owner", "group"):
        if config.integer(key) == _INVALID_ID:
            problem = f"`{key}` is {_INVALID_ID}, which is not a valid ID; the kernel refuses it"
            yield config.found(common_rules.KEY_VALUE, problem, "write a smaller number", key)
    for key in ("mac", "mtu"):
        if config.value(key):
            problem = f"`{key}` has no effect if both `owner` and `group` are set"
            yield config.found(common_rules.NO_EFFECT, problem, f"remove `{key}`, `owner` or `group`", key)


def _mtu(config: ConfigView) -> Iterator[Finding]:
    yield from common_rules.mtu(config, negative="the kernel refuses it")
    yield from common_rules.mtu_for_ipv6(config)
    value = config.integer("mtu")
    if value is not None and _LARGEST_MTU < value <= 65535:
        problem = f"`mtu` is {value}: the kernel supports at most {_LARGEST_MTU} for a tap device"
        yield config.found(common_rules.MTU, problem, f"write {_LARGEST_MTU} or less", "mtu")


def _mac(config: ConfigView) -> Iterator[Finding]:
    """The plugin passes it to the program `ip`, which requires colons and accepts bytes of one digit."""
    text = config.text("mac")
    if text and not _IP_TOOL_MAC.fullmatch(text):
        problem = f"`mac` {text!r} is not a MAC address with colons, as the program `ip` requires it"
        yield config.found(common_rules.MAC, problem, "write six bytes, for example 02:00:5e:10:00:01", "mac")
    elif text and common_rules.is_mac(text):
        yield from common_rules.mac(config, "mac")


PLUGIN = Plugin(
    type="tap",
    source="plugins/main/tap/tap.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac"}),
    schema=schema_types.object_of(
        multiQueue=schema_types.BOOLEAN,
        mtu=schema_types.INTEGER,
        mac=schema_types.STRING,
        owner=schema_types.UINT32,
        group=schema_types.UINT32,
        selinuxContext=schema_types.STRING,
        bridge=schema_types.STRING,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
)
