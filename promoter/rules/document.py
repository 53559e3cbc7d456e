"""YAML text -> plain data, with the place of every key and value.

Plain scalars are typed by YAML 1.2's core schema; what other readers of YAML take for
something else than text (`yes`, `on`, `1_000`, `2026-11-20`) is refused: quotes cost less
than the surprise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from promoter.errors import InputError, Where
from promoter.rules.composition import Node, Positions, Words, compose
from promoter.rules.wording import Location, label, quote

_NULL = re.compile(r"|~|null|Null|NULL")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OLD_BOOLEAN = re.compile(r"(?:y|yes|n|no|on|off)", re.IGNORECASE)
_OLD_NUMBER_OR_DATE = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F_]+|0o?[0-7_]+|0b[01_]+|[0-9][0-9_]*(?:\.[0-9_]*)?"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|\.(?:inf|Inf|INF))"
    r"|\.(?:nan|NaN|NAN)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ][^/]*)?"
)


@dataclass(frozen=True)
class Place:
    """Where a value of the document stands.

    `at` is where a person looks: the value itself where it is a scalar or an item of a list,
    else its key. `key` is the key (or the item). `raw` is a scalar as it was written.
    """

    at: Where
    key: Where
    raw: str | None


@dataclass(frozen=True)
class Document:
    data: Mapping[str, object]
    places: Mapping[Location, Place]

    def find(self, location: Location) -> tuple[Location, Place]:
        """The deepest part of `location` that stands in the file. Steps that do not (the long
        form that a shape gives to a shorthand, such as `after: dev`) are passed over."""
        found: Location = ()
        for step in location:
            if (*found, step) in self.places:
                found = (*found, step)
        return found, self.places[found]


def read_document(file: str, text: str) -> tuple[Document | None, tuple[InputError, ...]]:
    """The document, and what is wrong with it; None where nothing of it can be used."""
    document, errors = read_mapping(file, text, Words())
    if document is not None and {"apiVersion", "kind"} <= document.data.keys():
        message = "a Kubernetes resource is no rule file: keep it elsewhere"
        return None, (InputError(message, where=document.places[()].at),)
    return document, errors


def read_mapping(
    file: str, text: str, words: Words
) -> tuple[Document | None, tuple[InputError, ...]]:
    """The same for a file of another kind, whose `words` tell what it is."""
    text = text.removeprefix("\ufeff")  # the C parser's offsets are one off with it
    positions = Positions(file, text)
    try:
        root = compose(text, positions, words)
    except InputError as error:
        return None, (error,)
    reading = _Reading(positions, words)
    data = reading.read(root, (), None)
    if not isinstance(data, dict):
        message = f"{words.mapping}, found {describe(data)}"
        return None, (InputError(message, where=positions(root.start)),)
    return Document(data, reading.places), tuple(reading.errors)


def describe(value: object, raw: str | None = None) -> str:
    """What was found, for a message: `a list`, `the number 1.10`, `text`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {raw or value}"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


class _Reading:
    """Nodes -> data. Aliases are written out here, within the limit that was checked before."""

    def __init__(self, positions: Positions, words: Words) -> None:
        self._positions = positions
        self._words = words
        self.places: dict[Location, Place] = {}
        self.errors: list[InputError] = []

    def read(self, node: Node, location: Location, key: Node | None) -> object:
        """The value of a node, whose place is noted; `key` None: the root or a list's item."""
        own = self._positions(node.start)
        at_key = self._positions(key.start) if key else own
        is_value = key is None or (node.kind == "scalar" and node.text != "")
        raw = node.text if node.kind == "scalar" else None
        self.places[location] = Place(own if is_value else at_key, at_key, raw)
        if node.tag is not None:
            message = f"remove the tag {quote(node.tag)}: {self._words.what} need none"
            self._refuse(location, own, message)
        if node.kind == "scalar":
            return self._scalar(node, location)
        if node.kind == "sequence":
            return [self.read(each, (*location, i), None) for i, each in enumerate(node.items)]
        return self._mapping(node, location)

    def _mapping(self, node: Node, location: Location) -> dict[str, object]:
        data: dict[str, object] = {}
        first: dict[str, Where] = {}
        for key, value in node.entries:
            where = self._positions(key.start)
            if key.kind != "scalar":
                self._refuse(location, where, "a key must be text")
                continue
            name = key.text
            if name in first:
                message = f"stands twice, first in line {first[name].line}: remove one of them"
                self._refuse((*location, name), where, message)
                continue
            if key.plain:
                self._check_plain(name, (*location, name), where)
            first[name] = where
            data[name] = self.read(value, (*location, name), key)
        return data

    def _scalar(self, node: Node, location: Location) -> object:
        text = node.text
        if not node.plain:
            return text
        if _NULL.fullmatch(text):
            return None
        if _BOOLEAN.fullmatch(text):
            return text.lower() == "true"
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        self._check_plain(text, location, self._positions(node.start))
        return text

    def _check_plain(self, text: str, location: Location, where: Where) -> None:
        if _OLD_BOOLEAN.fullmatch(text):
            message = "is true or false to some readers of YAML: write true, false, or quotes"
        elif _OLD_NUMBER_OR_DATE.fullmatch(text):
            message = "is a number or a date to some readers of YAML: put it in quotes"
        else:
            return
        self._refuse(location, where, f"{quote(text)} {message}")

    def _refuse(self, location: Location, where: Where, message: str) -> None:
        if any(each.where == where for each in self.errors):
            return  # an alias shows the same text again
        name = label(location)
        self.errors.append(InputError(f"{name}: {message}" if name else message, where=where))
