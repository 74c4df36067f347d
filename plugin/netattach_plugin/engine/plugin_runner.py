"""The executor of plugins: a step becomes a RUN of the shim, and what the plugin said becomes its result."""

from __future__ import annotations

from netattach_core.attach.plan import Step, Verb
from netattach_core.cni import config as cni_config
from netattach_core.cni.request import CniRequest
from netattach_core.shim import run_result
from netattach_plugin.ports import Shim


class PluginExecutor:
    """Runs the plugins of one call, each with a deadline in seconds."""

    def __init__(self, shim: Shim, call: CniRequest, deadline: float) -> None:
        self._shim = shim
        self._call = call
        self._deadline = deadline

    async def execute(self, verb: Verb, step: Step, previous: str | None) -> str:
        stdin = cni_config.with_previous(step.stdin, previous or None)
        ran = await self._shim.run(step.plugin, stdin.encode(), self._environment(verb, step), self._deadline)
        if verb is Verb.ADD:
            return run_result.result(ran, step.plugin, step.cni_version)
        run_result.succeeded(ran, step.plugin)
        return ""

    def _environment(self, verb: Verb, step: Step) -> dict[str, str]:
        """CNI_PATH is the runtime's own and stays with the shim; the other variables of the runtime too (C88)."""
        return {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": self._call.container_id,
            "CNI_NETNS": self._call.netns,
            "CNI_IFNAME": step.ifname,
            "CNI_ARGS": step.args,
        }
