"""The chart's values for metrics: what they open, for whom, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.chart import CHART, Body, rendered

ON: Body = {"enabled": True}
DAEMON, OPERATOR, WEBHOOKS = "netattach-daemon", "netattach-operator", "netattach-webhooks"
PORTS = {DAEMON: 9691, OPERATOR: 8082, WEBHOOKS: 8082}


def objects(**metrics: Any) -> list[Body]:
    return rendered({"metrics": metrics})


def of_kind(found: list[Body], kind: str) -> dict[str, Body]:
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def containers(found: list[Body]) -> dict[str, Body]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]
        for each in found
        if each["kind"] in {"Deployment", "DaemonSet"}
    }


def environment(container: Body) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container.get("env", ())}


def test_by_default_no_program_asks_about_tokens_and_no_port_is_open() -> None:
    found = rendered()
    rules = [rule for each in of_kind(found, "ClusterRole").values() for rule in each["rules"]]

    assert not {"tokenreviews", "subjectaccessreviews"} & {
        name for rule in rules for name in rule.get("resources", ())
    }
    assert all("NETATTACH_METRICS" not in environment(each) for each in containers(found).values())
    assert not {each["kind"] for each in found} & {"ServiceMonitor", "PodMonitor", "PrometheusRule"}


def test_one_value_has_all_programs_serve_their_metrics_to_who_may_read_them() -> None:
    found = objects(**ON)
    served = {name: environment(each)["NETATTACH_METRICS"] for name, each in containers(found).items()}

    assert {DAEMON: "[$(NODE_ADDRESS)]:9691", OPERATOR: ":8082", WEBHOOKS: ":8082"} == served
    (binding,) = [
        each
        for each in of_kind(found, "ClusterRoleBinding").values()
        if each["roleRef"]["name"] == "netattach-metrics"
    ]
    assert set(served) == {each["name"] for each in binding["subjects"]}
    reader = of_kind(found, "ClusterRole")["netattach-metrics-reader"]
    assert [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}] == reader["rules"]


def test_the_programs_may_ask_and_nothing_else() -> None:
    role = of_kind(objects(**ON), "ClusterRole")["netattach-metrics"]

    assert [(["tokenreviews"], ["create"]), (["subjectaccessreviews"], ["create"])] == [
        (rule["resources"], rule["verbs"]) for rule in role["rules"]
    ]


def test_the_port_without_authentication_is_closed_then() -> None:
    policies = of_kind(objects(**ON), "NetworkPolicy")
    ports = {
        name: [port["port"] for rule in policies[name]["spec"]["ingress"] for port in rule["ports"]]
        for name in (OPERATOR, WEBHOOKS)
    }

    assert {OPERATOR: [8082], WEBHOOKS: [8443, 8082]} == ports


def test_only_the_namespaces_that_are_named_may_connect() -> None:
    policies = of_kind(objects(**ON, namespaces=["monitoring", "other"]), "NetworkPolicy")
    selector = {
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["monitoring", "other"]}
        ]
    }

    for name in (OPERATOR, WEBHOOKS):
        assert [{"namespaceSelector": selector}] == policies[name]["spec"]["ingress"][-1]["from"]


def test_the_certificate_of_a_secret_is_mounted_and_verified() -> None:
    found = objects(**ON, tlsSecret="metrics-tls", monitor="ServiceMonitor")

    for name, container in containers(found).items():
        directory = environment(container)["NETATTACH_METRICS_TLS"]
        (mount,) = [each for each in container["volumeMounts"] if each["mountPath"] == directory]
        assert (mount["readOnly"], mount["name"]) == (True, "metrics-tls"), name
    for monitor in of_kind(found, "ServiceMonitor").values():
        (endpoint,) = monitor["spec"]["endpoints"]
        ca = {"secret": {"name": "metrics-tls", "key": "ca.crt"}}
        assert {"serverName": "netattach-metrics", "ca": ca} == endpoint["tlsConfig"]


def test_service_monitors_find_the_ports_of_the_programs() -> None:
    found = objects(**ON, nodePort=9999, monitor="ServiceMonitor", labels={"release": "x"}, interval="5s")
    services = of_kind(found, "Service")
    monitors = of_kind(found, "ServiceMonitor")

    assert {DAEMON, OPERATOR, WEBHOOKS} == set(monitors)
    for name, monitor in monitors.items():
        (endpoint,) = monitor["spec"]["endpoints"]
        service = services[f"{name}-metrics"]
        (port,) = service["spec"]["ports"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
        assert {**PORTS, DAEMON: 9999}[name] == port["targetPort"]
        assert ("metrics", "https", "5s") == (port["name"], endpoint["scheme"], endpoint["interval"])
        assert endpoint["bearerTokenFile"].endswith("/serviceaccount/token")
        assert "x" == monitor["metadata"]["labels"]["release"]
    assert "[$(NODE_ADDRESS)]:9999" == environment(containers(found)[DAEMON])["NETATTACH_METRICS"]


def test_pod_monitors_have_the_token_of_a_secret() -> None:
    found = objects(**ON, monitor="PodMonitor", tokenSecret="scraper")
    monitors = of_kind(found, "PodMonitor")

    assert {DAEMON, OPERATOR, WEBHOOKS} == set(monitors)
    assert not [name for name in of_kind(found, "Service") if name.endswith("-metrics")]
    for name, monitor in monitors.items():
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert PORTS[name] == endpoint["portNumber"]
        assert {"name": "scraper", "key": "token"} == endpoint["authorization"]["credentials"]
        assert "bearerTokenFile" not in endpoint


@pytest.mark.parametrize(
    ("metrics", "named"),
    [
        ({"monitor": "ServiceMonitor"}, "metrics.monitor needs metrics.enabled"),
        ({"enabled": True, "monitor": "PodMonitor"}, "needs metrics.tokenSecret"),
        ({"monitor": "Probe"}, "/metrics/monitor"),
        ({"runbooks": "docs"}, "/metrics/runbooks"),
        ({"interval": "often"}, "/metrics/interval"),
        ({"namespaces": ["A"]}, "/metrics/namespaces/0"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(metrics: Body, named: str) -> None:
    with pytest.raises(ValueError, match=r"netattach|values") as refused:
        objects(**metrics)

    assert named in str(refused.value)


def test_the_alerts_are_those_of_the_file() -> None:
    (rules,) = of_kind(objects(rules=True), "PrometheusRule").values()

    assert yaml.safe_load((CHART / "monitoring/rules.yaml").read_text()) == rules["spec"]


def test_alerts_lead_to_where_the_runbooks_are_published() -> None:
    (rules,) = of_kind(objects(rules=True, runbooks="https://docs.example.com/runbooks/"), "PrometheusRule").values()  # fmt: skip
    urls = [
        rule["annotations"]["runbook_url"] for group in rules["spec"]["groups"] for rule in group["rules"]
    ]

    assert len(urls) > 10
    assert all(url.startswith("https://docs.example.com/runbooks/netattach-") for url in urls)
    assert all(url.endswith(".html") for url in urls)


def test_the_dashboard_is_the_one_of_the_file() -> None:
    (config_map,) = [
        each
        for name, each in of_kind(objects(dashboard=True), "ConfigMap").items()
        if name == "netattach-dashboard"
    ]

    text = (CHART / "monitoring/dashboard.json").read_text()
    assert {"netattach.json": text.strip()} == config_map["data"]
