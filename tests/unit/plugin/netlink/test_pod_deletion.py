"""What is deleted with the group of the drivers' links: real namespaces, in a process of their own."""

from __future__ import annotations

from pathlib import Path

from support import pod_namespace, require

SCRIPT = """
import os, subprocess, sys
from netattach_plugin.netlink import peer_links, pod_deletion
from netattach_plugin.netlink.links import GROUP

def link(name, group):
    place = ("nsenter", f"--net=/proc/{sys.argv[1]}/ns/net", "ip", "link", "add", name, "group", str(group))
    subprocess.run([*place, "type", "ifb"], check=True)

pod = os.open(f"/proc/{sys.argv[1]}/ns/net", os.O_RDONLY)
for foreign in (GROUP, 0):
    link("net1", GROUP), link("net2", GROUP), link("device", foreign)
    pod_deletion.delete(pod, ["net1", "net2", "net3"])
    print(*sorted(peer_links.names(pod)))
    pod_deletion.delete(pod, ["device"])
"""


def test_a_device_of_the_node_is_not_deleted_with_the_group_that_the_pod_has_put_it_into(
    tmp_path: Path,
) -> None:
    """Nor one outside of it; what drivers have created is gone both times."""
    require.kernel_link("ifb")

    assert ["device lo", "device lo"] == pod_namespace.output(SCRIPT, tmp_path)
