"""What the cluster knows, asked with the kubectl that its user has set up."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

_TO_END = 5
_NO_SUCH_KIND = "the server doesn't have a resource type"


class KubectlError(Exception):
    """kubectl is not there, or has failed; the text says why."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Which cluster is meant: by default the one that kubectl itself would take."""

    kubeconfig: str = ""
    context: str = ""
    seconds: int = 30

    def get(self, kind: str) -> Any:
        """All objects of a kind without namespaces, as a List. Raises KubectlError."""
        options = {"--kubeconfig": self.kubeconfig, "--context": self.context}
        chosen = [f"{option}={value}" for option, value in options.items() if value]
        try:
            done = subprocess.run(
                ["kubectl", *chosen, "get", kind, "--output=json", f"--request-timeout={self.seconds}s"],
                capture_output=True,
                text=True,
                check=False,
                timeout=self.seconds + _TO_END,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise KubectlError("kubectl is not there; install it, or save what it would print") from error
        except OSError as error:
            raise KubectlError(f"kubectl cannot be started: {error.strerror}") from error
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"kubectl has not answered within {self.seconds} s") from error
        if done.returncode:
            raise KubectlError(_why(kind, done.stderr))
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise KubectlError("kubectl has printed something other than JSON") from error


def _why(kind: str, stderr: str) -> str:
    """The last line says it; those before it are attempts."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = (lines[-1] if lines else "it does not say why").removeprefix("error: ")
    installed = "; is netattach installed in it?" if _NO_SUCH_KIND in said else ""
    return f"kubectl get {kind}: {said}{installed}"
