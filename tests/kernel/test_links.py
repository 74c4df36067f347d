"""The kinds of links that other tests rely on, each created by a kernel that should have it."""

import json
import subprocess

import pytest

from support import require


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.kernel_link(kind))
        for kind in ("bridge", "dummy", "ipvlan", "macvlan", "veth", "vlan", "vrf")
    ],
)
def test_a_link_of_the_kind_is_created(kind: str) -> None:
    shown = subprocess.run(
        require.in_new_namespace(
            "sh", "-c", f"{require.link_script(kind)} && ip -json -details link show x0"
        ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert kind == json.loads(shown)[0]["linkinfo"]["info_kind"]
