"""How long a review takes in the program itself, from the text of the question to what is found."""

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
from netattach_webhooks import __main__
from unit.webhooks.scene import Pair, review, run, serving

ROUNDS, REVIEWS = 5, 100
P99 = 0.010


@pytest.fixture(scope="module")
def largest() -> Sample:
    """The longest of the real NADs."""
    if not CORPUS.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"no corpus at {CORPUS}, and CI is where it has to be")
        pytest.skip(f"no corpus of real NADs at {CORPUS}")
    samples = [read(path) for folder in ("valid", "invalid") for path in sorted((CORPUS / folder).iterdir())]
    return max(samples, key=lambda sample: len(str(sample.body.get("spec", {}).get("config", ""))))


@pytest.fixture
def _evenly() -> Iterator[None]:
    """As the program does it at its start."""
    before = sys.getswitchinterval()
    __main__._answer_evenly()
    yield
    gc.unfreeze()
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_evenly")
def test_the_largest_of_real_networks_is_validated_in_ten_milliseconds(pair: Pair, largest: Sample) -> None:
    """99 of 100, in the best of five rounds. Each text is another one, so that none is known.

    It is the processor's time, since others may want the processor too; bench/webhook_load.py measures how long one waits.
    """
    node = inventory.to_dict(nodes_of(largest.header))
    times: list[float] = []

    async def story() -> None:
        async with serving(pair(), node=node) as scene:
            validators = scene.program._webhooks._validators
            for number in range(ROUNDS * REVIEWS):
                asked = review("NetworkAttachmentDefinition", another(largest.body, number))
                begins = time.process_time()
                validated = await validators.nad(await validators.read("nads", asked))
                times.append(time.process_time() - begins)
                assert not [each for each in validated.findings if each.effective_severity is Severity.DENY]

    run(story)
    rounds = [times[first : first + REVIEWS] for first in range(0, len(times), REVIEWS)]

    assert min(statistics.quantiles(each, n=100)[98] for each in rounds) < P99


def another(body: dict[str, Any], number: int) -> dict[str, Any]:
    config = str(body["spec"]["config"])
    return {**body, "spec": {**body["spec"], "config": config + " " * number}}
