"""The handover of sandboxes to other caches at an uninstall."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni.request import CniRequest
from netattach_plugin.state import handover
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.ledger import FileLedger

CONFIG = '{"cniVersion": "0.4.0", "name": "n", "plugins": [{"type": "bridge"}]}'


def _save(ledger: FileLedger, container_id: str, networks: int) -> None:
    attachments = tuple(
        Attachment("n", f"net{n}" if n else "eth0", CONFIG, "n", default=not n) for n in range(networks)
    )
    asyncio.run(ledger.save(Sandbox(container_id, "/n", None, Phase.ADDED, attachments)))


@pytest.mark.parametrize("networks", [1, 2])
def test_whether_a_sandbox_has_secondary_networks(tmp_path: Path, networks: int) -> None:
    """An unreadable entry does not count."""
    ledger = FileLedger(tmp_path)
    (tmp_path / "c0.json").write_text("{")
    _save(ledger, "c1", networks)

    assert (networks > 1) is asyncio.run(handover.has_secondary_networks(ledger))


def test_export_and_reclaim(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A failure is logged and affects no other sandbox; the ledger keeps its entries."""
    ledger, caches = FileLedger(tmp_path / "ledger"), CniCaches(tmp_path / "multus", tmp_path)
    _save(ledger, "c1", 2)
    _save(ledger, "c2", 2)
    (tmp_path / "multus/c1").mkdir(parents=True)
    call = CniRequest("DEL", "c2", "/n", "eth0", {}, "1.0.0")

    asyncio.run(handover.export(ledger, caches))
    assert ["eth0", "net1"] == [each.ifname for each in asyncio.run(caches.attachments(call))]
    assert ["c1", "c2"] == asyncio.run(ledger.container_ids())
    assert "sandbox c1 is not in the caches" in caplog.text

    asyncio.run(handover.reclaim(ledger, caches))
    assert () == asyncio.run(caches.attachments(call))
