"""CIDRs and MAC addresses, with the same outcomes as Go's `net` package."""

from __future__ import annotations

import pytest

from netattach_core.net import addresses

CIDRS = {
    "10.0.0.5/24": "10.0.0.5/24", "10.0.0.1/024": "10.0.0.1/24", "FD00:0::3/64": "fd00::3/64",
    "::ffff:10.1.0.0/120": "10.1.0.0/24", "10.0.0.1": None, "10.0.0.1/255.255.255.0": None, "10.01.0.1/24": None,
    "fe80::1%eth0/64": None, " 10.0.0.1/24": None, "10.0.0.1/33": None, "10.0.0.1/": None, "10.0.0.1/-1": None,
    "::ffff:10.1.0.0/90": None, "": None,
}  # fmt: skip  # a table
MACS = {
    "02:00:00:00:00:01": True, "02-00-00-00-00-01": True, "0200.0000.0001": True, "AA:bb:cc:dd:ee:ff": True,
    "02:00:00:00:00": False, "02:00:00:00:00:01:02:03": False, "02:00-00:00:00:01": False, "": False,
}  # fmt: skip  # a table


@pytest.mark.parametrize(("text", "expected"), CIDRS.items())
def test_cidrs(text: str, expected: str | None) -> None:
    """Go's ParseCIDR."""
    parsed = addresses.parse_cidr(text)

    assert expected == (None if parsed is None else str(parsed))


@pytest.mark.parametrize(("text", "valid"), MACS.items())
def test_macs(text: str, valid: bool) -> None:  # noqa: FBT001  # a table's column
    """Go's ParseMAC, six bytes only."""
    assert valid == addresses.is_ethernet_mac(text)
