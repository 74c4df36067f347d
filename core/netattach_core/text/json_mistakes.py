"""The slips that people really make in JSON: each with its place, what it is and how to fix it.

Asked only where a text is no JSON, of the place where a reader came to a stop; so the slip may lie before it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from netattach_core.net.names import shown

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

_LONGEST_QUOTE = 100

_SMART_QUOTES = "\u201c\u201d\u201e\u2018\u2019"
_SMART_END = re.compile(rf"[{_SMART_QUOTES}](?=[ \t\n\r]*(?:[,:}}\]]|\Z))")
"""Such a quote where a text would end."""

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_KEY = re.compile(r"[\w./-]+(?=[ \t]*:)")
_BETWEEN = " \t,{}[]"
"""What stands between a value and the next quote."""

_FENCE = re.compile(r"(?:```|~~~)[^\n]*")
_TEMPLATE = re.compile(
    r"\{\{-?\s*[.$\w(/][^\n]*?\}\}|\{%[^\n]*?%\}|\$\{[^{}\n]*\}|\$\([^()\n]*\)|\$[A-Za-z_]\w*(?!\w*[ \t]*:)|<[A-Za-z][\w .-]*>"
)
"""Of Helm and Jinja; of shells and envsubst; and what manuals write."""

_YAML = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]|\n|$)")
_OF_AN_OBJECT = {"apiVersion", "kind", "metadata", "spec"}


class Slip(NamedTuple):
    """Where it is, what stands there, and what should."""

    offset: int
    problem: str
    fix: str


def before_all(text: str, at: int) -> Slip | None:
    """What is not JSON from the beginning on."""
    if text.startswith("{", at):
        return None
    if at == len(text):
        return Slip(at, "the text is empty", "write a JSON object: { … }")
    if text.startswith("\ufeff", at):
        return Slip(at, "a byte order mark stands before the JSON text", "save the file without it")
    if fence := _FENCE.match(text, at):
        fix = "remove this line, and the one that closes the block"
        return Slip(at, f"a Markdown fence: {shown(fence.group())}", fix)
    yaml = _YAML.match(text, at)
    if yaml and yaml[1] in _OF_AN_OBJECT:
        problem = "this is a whole object in YAML, not the JSON of a network's configuration"
        return Slip(at, problem, "write only what stands in its spec.config")
    if yaml:
        return Slip(at, "this is YAML, not JSON", 'write the configuration as JSON: { "type": … }')
    return None


def behind_all(text: str, at: int) -> Slip:
    """What stands behind the end."""
    if fence := _FENCE.match(text, at):
        return Slip(at, f"a Markdown fence: {shown(fence.group())}", "remove this line")
    general = Slip(at, "text after the end of the configuration", "keep one JSON object and remove the rest")
    return template(text, at) or invisible(text, at) or general


def unexpected(text: str, at: int, wanted: str) -> Slip:
    """What stands at a place where something else was wanted."""
    found = (
        template(text, at)
        or invisible(text, at)
        or _quote_before(text, at, wanted)
        or _sign(text, at, wanted)
        or _word(text, at, wanted)
    )
    return found or Slip(at, f"`{text[at]}` where {wanted} should stand", f"write {wanted}")


def template(text: str, at: int) -> Slip | None:
    """One that nobody has filled in; its first brace may have been taken for an object's."""
    for start in (at - 1, at):
        found = _TEMPLATE.match(text, max(start, 0))
        if found:
            problem = f"`{shown(found.group())}` is a template that nobody has filled in"
            fix = "apply what helm template, envsubst or whatever it is written for makes of it; or write the value"
            return Slip(found.start(), problem, fix)
    return None


def invisible(text: str, at: int) -> Slip | None:
    """Blanks that JSON does not know, and what has no shape at all."""
    char = text[at]
    kind = unicodedata.category(char)
    if kind[0] != "Z" and kind not in {"Cc", "Cf"}:
        return None
    name = unicodedata.name(char, "control character").lower()
    fix = "write a plain blank" if kind[0] == "Z" else "remove it, or write a plain blank"
    return Slip(at, f"a character that cannot be seen: {name} (U+{ord(char):04X})", fix)


def typographic_end(text: str, start: int, end: int) -> Slip | None:
    """Of a string that a plain quote opens at `start`, and that goes on to `end` at least."""
    found = _SMART_END.search(text[start + 1 : end])
    if found is None:
        return None
    problem = f"{_named(found.group())} where a text should be closed"
    return Slip(start + 1 + found.start(), problem, 'write a plain double quote: "')


def _quote_before(text: str, at: int, wanted: str) -> Slip | None:
    """A string that should have been closed earlier ends with the quote that opens the next one."""
    if text[at - 1 : at] != '"':
        return None
    start = next((found.start() for found in _STRING.finditer(text, 0, at) if found.end() == at), at - 1)
    if smart := typographic_end(text, start, at - 1):
        return smart
    inner = text[start + 1 : at - 1]
    key = _KEY.match(inner) if wanted.startswith("a colon") else None
    end = key.end() if key else len(inner.rstrip(_BETWEEN))
    if key or set(inner[end:]) & set(",}]"):
        whole = f'"{shown(inner[:end])}"'
        return Slip(start + 1 + end, f"no quote behind {_quoted(inner[:end])}", f"write {whole}")
    if WORD.match(text, at):
        problem = "a quote with a word directly behind it"
        fix = r"write \" for a quote inside of a text; or close the text that stands before it"
        return Slip(at - 1, problem, fix)
    return None


def _quoted(text: str) -> str:
    """Characters that cannot be seen take several each."""
    quoted = repr(shown(text))
    return quoted if len(quoted) <= _LONGEST_QUOTE else f"{quoted[:_LONGEST_QUOTE]}…'"


def _sign(text: str, at: int, wanted: str) -> Slip | None:
    char = text[at]
    if char == "#" or text.startswith(("//", "/*"), at):
        return Slip(at, "a comment; JSON has none", "remove it")
    if char in _SMART_QUOTES:
        return Slip(at, _named(char), 'write a plain double quote: "')
    if char == "'":
        return Slip(at, "a single quote", 'write a double quote: "')
    if char in "}],":
        behind_comma = char == "," or text[:at].rstrip().endswith(",")
        fix = f"write {wanted}, or remove the comma" if behind_comma else f"write {wanted}"
        return Slip(at, f"`{char}` where {wanted} should stand", fix)
    return None


def _named(quote: str) -> str:
    return f"a typographic quote {quote} (U+{ord(quote):04X})"


def _word(text: str, at: int, wanted: str) -> Slip | None:
    found = WORD.match(text, at)
    if found is None:
        return None
    word = found.group()
    if word in {"True", "False", "None", "yes", "no", "on", "off"}:
        return Slip(at, f"`{word}`, which is no JSON", "write true, false or null")
    if word in {"NaN", "Infinity"}:
        return Slip(at, f"`{word}`, which is no JSON number", "write a number")
    quoted = shown(word)
    return Slip(at, f"`{quoted}` where {wanted} should stand", f'put it in double quotes: "{quoted}"')
