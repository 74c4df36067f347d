"""Runs a step's plugin through the shim: a RUN frame, then the plugin's output as the step's result."""

from __future__ import annotations

import logging
import time

from netattach_core.attach.plan import Step, Verb
from netattach_core.cni import config as cni_config
from netattach_core.shim import run_result
from netattach_plugin.engine.context import CallContext

_log = logging.getLogger(__name__)


class PluginRunner:
    """The port Executor for the plugins of one call."""

    def __init__(self, context: CallContext) -> None:
        self._request = context.request
        self._shim = context.shim
        self._deadline = context.plugin_deadline

    async def execute(self, verb: Verb, step: Step, previous: str | None) -> str:
        stdin = cni_config.with_previous(step.stdin, previous or None)
        started = time.monotonic()
        ran = await self._shim.run(step.plugin, stdin.encode(), self._environment(verb, step), self._deadline)
        milliseconds = (time.monotonic() - started) * 1000
        _log.debug("%s of %s for %s took %.1f ms: %s %d", verb, step.plugin, step.ifname, milliseconds, ran.outcome.name,
                   ran.number)  # fmt: skip  # one statement, two lines
        if verb is Verb.ADD:
            return run_result.result(ran, step.plugin, step.cni_version)
        run_result.succeeded(ran, step.plugin)
        return ""

    def _environment(self, verb: Verb, step: Step) -> dict[str, str]:
        """Only what CNI defines: CNI_PATH and the other variables of the runtime stay with the shim."""
        return {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": self._request.container_id,
            "CNI_NETNS": self._request.netns,
            "CNI_IFNAME": step.ifname,
            "CNI_ARGS": step.args,
        }
