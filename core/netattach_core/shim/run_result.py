"""The outcome of a plugin's run: its result, or an error that says what to do.

The shim reports the runs that it makes without the daemon in the same words (plugin/shim/plugin_error.c).
"""

from __future__ import annotations

from netattach_core.cni import result as cni_result
from netattach_core.errors import DelegateError, NetattachError, NotRunError
from netattach_core.shim.protocol import Outcome, Ran
from netattach_core.text import json_document

_NOT_RUN = {Outcome.NOT_FOUND, Outcome.FAILED, Outcome.REFUSED}
_TOO_MUCH_OUTPUT = 27  # EFBIG: the only FAILED of a plugin that was started
_MAX_OUTPUT = 400
"""Characters of a plugin's output in an error message; the details have all of it."""


def succeeded(ran: Ran, plugin: str) -> None:
    """For DEL and CHECK, which have no result. Raises DelegateError, NotRunError."""
    if ran.outcome is not Outcome.EXITED or ran.number != 0:
        raise _failure(ran, plugin)


def result(ran: Ran, plugin: str, cni_version: str) -> str:
    """The result of an ADD as JSON text, in the configuration's version.

    Keeps the plugin's bytes if they are in that version already. Raises DelegateError, NotRunError.
    """
    succeeded(ran, plugin)
    text = ran.stdout.decode(errors="replace").strip()
    if not text:
        raise DelegateError(f"plugin {plugin} returned no result; its effect is unknown")
    try:
        read = cni_result.parse(text, cni_version)
        return text if read.cni_version == cni_version else cni_result.dump(read, cni_version)
    except NetattachError as error:
        raise DelegateError(
            f"plugin {plugin} returned an invalid CNI result: {error.message}", details=text
        ) from error


def _failure(ran: Ran, plugin: str) -> DelegateError:
    if ran.outcome is not Outcome.EXITED:
        kind = NotRunError if ran.outcome in _NOT_RUN and ran.number != _TOO_MUCH_OUTPUT else DelegateError
        return kind(f"plugin {plugin} {_outcome_text(ran)}", details=_text(ran.stderr))
    body = _error_object(ran.stdout)
    if body is None:
        output = _text(ran.stdout) or _text(ran.stderr) or "nothing"
        return DelegateError(
            f"plugin {plugin} failed with exit status {ran.number} and printed: {output[:_MAX_OUTPUT]}",
            details=output,
        )
    code, details = body.get("code"), body.get("details")
    return DelegateError(
        f"plugin {plugin} failed: {body.get('msg') or 'without a message'}",
        details=details if isinstance(details, str) else "",
        delegate_code=code if isinstance(code, int) else 0,
    )


def _outcome_text(ran: Ran) -> str:
    return {
        Outcome.EXITED: "exited",
        Outcome.KILLED: f"was killed by signal {ran.number}",
        Outcome.TIMEOUT: f"did not end within {ran.number} ms and was stopped",
        Outcome.NOT_FOUND: "is not installed: no file of that name in the runtime's CNI directories; install it on this node",
        Outcome.FAILED: f"could not be run: {os_error(ran.number)}",
        Outcome.REFUSED: "was refused by the shim: the call would leave the runtime's CNI directories, or lead back to netattach",
    }[ran.outcome]


def os_error(number: int) -> str:
    """A description of errno, for those that starting a program can give."""
    known = {
        2: "its interpreter is missing",
        8: "it is not a program",
        13: "it is not executable",
        26: "it is being written",
    }
    known |= {
        11: "too many plugins run at once",
        12: "no memory is left",
        _TOO_MUCH_OUTPUT: "it wrote more than 1 MiB",
    }
    return known.get(number, f"errno {number}")


def _error_object(stdout: bytes) -> dict[str, object] | None:
    try:
        body = json_document.value(stdout.decode())
    except (json_document.JsonTextError, UnicodeDecodeError):
        return None
    return body if isinstance(body, dict) else None


def _text(data: bytes) -> str:
    return data.decode(errors="replace").strip()
