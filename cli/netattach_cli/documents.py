"""The documents of a YAML or JSON file, with their syntax trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from netattach_cli import yaml_limits
from netattach_cli.files import UnreadableError
from netattach_cli.yaml_limits import LimitError
from netattach_core.text import json_document

_LEFT_AS_WRITTEN = ("timestamp", "binary", "set", "omap", "pairs")
"""Tags whose values would be of types that JSON does not have: no field of a Kubernetes object is meant to be one."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document's value, and the root of its syntax tree in YAML or JSON."""

    value: Any
    node: yaml.Node | json_document.Node


def parse(file: str, text: str) -> Iterator[Document]:
    """Parses JSON as JSON, since YAML does not allow all of it (tabs), and everything else as YAML.

    Raises UnreadableError at the first document that is neither.
    """
    try:
        root = json_document.parse(text)
    except json_document.JsonTextError:
        yield from _yaml_documents(file, text)
    else:
        yield Document(root.value, root)


def items(value: Any) -> list[Any]:
    """The elements of a list, the items of a Kubernetes List, or the value alone."""
    if isinstance(value, list):
        return value
    found = value.get("items") if isinstance(value, dict) else None
    return found if isinstance(found, list) else [value]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # which one is known at run time
    """Reads any dialect of YAML, as values of JSON: an unknown tag does not prevent reading the rest, and a date is a string.

    libyaml's loader is ten times faster, but not every build of PyYAML has it.
    """


def _ignore_tag(loader: Any, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


def _of_type(name: str, construct: Callable[[Any, yaml.Node], Any]) -> Callable[[Any, yaml.Node], Any]:
    """The constructor, with an error of ours where the value is not what its tag says, as in `!!bool foo`."""

    def constructed(loader: Any, node: yaml.Node) -> Any:
        try:
            value = construct(loader, node)
            str(value)  # Python has integers that are too long for a text; nobody means one
        except (ValueError, LookupError, ArithmeticError) as error:
            from netattach_cli import yaml_mistakes  # noqa: PLC0415  # takes 20 ms, and is rarely needed

            raise yaml_mistakes.WrongTypeError(name, node.start_mark) from error
        return value

    return constructed


for _type, _name in {"bool": "a boolean", "int": "an integer", "float": "a number"}.items():
    _tag = f"tag:yaml.org,2002:{_type}"
    _Loader.add_constructor(_tag, _of_type(_name, _Loader.yaml_constructors[_tag]))
_Loader.add_multi_constructor("", _ignore_tag)
for _type in _LEFT_AS_WRITTEN:
    _Loader.add_constructor(f"tag:yaml.org,2002:{_type}", lambda loader, node: _ignore_tag(loader, "", node))


def _yaml_documents(file: str, text: str) -> Iterator[Document]:
    has_aliases = yaml_limits.may_have_aliases(text)
    try:
        yaml_limits.check_depth(text)
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if has_aliases and node is not None:
                yaml_limits.check_aliases(node)
            value = loader.construct_document(node)
            if node is not None and value is not None:
                yield Document(value, node)
    except LimitError as error:
        raise UnreadableError(file, error.problem, error.line, error.column) from error
    except (yaml.YAMLError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
        from netattach_cli import yaml_mistakes  # noqa: PLC0415  # as above

        found = yaml_mistakes.find(text, error)
        problem = _not_yaml(found.problem, found.fix, text)
        raise UnreadableError(file, problem, found.line, found.column) from error


def _not_yaml(problem: str, fix: str, text: str) -> str:
    hint = "; a Helm template is not YAML yet: helm template … | netattach lint -" if "{{" in text else ""
    fix = f"; {fix}" if fix and not hint else ""
    return f"not YAML: {problem}{fix}{hint}"
