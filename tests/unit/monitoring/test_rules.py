"""The alerts: valid, tested by promtool both ways, and each with a page that says what to do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import metric_names, require
from support.chart import CHART

ROOT = require.REPOSITORY
RULES = CHART / "monitoring/rules.yaml"
TESTS = Path(__file__).parent / "alerts_test.yaml"
ALERTS = {
    rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
}
PAGE = (ROOT / "docs/monitoring.md").read_text()


def promtool(*words: str | Path) -> None:
    done = subprocess.run(
        [require.prometheus("promtool"), *words], capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout + done.stderr


def test_prometheus_accepts_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_each_alert_fires_where_it_has_to_and_nowhere_else() -> None:
    promtool("test", "rules", TESTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_both_ways(alert: str) -> None:
    tests = [
        bool(case["exp_alerts"])
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    ]

    assert {True, False} == set(tests)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_page_that_the_list_leads_to(alert: str) -> None:
    url = ALERTS[alert]["annotations"]["runbook_url"]
    page = (ROOT / url).read_text()
    severity = ALERTS[alert]["labels"]["severity"]

    assert page.startswith(f"# {alert}\n")
    assert "**Effect.**" in page
    assert "**Find out.**" in page
    assert f"| [{alert}]({url.removeprefix('docs/')}) | {severity} |" in PAGE


def test_each_page_is_of_an_alert() -> None:
    pages = {f"docs/runbooks/{path.name}" for path in (ROOT / "docs/runbooks").iterdir()}

    assert pages == {rule["annotations"]["runbook_url"] for rule in ALERTS.values()}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_names_metrics_that_exist(alert: str) -> None:
    named = set(re.findall(r"\b(?:netattach|process)_\w+", ALERTS[alert]["expr"]))

    assert named or "up{" in ALERTS[alert]["expr"]
    assert set() == named - metric_names.exported()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_what_a_reader_needs(alert: str) -> None:
    rule: dict[str, Any] = ALERTS[alert]

    assert {"summary", "description", "runbook_url"} == rule["annotations"].keys()
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert all(text.endswith(".") for key, text in rule["annotations"].items() if key != "runbook_url")
