"""dhcp: an address from a DHCP server of the network, through a daemon on the node (`dhcp/main.go`, `dhcp/options.go`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.net import names
from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Rule, Severity

DHCP_OPTION = Rule("dhcp-option", Severity.DENY, "a DHCP option that the dhcp plugin does not support")

_OPTIONS = (
    "dhcp-client-identifier",
    "subnet-mask",
    "routers",
    "host-name",
    "user-class",
    "vendor-class-identifier",
)


def check(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about an `ipam` section of dhcp (`options.go: parseOptionName`)."""
    for key in ("provide", "request"):
        for item in ipam.objects(key):
            yield from _option(item)
    for item in ipam.objects("provide"):
        if names.size(item.text("value") or "") > 255:
            problem = "`value` is longer than 255 bytes, the maximum of a DHCP option"
            yield item.found(common_rules.KEY_VALUE, problem, "shorten it", "value")


def _option(item: ConfigView) -> Iterator[Finding]:
    text = item.text("option")
    if text is None:
        if not item.has("option"):
            yield item.found(
                DHCP_OPTION,
                "the entry has no `option`; the dhcp plugin refuses it",
                "add the name of the option",
            )
        return
    if text in _OPTIONS or (text.isascii() and text.isdigit() and int(text) <= 255):
        return
    close = suggestions.closest(text, _OPTIONS)
    fix = f"did you mean `{close}`? " if close else ""
    problem = f"the dhcp plugin does not support the option {text!r}"
    yield item.found(
        DHCP_OPTION, problem, f"{fix}write one of {', '.join(_OPTIONS)}, or a number from 0 to 255", "option"
    )


PLUGIN = Plugin(
    type="dhcp",
    source="plugins/ipam/dhcp/main.go",
    role=Role.IPAM,
    capabilities=frozenset(),
    schema=schema_types.object_of(
        daemonSocketPath=schema_types.STRING,
        priority=schema_types.INTEGER,
        provide=schema_types.list_of(
            schema_types.object_of(
                option=schema_types.STRING, value=schema_types.STRING, fromArg=schema_types.STRING
            )
        ),
        request=schema_types.list_of(
            schema_types.object_of(option=schema_types.STRING, skipDefault=schema_types.BOOLEAN)
        ),
    ),
    check=check,
    rules=(DHCP_OPTION,),
)
