"""What a main plugin's configuration says of its IPAM plugin."""

from __future__ import annotations

from netattach_core.plugins.view import View


def ipam_type(conf: View) -> str | None:
    """The type of the IPAM plugin; None where there is none and the plugin makes an interface without addresses (G36)."""
    ipam = conf.inner("ipam")
    return (ipam.text("type") if ipam else None) or None
