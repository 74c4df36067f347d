"""Events of nodes whose CNI config is contested: another program keeps netattach's from being the first."""

from __future__ import annotations

from netattach_cli.cluster.reader import Pending, Reader
from netattach_core.api.objects import Body
from netattach_kube.resource import EVENTS

CONTESTED = "CNIConfigContested"
"""The reason, as the daemon writes it."""

NAMESPACE = "default"
"""Where Events of cluster-scoped objects are. In another one, whoever may write Events there could have made it up."""


def contests(reader: Reader, node: str = "") -> Pending[Body]:
    """Of one node, or of all."""
    name = f"involvedObject.name={node}," if node else ""
    return reader.many(
        EVENTS,
        namespace=NAMESPACE,
        fields=f"involvedObject.kind=Node,{name}reason={CONTESTED}",
        unknown="whether CNI configs are contested is",
    )
