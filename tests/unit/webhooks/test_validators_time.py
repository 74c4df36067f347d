"""The CPU time of a review, from the body to the findings."""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from contract.test_corpus import CORPUS, Sample, read
from contract.test_corpus import inventory as nodes_of
from netattach_core.api import inventory
from netattach_core.text.finding import Severity
from netattach_kube import program
from netattach_webhooks import __main__
from unit.webhooks.harness import NewKeyPair, review, run, serving

REVIEWS = 200
SECONDS = 0.010
"""CPU time of the median review, which takes a fraction of it: a busy machine must not fail the test."""


@pytest.fixture(scope="module")
def largest() -> Sample:
    """The NAD with the longest CNI config in the corpus of real NADs."""
    if not CORPUS.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs the corpus of real NADs at {CORPUS}")
        pytest.skip(f"no corpus of real NADs at {CORPUS}")
    samples = [read(path) for folder in ("valid", "invalid") for path in sorted((CORPUS / folder).iterdir())]
    return max(samples, key=lambda sample: len(str(sample.body.get("spec", {}).get("config", ""))))


@pytest.fixture
def _reduced_pauses() -> Iterator[None]:
    """Settings of the interpreter, as the program makes them when it starts."""
    before = sys.getswitchinterval()
    program.reduce_pauses(__main__._GC_THRESHOLDS)
    yield
    gc.unfreeze()
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_reduced_pauses")
def test_the_largest_of_real_networks_is_validated_in_ten_milliseconds(
    new_key_pair: NewKeyPair, largest: Sample
) -> None:
    """Each review has another text, so that no result can be cached. bench/webhook_load.py measures how long a client waits."""
    node = inventory.to_dict(nodes_of(largest.header))
    seconds: list[float] = []

    async def scenario() -> None:
        async with serving(new_key_pair(), node=node) as harness:
            validators = harness.program._webhooks._validators
            for number in range(REVIEWS):
                body = review("NetworkAttachmentDefinition", with_spaces(largest.body, number))
                started = time.process_time()
                result = await validators.validate_nad(await validators.decode("nads", body))
                seconds.append(time.process_time() - started)
                assert not [each for each in result.findings if each.effective_severity is Severity.DENY]

    run(scenario)

    assert statistics.median(seconds) < SECONDS


def with_spaces(body: dict[str, Any], count: int) -> dict[str, Any]:
    """The NAD with spaces after its CNI config."""
    config = str(body["spec"]["config"])
    return {**body, "spec": {**body["spec"], "config": config + " " * count}}
