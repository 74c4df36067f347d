"""Objects of the cluster, read with the kubectl that its user has configured."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

_GRACE_SECONDS = 5
"""After kubectl's own timeout, for kubectl to exit."""

_NO_SUCH_KIND = "the server doesn't have a resource type"


class KubectlError(Exception):
    """kubectl is not installed, or has failed; the message says why."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The cluster to ask; by default the one that kubectl itself uses."""

    kubeconfig: str = ""
    context: str = ""
    seconds: int = 30

    def get(self, kind: str, *words: str) -> Any:
        """The objects of a kind, as a List; `words` are more of kubectl's arguments. Raises KubectlError."""
        done = self._run("get", kind, *words, "--output=json", f"--request-timeout={self.seconds}s")
        if done.returncode:
            raise KubectlError(_failure(kind, done.stderr))
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise KubectlError("kubectl printed something other than JSON") from error

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        options = {"--kubeconfig": self.kubeconfig, "--context": self.context}
        flags = [f"{option}={value}" for option, value in options.items() if value]
        try:
            return subprocess.run(
                ["kubectl", *flags, *words],
                capture_output=True,
                text=True,
                check=False,
                timeout=self.seconds + _GRACE_SECONDS,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise KubectlError(
                "kubectl is not installed; install it, or give a file with its output"
            ) from error
        except OSError as error:
            raise KubectlError(f"kubectl cannot be started: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"kubectl did not answer within {self.seconds} s") from error


def _failure(kind: str, stderr: str) -> str:
    """The last line of kubectl's output; the lines before it report its attempts."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    message = (lines[-1] if lines else "it failed without a message").removeprefix("error: ")
    project = "netattach" if kind.endswith("netattach.io") else "Multus"
    hint = f"; is {project} installed in it?" if _NO_SUCH_KIND in message else ""
    return f"kubectl get {kind}: {message}{hint}"
