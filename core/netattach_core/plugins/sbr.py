"""sbr: routes by source address (sbr/main.go: PluginConfig, parseConfig)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netattach_core.net import addresses
from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

NO_ADDRESS = Rule("sbr-without-address", Severity.DENY, "sbr in a network without addresses")


def check(conf: View, context: Context) -> Iterator[Finding]:
    """SB1 to SB4. Releases up to 1.9.1 do not read `gateways` and `addSourceHints` at all, so nothing of them is denied."""
    if context.bare:
        problem = "no plugin before sbr gives the pod an address, and sbr fails without one"
        yield conf.found(NO_ADDRESS, problem, "add an `ipam` to the first plugin, or remove sbr", "type")
    yield from common_rules.own_table(conf)
    if conf.whole("table") is not None:
        if conf.given("gateways"):
            yield conf.found(
                common_rules.NO_EFFECT,
                "`gateways` is not read where `table` is set",
                "remove one",
                "gateways",
            )
        return
    if conf.given("gateways") and not _is_texts(conf.value("gateways")):
        problem = "`gateways` is no list of texts; newer releases of the sbr plugin refuse it"
        fix = 'write a list: "gateways": ["10.1.2.1"]'
        yield conf.found(common_rules.KEY_VALUE, problem, fix, "gateways", severity=Severity.WARN)
    versions: list[int] = []
    for item, text in conf.texts("gateways"):
        gateway = addresses.parse_ip(text)
        if gateway is None:
            problem = f"{text!r} is no IP address; the sbr plugin refuses it"
            fix = "write an address without a prefix length"
            yield item.found(common_rules.KEY_VALUE, problem, fix, severity=Severity.WARN)
        elif gateway.version in versions:
            problem = f"{text} is a second gateway of IPv{gateway.version}; the sbr plugin takes one of each version"
            yield item.found(common_rules.KEY_VALUE, problem, "remove one", severity=Severity.WARN)
        else:
            versions.append(gateway.version)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


PLUGIN = Plugin(
    type="sbr",
    source="plugins/meta/sbr/main.go",
    role=Role.CHAINED,
    capabilities=frozenset(),
    schema=schema_types.record(
        table=schema_types.WHOLE, gateways=schema_types.ANYTHING, addSourceHints=schema_types.ANYTHING
    ),
    check=check,
    rules=(NO_ADDRESS,),
    aliases={"tableId": "table"},
)
