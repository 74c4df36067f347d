"""How a plugin's run ended, as the engine has to take it: its result, or an error that says what to do."""

from __future__ import annotations

from netattach_core.cni import result as cni_result
from netattach_core.errors import DelegateError, NetattachError, NotRunError
from netattach_core.shim.protocol import Outcome, Ran
from netattach_core.text import json_document

_NOT_RUN = {Outcome.NOT_FOUND, Outcome.FAILED, Outcome.REFUSED}
_TOO_MUCH_OUTPUT = 27  # EFBIG: the one failure that a plugin has after its start
_SHOWN = 400
"""Characters of a plugin's own words in an error; the whole goes into the details."""


def succeeded(ran: Ran, plugin: str) -> None:
    """For DEL and CHECK, whose output nobody reads. Raises DelegateError, NotRunError."""
    if ran.outcome is not Outcome.EXITED or ran.number != 0:
        raise _failure(ran, plugin)


def result(ran: Ran, plugin: str, cni_version: str) -> str:
    """The result of an ADD as text of the configuration's version (R7).

    Its own bytes where the version is right already. Raises DelegateError, NotRunError.
    """
    succeeded(ran, plugin)
    text = ran.stdout.decode(errors="replace").strip()
    if not text:
        raise DelegateError(f"plugin {plugin} printed no result, so nobody knows what it has done")
    try:
        read = cni_result.parse(text, cni_version)
        return text if read.cni_version == cni_version else cni_result.dump(read, cni_version)
    except NetattachError as error:
        raise DelegateError(
            f"plugin {plugin} answered what is no CNI result: {error.message}", details=text
        ) from error


def _failure(ran: Ran, plugin: str) -> DelegateError:
    if ran.outcome is not Outcome.EXITED:
        kind = NotRunError if ran.outcome in _NOT_RUN and ran.number != _TOO_MUCH_OUTPUT else DelegateError
        return kind(f"plugin {plugin} {_outcome_text(ran)}", details=_words(ran.stderr))
    body = _error_object(ran.stdout)
    if body is None:
        said = _words(ran.stdout) or _words(ran.stderr) or "nothing"
        return DelegateError(
            f"plugin {plugin} failed with exit status {ran.number} and said: {said[:_SHOWN]}", details=said
        )
    code, details = body.get("code"), body.get("details")
    return DelegateError(
        f"plugin {plugin} failed: {body.get('msg') or 'without a message'}",
        details=details if isinstance(details, str) else "",
        delegate_code=code if isinstance(code, int) else 0,
    )


def _outcome_text(ran: Ran) -> str:
    return {
        Outcome.EXITED: "ended",
        Outcome.KILLED: f"was ended by signal {ran.number}",
        Outcome.TIMEOUT: f"did not end within {ran.number} ms and was stopped",
        Outcome.NOT_FOUND: "is not installed: no file of that name in the runtime's CNI directories; install it on this node",
        Outcome.FAILED: f"could not be run: {os_error(ran.number)}",
        Outcome.REFUSED: "was refused by the shim: the call would leave the runtime's CNI directories, or lead back to netattach",
    }[ran.outcome]


def os_error(number: int) -> str:
    """errno in words; the few that starting a program gives."""
    known = {
        2: "its interpreter is missing",
        8: "it is no program",
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


def _words(data: bytes) -> str:
    return data.decode(errors="replace").strip()
