"""Which kinds of links the kernel can make, as tried in a namespace of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from netattach_core.api.inventory import TRIED_LINK_KINDS
from netattach_plugin.netlink import link_kinds
from support import require

SCRIPT = """
import json, socket
from netattach_plugin.netlink import link_kinds
route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
found = link_kinds.available(route.fileno())
print(json.dumps([found, sorted(name for _, name in socket.if_nameindex())]))
"""


def test_they_are_those_that_ip_can_create_and_only_the_parent_stays() -> None:
    require.kernel_link("veth")

    shown = subprocess.run(
        require.in_new_namespace(sys.executable, "-c", SCRIPT), capture_output=True, text=True, check=True
    ).stdout

    found, names = json.loads(shown)
    assert [kind for kind in TRIED_LINK_KINDS if require.has_kernel_link(kind)] == found
    assert "parent0" in names
    assert "tried0" not in names


def test_without_a_privilege_nothing_is_known() -> None:
    """A kernel that refuses has the kind, so nothing counts as missing."""
    require.user_namespaces()
    refused = [require.command("unshare"), "--net", "--user", sys.executable, "-c", SCRIPT]
    if subprocess.run([*refused[:3], "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs user namespaces with a network namespace")

    shown = subprocess.run(refused, capture_output=True, text=True, check=True).stdout

    assert list(TRIED_LINK_KINDS) == json.loads(shown)[0]


def test_each_kind_is_one_of_the_kernels() -> None:
    assert sorted(TRIED_LINK_KINDS) == list(TRIED_LINK_KINDS)
    assert link_kinds._NEED_PARENT < set(TRIED_LINK_KINDS)
