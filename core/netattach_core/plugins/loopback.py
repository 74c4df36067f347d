"""loopback: brings up `lo`, whatever interface it is asked for (loopback.go: cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding


def check(conf: View, context: Context) -> Iterator[Finding]:
    """2.7: a pod has its loopback already."""
    problem = "loopback brings up `lo`, which every pod has already, and adds no interface"
    yield conf.found(common_rules.NO_EFFECT, problem, "use a plugin that makes an interface", "type")


PLUGIN = Plugin(
    type="loopback",
    source="plugins/main/loopback/loopback.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.record(),
    check=check,
)
