"""A pod whose annotation has several mistakes gets all of them in one answer, each with its place."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.admission import RequestedNetworks
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from unit.webhooks.harness import NewKeyPair, pod, review, run, serving

TEXT = '[{"name": "A"},\n {"name": "sound", "mac": 5}]'


def test_all_mistakes_are_in_the_message_with_a_caret_below_each(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            answer = await harness.post_review("pods", review("Pod", pod(TEXT)))
            lines = answer["status"]["message"].split("\n")

            assert not answer["allowed"]
            assert lines[1].endswith("is refused, 2 findings:")
            assert "networks[0].name (line 1, column 11)" in lines[2]
            assert "networks[1].mac (line 2, column 27)" in lines[5]
            for excerpt, caret, value in ((lines[3], lines[4], '"A"'), (lines[6], lines[7], "5}")):
                assert excerpt[caret.index("^") :].startswith(value)

    run(scenario)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (pod("sound", **{"k8s.v1.cncf.io/network": "a"}), None),
        (pod("sound", **{"v1.multus-cni.io/default-networks": "a"}), "pod-annotation-misspelt"),
        (pod('[{"name": "sound", "interfaceName": "lan"}]'), "pod-field-misspelt"),
    ],
)
def test_a_pod_with_a_misspelt_request_is_admitted_with_a_warning(
    new_key_pair: NewKeyPair, body: dict[str, object], rule: str | None
) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            answer = await harness.post_review("pods", review("Pod", body))

            assert answer["allowed"]
            assert [rule] * (rule is not None) == [
                warning.partition("]")[0].removeprefix("[") for warning in answer.get("warnings") or ()
            ]

    run(scenario)


def test_an_offset_in_the_other_annotation_has_no_caret(new_key_pair: NewKeyPair) -> None:
    """The excerpt would be of the wrong text."""

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            body = pod("sound", **{DEFAULT_NETWORK: "a, B"})
            answer = await harness.post_review("pods", review("Pod", body))

            assert not answer["allowed"]
            assert "default-network[1]: `B` is not a network" in answer["status"]["message"]
            assert "^" not in answer["status"]["message"]

    run(scenario)


def test_many_annotations_are_validated_in_a_thread(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any key may be misspelt; while many are compared, other reviews do not wait."""
    validate, threads = admission.validate_pod, []

    def recorded(*args: Any) -> RequestedNetworks:
        threads.append(threading.current_thread())
        return validate(*args)

    monkeypatch.setattr(admission, "validate_pod", recorded)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            for count in (1, 100):
                keys = {f"k8s.v{number}.cncf.io/networks": "" for number in range(count)}
                assert (await harness.post_review("pods", review("Pod", pod("sound", **keys))))["allowed"]

    run(scenario)
    main = threading.main_thread()
    assert [True, False] == [each is main for each in threads]
