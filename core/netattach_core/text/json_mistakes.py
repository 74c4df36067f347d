"""Common mistakes in JSON: each with its offset, what is wrong and how to fix it.

Used only for a text that is not JSON, with the offset at which the parser stopped; the mistake itself may be before it.
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
"""A typographic quote in a place where a string would end."""

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_KEY = re.compile(r"[\w./-]+(?=[ \t]*:)")
_SEPARATORS = " \t,{}[]"
"""Characters between a value and the next quote."""

_QUOTED_OBJECT = re.compile(r"""(["'`])\s*\{(?!\s*\\)""")
"""An object in quotes that are not escaped inside; with escapes it is a JSON string, which contains the object."""

_FENCE = re.compile(r"(?:```|~~~)[^\n]*")
_TEMPLATE = re.compile(
    r"\{\{-?\s*[.$\w(/][^\n]*?\}\}|\{%[^\n]*?%\}|\$\{[^{}\n]*\}|\$\([^()\n]*\)|\$[A-Za-z_]\w*(?!\w*[ \t]*:)|<[A-Za-z][\w .-]*>"
)
"""Placeholders of Helm and Jinja, of shells and envsubst, and of manuals."""

_YAML = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]|\n|$)")
_KEYS_OF_AN_OBJECT = {"apiVersion", "kind", "metadata", "spec"}


class Mistake(NamedTuple):
    """The offset of a mistake, what is wrong there, and how to fix it."""

    offset: int
    problem: str
    fix: str


def at_start(text: str, at: int) -> Mistake | None:
    """The mistake in a text that does not begin like a JSON object; None where it does."""
    if text.startswith("{", at):
        return None
    if at == len(text):
        return Mistake(at, "the text is empty", "write a JSON object: { … }")
    if text.startswith("\ufeff", at):
        return Mistake(
            at, "there is a byte order mark before the JSON text", "save the file without a byte order mark"
        )
    if quoted := _QUOTED_OBJECT.match(text, at):
        quote, what = quoted[1], "quotes" if quoted[1] in {'"', "'"} else "backquotes"
        problem = f"the object is in {what} of its own: it starts with `{quote}{{`"
        return Mistake(
            at, problem, f"take the outer {what} away, so that the text starts with {{ and ends with }}"
        )
    if fence := _FENCE.match(text, at):
        fix = "remove this line and the one that closes the block"
        return Mistake(at, f"a Markdown fence: {shown(fence.group())}", fix)
    yaml = _YAML.match(text, at)
    if yaml and yaml[1] in _KEYS_OF_AN_OBJECT:
        problem = "this is a complete Kubernetes object in YAML, not a CNI configuration in JSON"
        return Mistake(at, problem, "write only the value of its spec.config")
    if yaml:
        return Mistake(at, "this is YAML, not JSON", 'write the configuration as JSON: { "type": … }')
    return None


def after_end(text: str, at: int) -> Mistake:
    """The mistake in text that follows the JSON value."""
    if fence := _FENCE.match(text, at):
        return Mistake(at, f"a Markdown fence: {shown(fence.group())}", "remove this line")
    general = Mistake(
        at, "text after the end of the configuration", "keep one JSON object and remove everything after it"
    )
    return template(text, at) or invisible(text, at) or general


def unexpected(text: str, at: int, wanted: str) -> Mistake:
    """The mistake at a place where the parser expected something else: `wanted`."""
    found = (
        template(text, at)
        or invisible(text, at)
        or _quote_before(text, at, wanted)
        or _sign(text, at, wanted)
        or _word(text, at, wanted)
    )
    return found or Mistake(at, f"`{text[at]}` instead of {wanted}", f"write {wanted}")


def template(text: str, at: int) -> Mistake | None:
    """A template that has not been rendered; the parser may have read its first brace as that of an object."""
    for start in (at - 1, at):
        found = _TEMPLATE.match(text, max(start, 0))
        if found:
            problem = f"`{shown(found.group())}` is a template expression that was not rendered"
            fix = "render the template (helm template, envsubst) and apply the result, or write the value"
            return Mistake(found.start(), problem, fix)
    return None


def invisible(text: str, at: int) -> Mistake | None:
    """White space that JSON does not allow, and characters without a glyph."""
    char = text[at]
    kind = unicodedata.category(char)
    if kind[0] != "Z" and kind not in {"Cc", "Cf"}:
        return None
    name = unicodedata.name(char, "control character").lower()
    fix = "write an ordinary space" if kind[0] == "Z" else "remove it, or write an ordinary space"
    return Mistake(at, f"an invisible character: {name} (U+{ord(char):04X})", fix)


def typographic_end(text: str, start: int, end: int) -> Mistake | None:
    """A typographic quote at the end of a string that opens with `"` at `start` and continues to `end` at least."""
    found = _SMART_END.search(text[start + 1 : end])
    if found is None:
        return None
    problem = f"{_named(found.group())} instead of a closing double quote"
    return Mistake(start + 1 + found.start(), problem, 'write an ASCII double quote: "')


def _quote_before(text: str, at: int, wanted: str) -> Mistake | None:
    """A missing closing quote: the string ends only at the quote that opens the next one."""
    if text[at - 1 : at] != '"':
        return None
    start = next((found.start() for found in _STRING.finditer(text, 0, at) if found.end() == at), at - 1)
    if smart := typographic_end(text, start, at - 1):
        return smart
    inner = text[start + 1 : at - 1]
    key = _KEY.match(inner) if wanted.startswith("a colon") else None
    end = key.end() if key else len(inner.rstrip(_SEPARATORS))
    if key or set(inner[end:]) & set(",}]"):
        whole = f'"{shown(inner[:end])}"'
        return Mistake(start + 1 + end, f"no closing quote after {_quoted(inner[:end])}", f"write {whole}")
    if WORD.match(text, at):
        problem = "a quote that is directly followed by a word"
        fix = r"write \" for a quote inside a string, or close the preceding string"
        return Mistake(at - 1, problem, fix)
    return None


def _quoted(text: str) -> str:
    """The text in quotes, shortened: an invisible character takes several in `repr`."""
    quoted = repr(shown(text))
    return quoted if len(quoted) <= _LONGEST_QUOTE else f"{quoted[:_LONGEST_QUOTE]}…'"


def _sign(text: str, at: int, wanted: str) -> Mistake | None:
    char = text[at]
    if char == "#" or text.startswith(("//", "/*"), at):
        return Mistake(at, "a comment; JSON has no comments", "remove it")
    if char in _SMART_QUOTES:
        return Mistake(at, _named(char), 'write an ASCII double quote: "')
    if char == "'":
        return Mistake(at, "a single quote", 'write a double quote: "')
    if char in "}],":
        after_comma = char == "," or text[:at].rstrip().endswith(",")
        fix = f"write {wanted}, or remove the comma" if after_comma else f"write {wanted}"
        return Mistake(at, f"`{char}` instead of {wanted}", fix)
    return None


def _named(quote: str) -> str:
    return f"a typographic quote {quote} (U+{ord(quote):04X})"


def _word(text: str, at: int, wanted: str) -> Mistake | None:
    found = WORD.match(text, at)
    if found is None:
        return None
    word = found.group()
    if word in {"True", "False", "None", "yes", "no", "on", "off"}:
        return Mistake(at, f"`{word}` is not a JSON value", "write true, false or null")
    if word in {"NaN", "Infinity"}:
        return Mistake(at, f"`{word}` is not a JSON number", "write a number")
    quoted = shown(word)
    return Mistake(at, f"`{quoted}` instead of {wanted}", f'put it in double quotes: "{quoted}"')
