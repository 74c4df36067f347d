"""The program on the node that makes CNI calls."""

import json
from pathlib import Path
from typing import Any

import pytest

from compare import agent


@pytest.fixture
def call(tmp_path: Path) -> Any:
    """A call of a plugin that is a shell script."""

    def written(script: str, config: dict[str, Any]) -> dict[str, Any]:
        program = tmp_path / f"plugin{len(list(tmp_path.iterdir()))}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return {"program": str(program), "environment": {"PATH": "/usr/bin:/bin"}, "config": config}

    return written


def test_each_call_of_a_chain_gets_the_result_of_the_one_before(call: Any) -> None:
    first, second = call("""echo '{"ips": []}'""", {"a": 1}), call("cat", {"b": 2})

    outcome = agent.pod([[[first, second]]])

    assert [{"b": 2, "prevResult": {"ips": []}}] == outcome["results"]
    assert [] == outcome["errors"]


def test_a_failed_call_ends_its_chain_and_is_reported_with_its_output(call: Any) -> None:
    failing, never = call("""echo '{"msg": "no lease"}'; exit 3""", {}), call("""echo '{"ran": true}'""", {})

    outcome = agent.pod([[[failing, never], [call("echo '{}'", {})]]])

    assert [None, {}] == outcome["results"]
    [error] = outcome["errors"]
    assert f'{failing["program"]} ended with 3: {{"msg": "no lease"}}' == error.strip()


def test_the_chains_of_a_stage_run_at_once_and_stages_one_after_the_other(call: Any, tmp_path: Path) -> None:
    met = tmp_path / "met"
    met.mkdir()
    wait = "touch {0}/{1}; while ! [ -e {0}/{2} ]; do sleep 0.01; done; echo {{}}"
    stage = [[call(wait.format(met, "a", "b"), {})], [call(wait.format(met, "b", "a"), {})]]
    last = [[call(f"ls {met} | wc -l", {})]]

    assert [{}, {}, 2] == agent.pod([stage, last])["results"]


def test_a_call_that_reads_no_config_and_prints_no_result_succeeds(call: Any) -> None:
    outcome = agent.pod([[[call("exec 0<&-", {"large": "x" * 100_000})]]])

    assert ([None], []) == (outcome["results"], outcome["errors"])


def test_the_processor_time_of_the_programs_is_counted(call: Any) -> None:
    busy = call("i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done", {})

    assert 0 < agent.pod([[[busy]]])["cpu_ms"]


def test_a_request_that_fails_is_answered_with_its_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = [{"operation": "exists", "path": "/"}, {"operation": "delete_namespaces", "names": 3}]
    monkeypatch.setattr("sys.stdin", [json.dumps(request) for request in requests])

    agent.main()

    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"answer": True} == answers[0]
    assert ["error"] == list(answers[1])
