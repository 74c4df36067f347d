"""Commands that ask a cluster, from the command line to what is printed, with a fake kubectl."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.ask import durations, frame, options, progress
from netattach_cli.output.view import View
from netattach_cli.status import view
from netattach_cli.status.checks import Check, State
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body
from netattach_kube import events
from netattach_kube.resource import NODES
from netattach_plugin.cluster import event_queue
from support import fake_kubectl
from unit.cli import cluster_objects as objects
from unit.cli.samples import Netattach

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a kubectl that serves these objects first on the path."""

    def installed(found: list[Body], **options: Any) -> Path:
        fake_kubectl.install(tmp_path / "bin", found, **options)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        return tmp_path / "bin"

    return installed


def healthy() -> list[Body]:
    return objects.healthy(datetime.now(UTC))


def test_the_status_of_a_healthy_cluster(install: Install, netattach: Netattach) -> None:
    install(healthy())

    expected = """\
CHECK          STATE   MESSAGE
daemons        ok      2/2 ready
webhooks       ok      2/2 ready
operator       ok      1/1 ready, netattach-operator-7d9f leads
certificates   ok      certificate valid for 80d, CA valid for 300d
networks       ok      1/1 ready
pods           ok      2 pods have networks, none lacks one
CNI configs    ok      none is contested
"""
    assert (0, expected, "") == netattach("status")


def contest(node: str, namespace: str) -> Body:
    about = {"kind": "Node", "name": node}
    return objects.body(
        "Event", "e", namespace, involvedObject=about, reason="CNIConfigContested", message="forged"
    )


def test_an_event_of_a_tenant_is_no_contest(install: Install, netattach: Netattach) -> None:
    """Nor is one of a node that has neither a daemon nor an inventory."""
    install([*healthy(), contest("no-such-node", "tenant"), contest("node1", "tenant")])
    assert 0 == netattach("status")[0]
    _, out, _ = netattach("doctor", "node1")
    assert "forged" not in out

    install([*healthy(), contest("no-such-node", "default")])
    assert 0 == netattach("status")[0]


def test_an_event_of_a_daemon_that_is_not_ready_is_a_contest(install: Install, netattach: Netattach) -> None:
    about = events.Subject(NODES, "node1")
    written = events.event(about, kind="Warning", reason=event_queue.CONTESTED, message="renamed", source={})
    event = contest("node1", written["metadata"]["namespace"]) | {"reason": written["reason"]}
    install(objects.replaced(healthy(), objects.daemon_pod("node1", ready=False), event))
    status, out, _ = netattach("status")

    assert 1 == status
    assert "CNIConfigContested" in out


def test_the_status_says_what_is_wrong(install: Install, netattach: Netattach) -> None:
    lost = UnmetPod(
        "default", "web-1", "u", ("default/lan",), "InterfaceMissing", "the pod has lost interface net1"
    )
    broken = objects.replaced(
        healthy(),
        objects.daemons(ready=1),
        objects.daemon_pod("node2", ready=False),
        objects.not_ready("lan", "InterfaceMissing", "eth1 does not exist on node2"),
        objects.inventory_of("node1", lost),
    )
    install(objects.without(broken, "ValidatingWebhookConfiguration", "netattach"))

    status, out, _ = netattach("status")

    assert 1 == status
    lines = [line.split() for line in out.splitlines()]
    assert ["daemons", "wrong", "1/2"] == lines[1][:3]
    assert ["daemons", "netattach-node/netattach-daemon-node2", "node2", "ContainersNotReady"] in [
        x[:4] for x in lines
    ]
    assert ["networks", "default/lan", "1/2", "InterfaceMissing"] in [x[:4] for x in lines]
    assert ["pods", "default/web-1", "node1", "InterfaceMissing"] in [x[:4] for x in lines]
    assert "not registered, so nothing is validated" in out


def test_the_daemons_pods_are_read_only_where_one_is_not_ready(
    install: Install, netattach: Netattach
) -> None:
    """There may be 5,000."""
    folder = install(healthy())
    netattach("status")

    assert [] == [line for line in fake_kubectl.requests(folder) if "/pods?" in line]


def test_with_few_rights_the_status_says_what_is_missing(install: Install, netattach: Netattach) -> None:
    install(healthy(), forbidden=["secrets", "leases", "validatingwebhookconfigurations"])

    status, out, errors = netattach("status", "-o", "json")

    assert 3 == status
    found = json.loads(out)
    assert {"daemons": "ok", "certificates": "unknown"}.items() <= {
        c["name"]: c["state"] for c in found["checks"]
    }.items()
    assert 3 == len(found["incomplete"])
    assert {
        "what": "leases.coordination.k8s.io netattach-operator in namespace netattach-system",
        "verb": "get",
    }.items() <= found["incomplete"][0].items()
    assert (
        "netattach: incomplete: you have no right to get secrets netattach-webhooks-tls in namespace netattach-system: "
        "when the webhooks' certificate expires is unknown\n"
    ) in errors


def test_without_any_right_nothing_is_wrong_and_nothing_is_known(
    install: Install, netattach: Netattach
) -> None:
    forbidden = [kind.split()[1] for kind in fake_kubectl.PLURALS.values()]
    install(healthy(), forbidden=forbidden)

    status, out, errors = netattach("status")

    assert 3 == status
    assert 14 == out.count("unknown")
    assert 10 == errors.count("you have no right to")


def test_wait_returns_once_nothing_is_wrong(install: Install, netattach: Netattach) -> None:
    install(healthy())

    assert 0 == netattach("status", "--wait", "--timeout", "1m")[0]


def test_wait_gives_up_after_its_timeout_and_shows_what_is_wrong(
    install: Install, netattach: Netattach
) -> None:
    install(objects.replaced(healthy(), objects.daemons(ready=1)))

    status, out, _ = netattach("status", "--wait", "--timeout=1s")

    assert 1 == status
    assert "1/2 ready" in out


def test_watch_shows_it_again_where_it_has_changed(
    install: Install, netattach: Netattach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is interrupted."""
    install(healthy())
    real, messages = view.view, iter(["a", "a", "b", "b"])

    def changing(*_: object, **__: object) -> View:
        message = next(messages, None)
        if message is None:
            raise KeyboardInterrupt
        return real([Check("daemons", State.OK, message)])

    monkeypatch.setattr(frame, "_EVERY", 0.001)
    monkeypatch.setattr(view, "view", changing)

    status, out, errors = netattach("status", "--watch", "--no-headers")

    assert (130, "daemons   ok   a\n\ndaemons   ok   b\n", "") == (status, out, errors)


def test_colours_are_used_on_request_only(
    install: Install, netattach: Netattach, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(healthy())
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    assert "\x1b" not in netattach("status")[1]
    assert "\x1b[32mok\x1b[0m" in netattach("status", "--color=always")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32mok" in netattach("status")[1]
    assert "\x1b" not in netattach("status", "--color=never")[1]
    assert "\x1b" not in netattach("status", "-o", "json")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in netattach("status")[1]


def test_get_pods_is_for_the_namespace_of_the_context(install: Install, netattach: Netattach) -> None:
    found = [*healthy(), objects.pod("elsewhere", "lan", namespace="shop"), objects.pod("plain", "")]
    install(found, namespace="default")

    status, out, errors = netattach("get", "pods")

    assert (0, "") == (status, errors)
    assert ["POD", "web-1", "web-2"] == [line.split()[0] for line in out.splitlines()]


def test_get_pods_of_all_namespaces(install: Install, netattach: Netattach) -> None:
    folder = install([*healthy(), objects.pod("elsewhere", "lan", namespace="shop")])

    status, out, _ = netattach("get", "pods", "-A", "-l", "app=web")

    assert 0 == status
    assert ["shop", "elsewhere"] == out.splitlines()[-1].split()[:2]
    assert any("/api/v1/pods?labelSelector=app%3Dweb" in line for line in fake_kubectl.requests(folder))
    assert not any("config view" in line for line in fake_kubectl.requests(folder))


def test_get_pods_with_all_shows_the_default_network(install: Install, netattach: Netattach) -> None:
    install([*healthy(), objects.pod("plain", "", objects.DEFAULT_ENTRY)])

    _, out, _ = netattach("get", "po", "-n", "default", "--all", "--no-headers")

    assert ["plain", "web-1", "web-1", "web-2", "web-2"] == [line.split()[0] for line in out.splitlines()]
    assert 3 == out.count("cbr0")


def test_get_one_pod_by_the_name_that_a_table_shows(install: Install, netattach: Netattach) -> None:
    install([*healthy(), objects.pod("elsewhere", "lan", namespace="shop")])

    assert 0 == netattach("get", "pod", "web-1", "-n", "default")[0]
    assert 0 == netattach("get", "pod", "pod/web-1", "-n", "default")[0]
    assert 0 == netattach("get", "pod", "-A", "shop/elsewhere", "default/web-2")[0]
    assert (
        2,
        "",
        "netattach: an object with a name is in one namespace: give -n, or namespace/name\n",
    ) == netattach("get", "pod", "-A", "web-1")
    assert (1, "", "netattach: pod gone does not exist in namespace default\n") == netattach(
        "get", "pod", "gone", "-n", "default", "-o", "name"
    )


def test_without_the_right_to_see_inventories_pods_are_shown_all_the_same(
    install: Install, netattach: Netattach
) -> None:
    install(healthy(), forbidden=["nodenetworkinventories"])

    status, out, errors = netattach("get", "pods", "-n", "default")

    assert 3 == status
    assert 3 == out.count("\n")
    assert "you have no right to list nodenetworkinventories.netattach.io" in errors


def test_a_cluster_that_cannot_be_reached(install: Install, netattach: Netattach) -> None:
    install([], broken="context was not found for specified context: x")

    assert (2, "", "netattach: kubectl: context was not found for specified context: x\n") == netattach(
        "status", "--context", "x"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["stauts"],
            "netattach: there is no command 'stauts'; did you mean 'status'?\nSee 'netattach --help'.\n",
        ),
        (["xyzzy"], "netattach: there is no command 'xyzzy'\nSee 'netattach --help'.\n"),
        (["\x1b[31m"], "netattach: there is no command '\\x1b[31m'\nSee 'netattach --help'.\n"),
    ],
)
def test_a_command_that_does_not_exist(netattach: Netattach, words: list[str], said: str) -> None:
    assert (2, "", said) == netattach(*words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status", "--wiat"], "did you mean '--wait'?"),
        (["get", "pdos"], "did you mean 'pods'?"),
        (["status", "-o", "jsno"], "did you mean 'json'?"),
        (["status", "--timeout", "soon"], "'soon' is not a duration such as 90s, 5m or 1h"),
    ],
)
def test_an_argument_that_is_misspelt(
    netattach: Netattach, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        netattach(*words)

    assert 2 == caught.value.code
    assert said in capsys.readouterr().err


def test_a_bare_command_prints_its_help(netattach: Netattach) -> None:
    status, out, errors = netattach()

    assert (0, "") == (status, errors)
    assert "Ask a cluster:\n  status " in out
    assert (status, out, errors) == netattach("--help")


def test_the_version(netattach: Netattach) -> None:
    assert {(0, "netattach 0.2.0\n", "")} == {netattach(word) for word in ("--version", "-V", "version")}


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), ("7", 7)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds == durations.seconds(text)


@pytest.mark.parametrize("text", ["", "m", "-1s", "1.5s", "1d", "9" * 20, "1s\n"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        options.duration(text)


@pytest.mark.parametrize(
    ("duration", "shown"),
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=119), "119m"),
        (timedelta(hours=47), "47h"),
        (timedelta(days=2), "2d"),
    ],
)
def test_ages(duration: timedelta, shown: str) -> None:
    assert shown == durations.shown(duration)


class Terminal(io.StringIO):
    """A stream that is a terminal, or is none."""

    def __init__(self, *, is_one: bool) -> None:
        super().__init__()
        self.is_one = is_one

    def isatty(self) -> bool:
        return self.is_one


def test_progress_is_shown_on_a_terminal_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_AFTER", 0.0)
    monkeypatch.setattr(progress, "_EVERY", 0.001)
    stream = Terminal(is_one=True)
    with progress.shown(lambda: ["pods", "nodes", "pods"], stream):
        while "reading pods, nodes … " not in stream.getvalue():
            pass

    assert stream.getvalue().endswith("\r\x1b[K")


def test_no_progress_is_shown_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_AFTER", 0.0)
    stream = Terminal(is_one=False)
    with progress.shown(lambda: ["pods"], stream):
        pass

    assert "" == stream.getvalue()
