"""tap: a tap device for a virtual machine (tap.go: NetConf, createLink)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding

_LARGEST_MTU = 65521
"""Of a tap: the kernel keeps 14 bytes for the Ethernet header (drivers/net/tun.c: MAX_MTU)."""

_IP_TOOL_MAC = re.compile(
    r"[0-9a-f][^:]*(:[0-9a-f][^:]*){5}", re.IGNORECASE
)  # what follows a digit is passed over

_NOBODY = 2**32 - 1
"""No number of a user or group."""


def check(conf: View, context: Context) -> Iterator[Finding]:
    """TP2 to TP4. With both `owner` and `group` the plugin makes the link by itself, and sets neither MAC nor MTU in fact."""
    if conf.given("owner") and conf.given("group") and not conf.text("selinuxContext"):
        yield from _not_set(conf)
        return
    yield from _mtu(conf)
    yield from _mac(conf)


def _not_set(conf: View) -> Iterator[Finding]:
    text = conf.text("mac")
    if text and not (common_rules.is_mac(text) or len(text) in {23, 59}):
        yield conf.found(
            common_rules.MAC, f"`mac` {text!r} is no MAC address", "write six bytes: 02:00:5e:10:00:01", "mac"
        )
    for key in ("owner", "group"):
        if conf.whole(key) == _NOBODY:
            problem = f"`{key}` is {_NOBODY}, which the kernel takes for nobody and refuses"
            yield conf.found(common_rules.KEY_VALUE, problem, "write a number below it", key)
    for key in ("mac", "mtu"):
        if conf.value(key):
            problem = f"`{key}` is not set where both `owner` and `group` are there"
            yield conf.found(common_rules.NO_EFFECT, problem, f"remove `{key}`, or one of the other two", key)


def _mtu(conf: View) -> Iterator[Finding]:
    yield from common_rules.mtu(conf, negative="the kernel refuses it")
    yield from common_rules.mtu_for_ipv6(conf)
    value = conf.whole("mtu")
    if value is not None and _LARGEST_MTU < value <= 65535:
        problem = f"`mtu` is {value}: the kernel gives a tap {_LARGEST_MTU} at most"
        yield conf.found(common_rules.MTU, problem, f"write {_LARGEST_MTU} or less", "mtu")


def _mac(conf: View) -> Iterator[Finding]:
    """The plugin hands it to the program `ip`, which reads colons alone, and bytes of one digit."""
    text = conf.text("mac")
    if text and not _IP_TOOL_MAC.fullmatch(text):
        problem = f"`mac` {text!r} is no Ethernet address with colons, which is what `ip` reads"
        yield conf.found(common_rules.MAC, problem, "write six bytes: 02:00:5e:10:00:01", "mac")
    elif text and common_rules.is_mac(text):
        yield from common_rules.mac(conf, "mac")


PLUGIN = Plugin(
    type="tap",
    source="plugins/main/tap/tap.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac"}),
    schema=schema_types.record(
        multiQueue=schema_types.FLAG,
        mtu=schema_types.WHOLE,
        mac=schema_types.TEXT,
        owner=schema_types.UINT32,
        group=schema_types.UINT32,
        selinuxContext=schema_types.TEXT,
        bridge=schema_types.TEXT,
    ),
    check=check,
    ipam=Ipam.OPTIONAL,
)
