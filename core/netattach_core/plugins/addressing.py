"""What a main plugin's configuration says of its IPAM plugin, and that of the pod's addresses."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core import addresses
from netattach_core.plugins.view import View


def ipam_type(conf: View) -> str | None:
    """The type of the IPAM plugin; None where there is none and the plugin makes an interface without addresses (G36)."""
    ipam = conf.inner("ipam")
    return (ipam.text("type") if ipam else None) or None


def versions(ipam: View) -> set[int]:
    """The IP versions, 4 or 6, of which the pod surely gets an address."""
    ranges = [ipam, *(item for one in ipam.items("ranges") for item in _elements(one))]
    texts = [item.text("subnet") or "" for item in ranges]
    texts += [item.text("address") or "" for item in ipam.inners("addresses")]
    return {cidr.version for text in texts if (cidr := addresses.parse_cidr(text))}


def _elements(view: View) -> Iterator[View]:
    return (View(node, (*view.path, index)) for index, node in enumerate(view.node.items))
