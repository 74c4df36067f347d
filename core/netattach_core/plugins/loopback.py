"""loopback: brings up `lo` and ignores CNI_IFNAME (`loopback.go: cmdAdd`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """Each pod already has a loopback interface."""
    problem = "loopback only brings up `lo`, which every pod already has; it creates no interface"
    yield config.found(common_rules.NO_EFFECT, problem, "use a plugin that creates an interface", "type")


PLUGIN = Plugin(
    type="loopback",
    source="plugins/main/loopback/loopback.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.object_of(),
    check=check,
)
