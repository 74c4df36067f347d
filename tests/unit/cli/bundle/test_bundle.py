# ruff: noqa: E501  # rows of tables
"""The archive for a report: what is in it, what is not, its size, and that it is the same for the same objects."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.bundle import archive, redact, secret_texts
from netattach_core.api.objects import Body
from support import fake_kubectl
from unit.cli import cluster_objects as objects
from unit.cli.samples import Netattach

SECRET = "correct-horse-battery-staple"


def unpacked(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as found:
        return {
            each.name: (found.extractfile(each) or io.BytesIO()).read().decode()
            for each in found.getmembers()
        }


def secretive() -> list[Body]:
    """A cluster with a secret at each place where one may be."""
    pod = objects.pod(
        "web",
        "lan",
        **{"example.com/token": SECRET, "kubectl.kubernetes.io/last-applied-configuration": SECRET},
    )
    pod["metadata"]["managedFields"] = [{"manager": SECRET}]
    pod["spec"] |= {
        "containers": [{"name": "a", "env": [{"name": "P", "value": SECRET}], "args": [SECRET]}],
        "volumes": [{"name": SECRET}],
    }
    plain = objects.pod("plain", "", **{"example.com/a": SECRET})
    config = json.dumps(
        {"type": "x", "authToken": SECRET, "deep": {"dbPassword": SECRET, "url": f"http://me:{SECRET}@host/"}}
    )
    settings = objects.body(
        "ConfigMap", "netattach-config", objects.NODE, data={"config.yaml": "scheduling: on", "other": SECRET}
    )
    template = {
        "spec": {"containers": [{"name": "d", "image": "i", "env": [{"name": "P", "value": SECRET}]}]}
    }
    daemons = objects.daemons()
    daemons["spec"] = {"template": template}
    daemon = objects.daemon_pod("node1")
    daemon["spec"]["containers"] = [{"env": [{"value": SECRET}]}]
    others = objects.body("Event", "e", "default", reason="Pulled", message=SECRET)
    failed = objects.body(
        "Event", "f", "default", reason="FailedAttachment", message=f'failed: "password": "{SECRET}"'
    )
    return objects.replaced(
        objects.healthy(datetime(2026, 11, 30, tzinfo=UTC)),
        pod, plain, objects.network("odd", config=config), settings, daemons, daemon, others, failed,
        objects.body("Secret", "s", "default", data={"a": SECRET}),
    )  # fmt: skip


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netattach: Netattach) -> Any:
    def run(found: list[Body], name: str = "b.tar.gz", **options: Any) -> tuple[int, str, Path]:
        fake_kubectl.install(tmp_path / "bin", found, **options)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        status, out, errors = netattach("bundle", "-f", str(tmp_path / name))
        return status, out + errors, tmp_path / name

    return run


def test_no_secret_is_in_it(bundled: Any) -> None:
    status, _, path = bundled(secretive())
    found = unpacked(path.read_bytes())

    assert 0 == status
    assert [] == [name for name, text in found.items() if SECRET in text]
    assert not any("/secrets" in line for line in fake_kubectl.requests(path.parent / "bin"))
    assert 0o600 == path.stat().st_mode & 0o777


def test_what_a_report_needs_is_in_it(bundled: Any) -> None:
    found = unpacked(bundled(secretive())[2].read_bytes())
    read: Mapping[str, Any] = {
        name: json.loads(text)["items"] for name, text in found.items() if name.endswith(".json")
    }

    assert {f"netattach-bundle/{name}.json" for name in (
        "nodes", "inventories", "networks", "pods-with-networks", "netattach-pods", "workloads", "events", "webhooks", "settings",
    )} == read.keys()  # fmt: skip
    assert ["default/web", "default/web-1", "default/web-2"] == [
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in read["netattach-bundle/pods-with-networks.json"]
    ]
    (web,) = [
        each for each in read["netattach-bundle/pods-with-networks.json"] if each["metadata"]["name"] == "web"
    ]
    assert {objects.NETWORKS: "lan", "example.com/token": "(redacted)"}.items() <= web["metadata"][
        "annotations"
    ].items()
    assert ["FailedAttachment"] == [each["reason"] for each in read["netattach-bundle/events.json"]]
    assert "eth1" in found["netattach-bundle/inventories.json"]
    assert "scheduling: on" in found["netattach-bundle/settings.json"]


def test_the_same_objects_are_the_same_archive(bundled: Any) -> None:
    first = bundled(secretive(), "one.tar.gz")[2].read_bytes()

    assert first == bundled(secretive()[::-1], "two.tar.gz")[2].read_bytes()


def test_what_cannot_be_read_is_named_in_it(bundled: Any) -> None:
    status, said, path = bundled(secretive(), forbidden=["nodes", "events"])

    assert 3 == status
    assert "you have no right to list nodes" in said
    assert (
        "you have no right to list events" in unpacked(path.read_bytes())["netattach-bundle/incomplete.txt"]
    )


def test_a_file_that_exists_is_kept(bundled: Any, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_text("mine")
    status, said, path = bundled(secretive())

    assert (2, "mine") == (status, path.read_text())
    assert "exists already" in said


def test_a_link_is_not_followed(bundled: Any, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").symlink_to(tmp_path / "elsewhere")

    assert 2 == bundled(secretive())[0]
    assert not (tmp_path / "elsewhere").exists()


def test_the_size_is_bounded_and_what_is_left_out_is_counted() -> None:
    many = [{"metadata": {"name": f"{number}", "x": "y" * 10_000}} for number in range(1000)]
    contents = archive.files({"pods": many}, {})
    data = contents["netattach-bundle/pods.json"]
    read = json.loads(data)

    assert len(data) < archive.LONGEST_FILE + 1000
    assert 1000 == read["total"] == read["omitted"] + len(read["items"])
    assert 0 < read["omitted"]


HOSTILE: list[Any] = [
    {},
    {"metadata": 7},
    {"metadata": {"annotations": [7], "labels": "x"}, "spec": 7, "status": [7]},
    {"status": {"conditions": 7, "containerStatuses": [7]}},
]
REDACTIONS = [
    redact.pod,
    redact.workload,
    redact.node,
    redact.network,
    redact.inventory,
    redact.event,
    redact.settings,
    redact.webhooks,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
@pytest.mark.parametrize("redacted", REDACTIONS, ids=lambda each: each.__name__)
def test_an_object_of_any_form_is_redacted(redacted: Any, number: int) -> None:
    assert "metadata" in redacted(HOSTILE[number])


@pytest.mark.parametrize(
    "text",
    [
        f'"password": "{SECRET}"', f'"PASSWORD":"{SECRET}"', f'"a_token" : "x\\"{SECRET}"', f"tcp://u:{SECRET}@h/", f'"clientSecret": {SECRET}',
        f'{{"passwords": ["a", "{SECRET}"]}}', f'{{"credentials": {{"user": "bob", "value": "{SECRET}"}}}}', f'{{"pass\\u0077ord": "{SECRET}"}}',
        json.dumps({"args": json.dumps({"password": SECRET})}), json.dumps(json.dumps([json.dumps({"psk": SECRET})])), f"https://bob:p@{SECRET}@h/",
        *(json.dumps({key: SECRET}) for key in ("passphrase", "psk", "pwd", "cak", "authToken", "dbPass", "presharedKey", "api-key")),
        f'{{"name": "PASSWORD", "value": "{SECRET}"}}', f'["--token", "{SECRET}"]', f'["--password={SECRET}"]',
        f"{{'password': '{SECRET}'}}", f"{{'password': 'it''s {SECRET}'}}", f"password: {SECRET}", f"password:          {SECRET}", f"a password={SECRET} b",
        f"password:\n  - a\n  - {SECRET}", f"password: |\n  a\n  {SECRET}", f'{{"authorization": Bearer {SECRET}}}', f"token: {' ' * 300}{SECRET}",
        f'{{"credentials": {{"a": {{}}, "value": "{SECRET}"}}', f'{{"passwords": [["a"], "{SECRET}"', f'{{"args": "{{\\"password\\": \\"{SECRET}\\"}}"',
        "[" * 900 + f'{{"password": "{SECRET}"}}' + "]" * 900, "[" * 9000 + f'"password": "{SECRET}"', f'"password": "{SECRET}',
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_removed(text: str) -> None:
    assert SECRET not in secret_texts.text(text)
    network = redact.network({"spec": {"config": text}})
    assert SECRET not in str(network)
    assert SECRET not in str(secret_texts.tree({"deep": [text]}))


@pytest.mark.parametrize(
    "text",
    [
        f"password: correct horse {SECRET}",
        f"password=Ab,{SECRET}",
        f"Authorization: Negotiate {SECRET}",
        f"sh -c x --token {SECRET}",
        f'"args": "--my-password {SECRET}"',
        f"-psk {SECRET}",
        f"exec: program --api-key\t{SECRET} failed",
    ],
)
def test_a_secret_ends_with_its_line(text: str) -> None:
    shown = secret_texts.text(f"{text}\nmode: l2")

    assert SECRET not in shown
    assert shown.endswith("\nmode: l2")


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "macvlan", "master": "eth1", "mode": "passthru", "passthrough": true}',
        "a network: plugin macvlan failed: no such device",
        "see https://github.com/k8snetworkplumbingwg/multus-cni",
        "scheduling: on",
        "a pre-authorized request",
    ],
)
def test_what_a_report_needs_stays(text: str) -> None:
    assert text == secret_texts.text(text)


def test_a_secret_in_a_value_of_json_is_removed() -> None:
    assert {"password": "(redacted)", "mode": "l2"} == secret_texts.tree({"password": SECRET, "mode": "l2"})


def test_arguments_of_our_own_are_without_secrets() -> None:
    container = {"name": "d", "args": [f"--password={SECRET}", "--token", SECRET], "command": [f"--psk={SECRET}", "run"]}  # fmt: skip
    shown = redact.workload({"spec": {"template": {"spec": {"containers": [container]}}}})

    assert SECRET not in str(shown)
    assert "run" == shown["spec"]["containers"][0]["command"][1]


def test_what_a_program_wrote_at_its_end_is_not_in_it() -> None:
    ended = {"terminated": {"exitCode": 3, "reason": "Error", "message": SECRET, "containerID": "containerd://x"}}  # fmt: skip
    statuses = [
        {"name": "a", "lastState": ended, "state": {"waiting": {"reason": "Crash", "message": SECRET}}}
    ]
    shown = redact.pod({"status": {"containerStatuses": statuses, "initContainerStatuses": statuses}})

    expected = {"lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}, "state": {"waiting": {"reason": "Crash"}}}  # fmt: skip
    assert [{"name": "a", **expected}] == shown["status"]["containerStatuses"]
    assert SECRET not in str(shown)


def test_the_result_is_limited() -> None:
    assert len(secret_texts.text('"' * 200_000 + "a" * 200_000)) <= secret_texts.LONGEST
    assert len(secret_texts.text("://@" * 8000)) <= secret_texts.LONGEST


def test_no_text_is_read_again_for_each_of_its_characters() -> None:
    """What is tried at each character has repetitions of a limited length only; it took seconds for 32 KiB."""
    without_classes = re.sub(r"\[(?:[^\]\\]|\\.)*\]", "", secret_texts.BEFORE_VALUE)

    assert [] == re.findall(r"[*+]|\{\d*,\}", without_classes)
    assert all(int(most) <= 200 for most in re.findall(r"\{\d+,(\d+)\}", without_classes))


@pytest.mark.parametrize("text", ["a://" * 8192, "://" * 10000, "://u:p@h" * 4096])
def test_an_address_is_found_at_its_first_character(text: str) -> None:
    """And its rest is read once, whatever is in it."""
    assert [(text.find("://"), len(text))] == [each.span() for each in secret_texts.ADDRESS.finditer(text)]
