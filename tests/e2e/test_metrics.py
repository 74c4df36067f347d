"""Metrics with authentication, configured as docs/monitoring.md describes it: real tokens, real reviews, real connections."""

from __future__ import annotations

import re
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import yaml

from e2e.lab.cluster import CONTROL, NODE, Cluster
from e2e.lab.nodes import NODES
from e2e.objects import config, created, nad, pod
from support import require

DEPLOY = require.REPOSITORY / "deploy"
ACCOUNT, STRANGER = "scraper", "no-scraper"
BINDING = ("clusterrolebinding", "scraper-netattach")


@pytest.fixture(scope="module")
def scraped(installed: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """With the component `metrics`, and two service accounts, of which one may read them."""
    directory = tmp_path_factory.mktemp("metrics")
    shutil.copytree(DEPLOY, directory / "deploy")
    kustomization = {"resources": ["deploy"], "components": ["deploy/kustomize/metrics"]}
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    for name in (ACCOUNT, STRANGER):
        installed.kubectl("create", "serviceaccount", name)
    try:
        installed.apply(directory)
        role, account = "--clusterrole=netattach-metrics-reader", f"--serviceaccount=default:{ACCOUNT}"
        installed.kubectl("create", *BINDING, role, account)
        yield installed
    finally:
        installed.kubectl("delete", *BINDING, "--ignore-not-found")
        installed.kubectl("delete", "serviceaccount", ACCOUNT, STRANGER)
        installed.kubectl("delete", "clusterrolebinding", "netattach-metrics", "--ignore-not-found")
        names = ("netattach-metrics", "netattach-metrics-reader")
        installed.kubectl("delete", "clusterrole", *names, "--ignore-not-found")
        installed.apply(DEPLOY)


def addresses(cluster: Cluster) -> dict[str, str]:
    """Of each program, where it serves metrics."""
    found = {f"daemon of {name}": f"{node.address}:9691" for name, node in NODES.items()}
    for component in ("operator", "webhooks"):
        selector = ("--namespace", CONTROL, "--selector", f"app.kubernetes.io/component={component}")
        for each in cluster.objects("pods", *selector):
            if "deletionTimestamp" not in each["metadata"]:
                found[each["metadata"]["name"]] = f"{each['status']['podIP']}:8082"
    return found


def read(address: str, token: str = "") -> tuple[int, str]:
    request = urllib.request.Request(f"https://{address}/metrics")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=20, context=ssl._create_unverified_context()) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""


def token(cluster: Cluster, account: str) -> str:
    return cluster.kubectl("create", "token", account).stdout.strip()


def value(text: str, sample: str) -> float:
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_every_program_has_metrics_for_who_may_read_them_and_nobody_else(scraped: Cluster) -> None:
    reader, stranger = token(scraped, ACCOUNT), token(scraped, STRANGER)
    served = addresses(scraped)

    assert len(served) >= 5
    for name, address in served.items():
        assert [401, 401, 403] == [read(address, each)[0] for each in ("", "invented", stranger)], name
        status, text = read(address, reader)
        assert (200, 1) == (status, value(text, "netattach_ready")), name
        assert value(text, "process_resident_memory_bytes") > 0


def test_the_ports_of_the_probes_have_no_metrics_then(scraped: Cluster) -> None:
    selector = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=webhooks")
    for each in scraped.objects("pods", *selector):
        url = f"http://{each['status']['podIP']}:8081/metrics"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url, timeout=20)


def test_a_permission_that_is_taken_away_counts_within_a_minute(scraped: Cluster) -> None:
    reader = token(scraped, ACCOUNT)
    address = f"{NODES['node1'].address}:9691"
    assert 200 == read(address, reader)[0]
    scraped.kubectl("delete", *BINDING)

    scraped.eventually(lambda: read(address, reader)[0] == 403, "the daemon refuses the reader")
    role, account = "--clusterrole=netattach-metrics-reader", f"--serviceaccount=default:{ACCOUNT}"
    scraped.kubectl("create", *BINDING, role, account)
    scraped.eventually(lambda: read(address, reader)[0] == 200, "the daemon knows the reader again")


def test_a_pod_is_in_the_metrics_of_its_node_by_phase_and_network(scraped: Cluster) -> None:
    reader, address = token(scraped, ACCOUNT), f"{NODES['node1'].address}:9691"
    created(scraped, nad("metrics", config(type="macvlan", master="eth1")))
    try:
        created(scraped, pod("metrics", "metrics"))
        scraped.wait_running("metrics")
        _, text = read(address, reader)

        labels = 'command="ADD",network="default/metrics",outcome="success"'
        assert 1 == value(text, f"netattach_network_call_duration_seconds_count{{{labels}}}")
        for phase in ("queue", "resolve", "plan", "status"):
            sample = "netattach_cni_call_phase_duration_seconds_count"
            assert value(text, f'{sample}{{command="ADD",phase="{phase}"}}') >= 1
    finally:
        scraped.kubectl("delete", "pod", "metrics", "--ignore-not-found")
        scraped.kubectl("delete", "network-attachment-definition", "metrics")
    scraped.eventually(
        lambda: "default/metrics" not in read(address, reader)[1], "the network that is gone is forgotten"
    )


def test_the_daemons_own_token_opens_no_metrics(scraped: Cluster) -> None:
    """A captured daemon reads those of other nodes no more than any pod."""
    words = ("--namespace", NODE, "create", "token", "netattach-daemon")
    own = scraped.kubectl(*words).stdout.strip()

    assert 403 == read(f"{NODES['node2'].address}:9691", own)[0]
