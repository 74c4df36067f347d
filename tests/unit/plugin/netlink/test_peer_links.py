"""The names of the links in another namespace, without CAP_SYS_ADMIN: real namespaces, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netattach_plugin.netlink import link_messages, links, peer_links
from support import require

SCRIPT = """
import os, subprocess, sys
from netattach_plugin.netlink import peer_links

assert not int(next(l.split()[1] for l in open("/proc/self/status") if l.startswith("CapEff")), 16) & 1 << 21
pod = os.open(f"/proc/{sys.argv[1]}/ns/net", os.O_RDONLY)
print(*sorted(peer_links.names(pod)))
subprocess.run(["ip", "link", "add", "ours", "type", "veth", "peer", "name", "theirs", "netns", sys.argv[1]], check=True)
print(*sorted(peer_links.names(pod)))
subprocess.run(["ip", "link", "delete", "ours"], check=True)
print(*sorted(peer_links.names(pod)))
"""

SHELL = """
unshare --net sh -c 'echo; exec sleep 300' > "$1/ready" &
until [ -s "$1/ready" ]; do sleep 0.01; done
setpriv --bounding-set=-sys_admin "$2" -c "$3" $!
status=$?
kill $!
exit $status
"""


def test_links_of_another_namespace_are_listed_without_entering_it(tmp_path: os.PathLike[str]) -> None:
    """As they are at each call, also after the namespace has got its id in ours."""
    require.own_namespaces()
    require.kernel_link("veth")
    require.command("setpriv")

    done = subprocess.run(
        require.in_new_namespace("sh", "-c", SHELL, "sh", str(tmp_path), sys.executable, SCRIPT),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert ["lo", "lo theirs", "lo"] == done.stdout.splitlines()


def test_what_is_no_namespace_is_an_error() -> None:
    with Path(os.devnull).open() as file, pytest.raises(OSError, match="Invalid argument"):
        peer_links.names(file.fileno())


def test_a_kernel_that_lists_our_own_links_instead_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux before 4.15 ignores the id: its list would look as if all interfaces of the pod were gone."""
    monkeypatch.setattr(peer_links, "id_of", lambda *_: 7)
    monkeypatch.setattr(links, "_in", lambda *_: b"")

    with pytest.raises(OSError, match="not supported"):
        peer_links.names(-1)
    assert link_messages.links()
