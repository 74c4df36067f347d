"""JSON text: a strict parser that records the offsets of all values, and edits that leave all other bytes unchanged.

The standard library does not meet two needs. The validator points at the line and column of a mistake and names it ("a comma
before `}`"); and a plugin receives its configuration with the author's own bytes, since a round trip through floats changes
numbers (Multus issue #1449: whole keys were lost). The parser accepts what Go's encoding/json accepts, since every plugin uses
that: no NaN, no comments, no trailing text; of two equal keys the last one counts.
"""

from __future__ import annotations

import bisect
import functools
import json
import math
import re
from collections.abc import Mapping
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]  # public in CPython, missing in typeshed
from typing import Any, NamedTuple, NoReturn

from netattach_core.net.names import shown
from netattach_core.text import json_mistakes
from netattach_core.text.finding import Path

MAX_DEPTH = 100
"""Levels of nested objects and lists; real configurations have fewer than ten."""

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN_KEY = re.compile(r'"([^"\\\x00-\x1f]*)"[ \t\n\r]*:')
"""A key without escapes, and the colon after it."""

_PLAIN_MEMBER = re.compile(
    r"""
    "(?P<key>[^"\\\x00-\x1f]*)" [ \t\n\r]*:[ \t\n\r]*
    (?P<value> "(?P<text>[^"\\\x00-\x1f]*)" | (?: true | false | 0 | [1-9][0-9]{0,9} )(?=[,}\ \t\n\r]) )
    (?P<next> [ \t\n\r]*,[ \t\n\r]*(?=") )?
    """,
    re.VERBOSE,
)
"""The most frequent members: a key with a string without escapes, a flag or a number; and the comma before the next key."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 300
"""Digits; no plugin has a type for longer ones."""

_CONSTANTS = {"true": True, "false": False, "null": None}


class JsonTextError(ValueError):
    """Text that is not JSON: `problem` is what is wrong at `offset`, `fix` what to do."""

    def __init__(self, offset: int, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.offset = offset
        self.problem = problem
        self.fix = fix


class Node(NamedTuple):
    """A value and its place: `text[start:end]`. Only an object has `members`, only a list has `items`."""

    value: Any
    start: int
    end: int
    members: tuple[Member, ...] = ()
    items: tuple[Node, ...] = ()


class Member(NamedTuple):
    """A key of an object with its value; an object that has a key twice has two members for it."""

    key: str
    start: int
    node: Node


def parse(text: str) -> Node:
    """The one JSON value of the text. Raises JsonTextError."""
    return _Parser(text).document()


def value(text: str) -> Any:
    """The value without offsets, fifty times faster, for text that no person wrote. Raises JsonTextError."""
    try:
        return json.loads(text, parse_int=_bounded_int, parse_float=_finite_float, parse_constant=_reject)
    except (ValueError, RecursionError):
        return parse(text).value  # which explains the mistake


def shallow_value(text: str) -> Any:
    """Like `value`, but with the limit of `parse` on the depth; as slow as `parse` for a text with many brackets."""
    is_shallow = text.count("{") + text.count("[") <= MAX_DEPTH
    return value(text) if is_shallow else parse(text).value


def _bounded_int(digits: str) -> int:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else _reject(digits)


def _finite_float(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) and len(digits) <= _LONGEST_NUMBER else _reject(digits)


def _reject(word: str) -> NoReturn:
    raise ValueError(word)


@functools.lru_cache(4096)
def folded(key: str) -> str:
    """A key as Go compares it (`encoding/json/fold.go: foldName`): equal for all spellings that a struct's field is read from.

    Go folds single characters: the long s is `s` and the Kelvin sign is `k`. In Python's casefold, ligatures are letters, too.
    """
    return key.casefold() if key.isascii() else "".join(map(_folded_char, key))


def _folded_char(char: str) -> str:
    plain = char.casefold()
    return plain if len(plain) == 1 else char


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both counted from 1."""
    starts = _line_starts(text)
    line = bisect.bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1


@functools.lru_cache(4)
def _line_starts(text: str) -> tuple[int, ...]:
    """The offsets at which lines begin; cached, since a file of a thousand objects may need a thousand positions."""
    return (0, *(found.end() for found in re.finditer("\n", text)))


def locate(root: Node, path: Path) -> Node | None:
    """The node at a path, or None where there is none. Of two equal keys the last one is used."""
    node: Node | None = root
    for part in path:
        if node is None:
            return None
        if isinstance(part, int):
            node = node.items[part] if part < len(node.items) else None
        else:
            node = next((m.node for m in reversed(node.members) if m.key == part), None)
    return node


def with_members(text: str, changes: Mapping[str, str | None]) -> str:
    """An object's text with some members set to other JSON texts, or removed where the change is None.

    All other members keep their bytes and their order, duplicate keys included. Changed members come first, in the order
    given. Raises JsonTextError where the text is not an object.
    """
    root = parse(text)
    if not isinstance(root.value, dict):
        raise JsonTextError(root.start, "not a JSON object", "write an object: { … }")
    parts = [f"{json.dumps(key)}:{value}" for key, value in changes.items() if value is not None]
    parts += [text[m.start : m.node.end] for m in root.members if m.key not in changes]
    return "{" + ",".join(parts) + "}"


def integral_numbers(text: str) -> str:
    """The text with each whole number in the form of a float (1500.0, 15e2) written as an integer.

    libcni re-encodes every configuration in this way, and Go refuses to decode the other form into an integer: what works
    with Multus keeps working.
    """
    edits = [(n.start, n.end, str(int(n.value))) for n in _numbers(parse(text)) if n.value == int(n.value)]
    for start, end, integer in reversed(edits):
        text = text[:start] + integer + text[end:]
    return text


def _numbers(node: Node) -> list[Node]:
    if isinstance(node.value, float):
        return [node] if abs(node.value) < 2**53 else []
    children = [*node.items, *(m.node for m in node.members)]
    return [number for child in children for number in _numbers(child)]


class _Parser:
    """One pass over the text; the state is the current offset and the brackets that are open."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.open: list[tuple[str, int]] = []

    def document(self) -> Node:
        self._skip_space()
        if mistake := json_mistakes.at_start(self.text, self.at):
            raise JsonTextError(*mistake)
        node = self._value()
        self._skip_space()
        if self.at < len(self.text):
            raise JsonTextError(*json_mistakes.after_end(self.text, self.at))
        return node

    def _value(self) -> Node:
        self._skip_space()
        start, char = self.at, self.text[self.at : self.at + 1]
        if char == "{":
            return self._object()
        if char == "[":
            return self._array()
        if char == '"':
            return Node(self._string(), start, self.at)
        number = _NUMBER.match(self.text, self.at)
        if number:
            return self._number(number.group())
        return self._constant()

    def _number(self, digits: str) -> Node:
        start = self.at
        follows = self.text[start + len(digits) : start + len(digits) + 1]
        if follows.isalnum() or follows in {".", "_"} or len(digits) > _LONGEST_NUMBER:
            raise self._error(
                "a number that is not valid in JSON",
                "write it in decimal, without leading zeros or units; put it in quotes if it is a string",
            )
        self.at += len(digits)
        value = float(digits) if set(digits) & set(".eE") else int(digits)
        if value in (float("inf"), float("-inf")):
            raise JsonTextError(start, "a number that is too large", "write a smaller one")
        return Node(value, start, self.at)

    def _constant(self) -> Node:
        start, word = self.at, json_mistakes.WORD.match(self.text, self.at)
        if word and word.group() in _CONSTANTS:
            self.at = word.end()
            return Node(_CONSTANTS[word.group()], start, self.at)
        raise self._unexpected("a value")

    def _object(self) -> Node:
        start, members = self._enter("{"), list[Member]()
        while not self._closed("}", after_element=bool(members)):
            self._members(members)
        return Node({m.key: m.node.value for m in members}, start, self.at, members=tuple(members))

    def _members(self, members: list[Member]) -> None:
        """Reads one member and the plain ones after it: those are most of a text, and take one step each."""
        plain = _PLAIN_MEMBER.match(self.text, self.at)
        if plain is None:
            members.append(self._member())
        while plain is not None:
            members.append(_plain_member(plain))
            self.at = plain.end("value")
            plain = _PLAIN_MEMBER.match(self.text, plain.end()) if plain["next"] else None

    def _member(self) -> Member:
        start = self.at
        plain = _PLAIN_KEY.match(self.text, start)
        if plain:
            self.at = plain.end()
            return Member(plain[1], start, self._value())
        if self._peek() != '"':
            raise self._unexpected("a key in double quotes")
        key = self._string()
        self._skip_space()
        if self._peek() != ":":
            raise self._unexpected(f"a colon after the key {shown(json.dumps(key))}")
        self.at += 1
        return Member(key, start, self._value())

    def _array(self) -> Node:
        start, items = self._enter("["), list[Node]()
        while not self._closed("]", after_element=bool(items)):
            items.append(self._value())
        return Node([n.value for n in items], start, self.at, items=tuple(items))

    def _enter(self, bracket: str) -> int:
        """Steps over an opening bracket and returns its offset."""
        start = self.at
        if len(self.open) >= MAX_DEPTH:
            raise self._error(
                f"objects and lists are nested more than {MAX_DEPTH} levels deep", "flatten the configuration"
            )
        self.open.append((bracket, start))
        self.at += 1
        return start

    def _closed(self, bracket: str, *, after_element: bool) -> bool:
        """Steps over the closing bracket, or over the comma to the next element; whether it was the bracket."""
        self._skip_space()
        if after_element and self._peek() != bracket:
            self._comma(bracket)
        if self._peek() != bracket:
            return False
        self.at += 1
        self.open.pop()
        return True

    def _comma(self, closing: str) -> None:
        comma = self.at
        if self._peek() == "{" and (mistake := json_mistakes.template(self.text, self.at)):
            raise JsonTextError(*mistake)
        if self._peek() in {'"', "{", "["}:
            after_value = len(self.text[:comma].rstrip())
            raise JsonTextError(after_value, "a missing comma between two values", "write a comma here")
        if self._peek() in {"}", "]"}:
            fix = f"write `{closing}` before it: it closes {self._last_enter()}"
            raise self._error(f"`{self._peek()}` instead of a comma or `{closing}`", fix)
        if self._peek() != ",":
            raise self._unexpected(f"a comma or `{closing}`")
        self.at += 1
        self._skip_space()
        if self._peek() in {"}", "]"}:
            raise JsonTextError(comma, f"a comma before `{self._peek()}`", "remove the comma")

    def _string(self) -> str:
        start = self.at
        try:
            value, self.at = scanstring(self.text, start + 1, True)
        except JSONDecodeError as error:
            raise _string_error(self.text, start, error) from error
        return str(value)

    def _skip_space(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # matches the empty text too

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _error(self, problem: str, fix: str) -> JsonTextError:
        return JsonTextError(self.at, problem, fix)

    def _last_enter(self) -> str:
        """The innermost open bracket, with its line and column."""
        opening, offset = self.open[-1] if self.open else ("", 0)
        line, column = position(self.text, offset)
        return f"the `{opening}` of line {line}, column {column} of the configuration"

    def _unexpected(self, wanted: str) -> JsonTextError:
        """The error for a place where the parser expected `wanted`."""
        if self.at == len(self.text):
            return self._error("the text ends too early", f"close {self._last_enter()}")
        return JsonTextError(*json_mistakes.unexpected(self.text, self.at, wanted))


def _plain_member(found: re.Match[str]) -> Member:
    key, written, text = found.group("key", "value", "text")
    value = text if text is not None else _CONSTANTS[written] if written in _CONSTANTS else int(written)
    return Member(key, found.start(), Node(value, *found.span("value")))


def _string_error(text: str, start: int, error: JSONDecodeError) -> JsonTextError:
    never_closed = "Unterminated" in error.msg
    if not never_closed and "control character" not in error.msg:
        return JsonTextError(
            error.pos, "a backslash sequence that is not valid in JSON", r"write \\ for a backslash"
        )
    if mistake := json_mistakes.typographic_end(text, start, len(text) if never_closed else error.pos):
        return JsonTextError(*mistake)
    if never_closed:
        return JsonTextError(start, "a string that is never closed", 'write the closing "')
    what = "a line break" if text[error.pos : error.pos + 1] in "\r\n" else "a control character"
    return JsonTextError(
        error.pos, f"{what} inside a string", r"close the string on the same line, or write \n"
    )
