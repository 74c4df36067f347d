"""sbr: routing by source address (`sbr/main.go: PluginConf, parseConfig`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netattach_core.net import addresses
from netattach_core.plugins import address_text, common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

NO_ADDRESS = Rule("sbr-without-address", Severity.DENY, "sbr in a network without addresses")
TWICE = Rule("sbr-twice", Severity.DENY, "sbr after another sbr, which has moved the routes")


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of sbr.

    Releases up to 1.9.1 ignore `gateways` and `addSourceHints`; findings about them are only warnings.
    """
    if context.no_address_before:
        problem = "no plugin before sbr assigns an address to the pod; sbr fails without one"
        yield config.found(NO_ADDRESS, problem, "add an `ipam` to the first plugin, or remove sbr", "type")
    yield from _twice(config, context)
    yield from common_rules.own_table(config)
    if config.integer("table") is not None:
        if config.has("gateways"):
            yield config.found(
                common_rules.NO_EFFECT,
                "`gateways` has no effect if `table` is set",
                "remove one of the two",
                "gateways",
            )
        return
    if config.has("gateways") and not _is_list_of_strings(config.value("gateways")):
        problem = "`gateways` must be a list of strings; newer releases of the sbr plugin refuse other values"
        fix = 'write a list: "gateways": ["10.1.2.1"]'
        yield config.found(common_rules.KEY_VALUE, problem, fix, "gateways", severity=Severity.WARN)
    versions: list[int] = []
    for item, text in config.texts("gateways"):
        gateway = addresses.parse_ip(text)
        if gateway is None:
            problem = f"{text!r} is not a valid IP address; the sbr plugin refuses it"
            fix = address_text.fix_ip(text, "10.1.2.1", "fd00:1:2::1")
            yield item.found(common_rules.KEY_VALUE, problem, fix, severity=Severity.WARN)
        elif gateway.version in versions:
            problem = (
                f"{text} is the second IPv{gateway.version} gateway; the sbr plugin accepts one per IP family"
            )
            yield item.found(common_rules.KEY_VALUE, problem, "remove one of the two", severity=Severity.WARN)
        else:
            versions.append(gateway.version)


def _twice(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The first sbr moves the route to the subnet to its own table; then the kernel refuses the second default route.

    It has one only where the address has a gateway (`main.go: doRoutes`), which host-local always sets.
    """
    if context.routes_moved_before and config.integer("table") is None:
        certain = context.first_ipam == "host-local"
        problem = (
            "an sbr before this one has moved the routes of the interface to a table of its own, so that this one cannot add "
            f"its default route: {'ADD fails' if certain else 'ADD fails if the address has a gateway'} with "
            '"network is unreachable"'
        )
        severity = None if certain else Severity.WARN
        yield config.found(TWICE, problem, "remove one of the two", "type", severity=severity)


def _is_list_of_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


PLUGIN = Plugin(
    type="sbr",
    source="plugins/meta/sbr/main.go",
    role=Role.CHAINED,
    capabilities=frozenset(),
    schema=schema_types.object_of(
        table=schema_types.INTEGER, gateways=schema_types.ANYTHING, addSourceHints=schema_types.ANYTHING
    ),
    check=check,
    rules=(NO_ADDRESS, TWICE),
    aliases={"tableId": "table"},
)
