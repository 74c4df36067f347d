"""Files of the previous release are read by this one, and those of this one by the previous release.

The directory release-0.1.0 has what that release wrote on a node. These files are the contract: never write them again.
What the previous release reads is asked of its own code, in a process of its own.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api import inventory
from netattach_core.attach import sandbox
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.shim import compiled_chain
from netattach_core.text.finding import Severity
from netattach_kube import cluster_settings
from support import previous_release

FILES = Path(__file__).with_name("release-0.1.0")

READ_ENTRY = """
import sys
from netattach_core import sandbox
read = sandbox.parse(sys.stdin.buffer.read())
print(read.container_id, read.phase, read.pod, *(f"{a.ifname}={a.network}" for a in read.attachments))
"""
READ_CHAIN = """
import sys
from netattach_core import compiled
read = compiled.parse(sys.stdin.buffer.read())
print(*(f"{step.plugin}/{step.network}" for step in read.steps))
"""
READ_RECORD = """
import sys
from netattach_core import compiled
read = compiled.sandbox_of("c1", compiled.parse_note(sys.stdin.buffer.read()))
print(read.phase, read.pod, read.attachments[0].network)
"""
READ_INVENTORY = """
import json, sys
from netattach_core import inventory
read = inventory.from_dict(json.load(sys.stdin))
print(read.node, *(each.name for each in read.interfaces))
"""
READ_SETTINGS = """
import sys
from netattach_core.errors import ConfigError
from netattach_kube import cluster_settings
try:
    print(cluster_settings.parse(sys.stdin.read()).judge.selection.isolated)
except ConfigError as error:
    print(error)
"""


def entry() -> Sandbox:
    return sandbox.parse((FILES / "entry.json").read_bytes())


def output(script: str, data: bytes) -> str:
    """What the previous release makes of these bytes."""
    return previous_release.run(script, data).decode().strip()


class TestThisReleaseReads:
    def test_a_ledger_entry(self) -> None:
        read = entry()

        assert (Phase.ADDED, "default/pod1", "/run/netns/pod1") == (read.phase, str(read.pod), read.netns)
        assert {"eth0": "cbr0", "net1": "default/data", "net2": "default/chain"} == {
            each.ifname: each.network for each in read.attachments
        }
        assert [True, False, False] == [each.default for each in read.attachments]
        assert all(json.loads(each.result)["ips"] for each in read.attachments)
        assert [()] * 3 == [each.native for each in read.attachments]
        assert 3 == len(json.loads(read.status))

    def test_an_entry_to_which_this_release_has_appended(self) -> None:
        deleting = dataclasses.replace(entry(), phase=Phase.DELETING)
        data = (FILES / "entry.json").read_bytes() + sandbox.dump_appended(deleting)

        assert deleting == sandbox.parse(data)

    def test_a_compiled_deletion(self) -> None:
        read = compiled_chain.parse((FILES / "deletion").read_bytes())

        assert ["tuning", "bridge", "macvlan", "bridge"] == [step.plugin for step in read.steps]
        assert {"default/chain", "default/data", "cbr0"} == {step.network for step in read.steps}

    def test_the_compiled_default_network(self) -> None:
        read = compiled_chain.parse((FILES / "default-network").read_bytes())

        assert read.source
        assert [("bridge", "cbr0")] == [(step.plugin, step.network) for step in read.steps]

    def test_the_record_of_a_pod_that_the_shim_attached(self) -> None:
        read = compiled_chain.sandbox_of("c1", compiled_chain.parse_record((FILES / "record").read_bytes()))

        assert (Phase.ADDED, "default/pod2") == (read.phase, str(read.pod))
        assert "eth0" == read.attachments[0].ifname

    def test_an_inventory(self) -> None:
        read = inventory.from_dict(json.loads((FILES / "inventory.json").read_text()))

        assert "node1" == read.node
        assert {"lo", "eth0", "eth1"} <= {each.name for each in read.interfaces}
        assert "macvlan" in {each.name for each in read.plugins}

    def test_settings(self) -> None:
        """The example of its documents; `judge` is `validation` now."""
        read = cluster_settings.parse((FILES / "settings.yaml").read_text())

        assert Severity.OFF is read.validation.severities["leases-per-node"]
        assert "fancy-nic" in read.validation.schemas
        assert None is read.log_level


class TestThePreviousReleaseReads:
    @pytest.fixture
    def natively_attached(self) -> Sandbox:
        """With all keys that it does not know."""
        attachments = [dataclasses.replace(each, native=(2, 0)) for each in entry().attachments]
        return dataclasses.replace(entry(), attachments=tuple(attachments), netns_id="4:4026532201")

    def test_a_ledger_entry(self, natively_attached: Sandbox) -> None:
        assert (
            f"{natively_attached.container_id} added default/pod1 eth0=cbr0 net1=default/data net2=default/chain"
            == output(READ_ENTRY, sandbox.dump(natively_attached))
        )

    def test_a_compiled_deletion(self, natively_attached: Sandbox) -> None:
        """Of links that drivers created, it starts the plugins."""
        chain = compiled_chain.deletion(natively_attached.attachments, 5000, skip_idle=True)

        assert {"bridge/default/chain", "macvlan/default/data", "bridge/cbr0"} <= set(
            output(READ_CHAIN, compiled_chain.encode(chain)).split()
        )

    def test_the_compiled_default_network(self) -> None:
        chain = compiled_chain.parse((FILES / "default-network").read_bytes())

        assert "bridge/cbr0" == output(READ_CHAIN, compiled_chain.encode(chain))

    def test_the_record_of_a_pod_that_the_shim_attached(self) -> None:
        """With the frames of this release."""
        data = (FILES / "record").read_bytes() + compiled_chain.STATUS_WRITTEN

        assert "added default/pod2 cbr0" == output(READ_RECORD, data)

    def test_an_inventory(self) -> None:
        body: dict[str, Any] = json.loads((FILES / "inventory.json").read_text())
        written = inventory.to_dict(inventory.from_dict(body))

        assert ["node1", "lo", "eth0", "eth1"] == output(
            READ_INVENTORY, json.dumps(written).encode()
        ).split()[:4]

    def test_settings_with_keys_of_this_release_only_where_they_are_removed(self) -> None:
        """As docs/upgrading.md says; else it has its defaults, without isolation."""
        assert "True" == output(READ_SETTINGS, b"namespaceIsolation: true")
        for key in ("logLevel: info", "policy: {}", "nativeLinks: {}", "validation: {}"):
            refused = output(READ_SETTINGS, f"namespaceIsolation: true\n{key}".encode())
            assert f"'{key.partition(':')[0]}' was unexpected" in refused
