"""`netattach explain` from the command line to what is printed, with a fake kubectl."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api import call_record
from netattach_core.api.call_record import CallRecord, FailedPlugin
from netattach_core.api.objects import Body
from support import fake_kubectl
from unit.cli import cluster_objects as objects
from unit.cli.samples import Netattach

Install = Callable[..., Path]

RECORD = CallRecord(
    "9c1e", 100, 31.5, {"resolve": 1.5, "plugin": 29.0}, {"default/lan": 29.0},
    [FailedPlugin("default/lan", "net1", "macvlan", 11)],
)  # fmt: skip
MESSAGE = "pod default/web: ADD of network default/lan (net1): plugin macvlan failed: the moon is in the wrong phase"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    def installed(found: list[Body], **options: Any) -> Path:
        fake_kubectl.install(tmp_path / "bin", found, **options)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        return tmp_path / "bin"

    return installed


def failing(message: str = MESSAGE) -> list[Body]:
    now = datetime.now(UTC)
    involved = {"kind": "Pod", "name": "web", "namespace": "default", "uid": "uid-of-web"}
    event = objects.body(
        "Event", "web.1", "default", metadata={"annotations": {call_record.ANNOTATION: call_record.to_text(RECORD)}},
        involvedObject=involved, reason="FailedAttachment", message=message, lastTimestamp=f"{now:%Y-%m-%dT%H:%M:%SZ}",
    )  # fmt: skip
    return [*objects.healthy(now), objects.pod("web", phase="Pending"), event]


@pytest.mark.parametrize("name", ["web", "pod/web", "default/web"])
def test_a_pod_that_fails(name: str, install: Install, netattach: Netattach) -> None:
    install(failing())

    expected = """\
POD           NODE    PHASE     VERDICT
default/web   node1   Pending   not attached: 1 of 1 networks; PluginFailed

Networks
REQUESTED     ATTACHED   INTERFACE   ADDRESSES   READY   REASON
default/lan   <none>     <none>      <none>      False   Pending

CAUSE 1   PluginFailed
phase     plugin
network   default/lan (net1)
plugin    macvlan, code 11
message   plugin macvlan failed: the moon is in the wrong phase
fix       the plugin's own words say why; `kubectl netattach networks default/lan` shows whether the node
          lacks something

Attachments, by their Events
AGE   RESULT   CODE   TOOK     PHASES                        NETWORKS
0s    failed   100    31.5ms   resolve 1.5ms, plugin 29.0ms   default/lan 29.0ms

"""
    status, out, errors = netattach("explain", name)

    assert (1, "") == (status, errors)
    assert [line.split() for line in expected.splitlines()] == [
        line.replace("1s", "0s", 1).split() for line in out.split("Evidence")[0].splitlines()
    ]
    assert "Event FailedAttachment" in out


def test_a_pod_that_is_attached(install: Install, netattach: Netattach) -> None:
    install(failing())
    status, out, _ = netattach("explain", "web-1", "-o", "json")

    assert 0 == status
    assert "the pod has all 1 networks that it asks for" == json.loads(out)["verdict"]


def test_a_pod_that_does_not_exist(install: Install, netattach: Netattach) -> None:
    install(failing())
    status, out, errors = netattach("explain", "nowhere")

    assert (1, "") == (status, out)
    assert "pod nowhere does not exist in namespace default" in errors


def test_without_the_right_to_read_events_the_right_is_named(install: Install, netattach: Netattach) -> None:
    install(failing(), forbidden=["events"])
    status, _, errors = netattach("explain", "web")

    assert 1 == status
    assert (
        "you have no right to list events in namespace default: why the pod is not attached is unknown"
        in errors
    )


def test_a_hostile_message_stays_text(install: Install, netattach: Netattach) -> None:
    install(failing("pod default/web: ADD of network a/b (net1): plugin x failed: \x1b[2J\nCAUSE 9   Fine\r"))
    _, out, _ = netattach("explain", "web")

    assert "\x1b" not in out
    assert "\r" not in out
    assert not any(line.startswith("CAUSE 9") for line in out.splitlines())
