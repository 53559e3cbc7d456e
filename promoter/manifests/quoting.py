"""How a value is written as a scalar, so that every reader gets that very text back.

Readers differ: YAML 1.1 (PyYAML, older tools), YAML 1.2 (core schema) and Go's yaml library,
which Kubernetes, Helm, Kustomize, Argo CD and Flux use. A plain scalar that any of them takes
for something other than text is quoted.
"""

from __future__ import annotations

import re

_WORDS = frozenset(
    "y n yes no true false on off null ~ = << .nan .inf +.inf -.inf".split()  # noqa: SIM905
)
_INTEGER = re.compile(r"[-+]?(?:0[bB][01]+|0[oO][0-7]+|0[xX][0-9a-fA-F]+|[0-9]+)")
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_TRUTH = re.compile(r"true|false")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ]\s*[0-9].*)?")
_NUMBER_BEGINS = re.compile(r"[-+.]?[0-9]|[-+]\.")

_INDICATORS = "-?:,[]{}#&*!|>'\"%@`"
_FLOW_ONLY = frozenset(",[]{}:")  # libyaml takes no plain `a:b` inside a flow collection


def is_misread(value: str) -> bool:
    """Whether a reader takes the plain scalar for a number, a date, a truth value or null."""
    if not value or value.lower() in _WORDS:
        return True
    if not _NUMBER_BEGINS.match(value):
        return False
    bare = value.replace("_", "")  # separators of digits in YAML 1.1 and in Go
    return any(pattern.fullmatch(bare) for pattern in (_INTEGER, _FLOAT, _SEXAGESIMAL, _TIMESTAMP))


def keeps_type(old: str, new: str) -> bool:
    """Whether both plain scalars are whole numbers, or both truth values, to every reader."""
    return any(pattern.fullmatch(old) and pattern.fullmatch(new) for pattern in (_WHOLE, _TRUTH))


def is_plain(value: str, *, flow: bool) -> bool:
    """Whether the value may stand without quotes."""
    return not (
        is_misread(value)
        or value[0] in _INDICATORS
        or value != value.strip()
        or value.startswith("...")
        or ": " in value
        or value.endswith(":")
        or " #" in value
        or not value.isascii()
        or (flow and not _FLOW_ONLY.isdisjoint(value))
    )


def favourite_quote(text: str) -> str:
    """The kind of quote that a file uses more for its values; double where equal."""
    return "'" if text.count(": '") > text.count(': "') else '"'


def write(value: str, style: str, *, flow: bool, favourite: str) -> tuple[str, str]:
    """The scalar's text and style: in the old style, or quoted where plain would be misread.

    `style` is empty (plain), `'` or `"`. Raises ValueError for control characters and line
    breaks, which are no part of a name, a tag or a digest.
    """
    if not value.isprintable():
        raise ValueError(f"{value!r} holds control characters")
    if not style:
        if is_plain(value, flow=flow):
            return value, ""
        style = favourite
    if style == "'":
        return "'" + value.replace("'", "''") + "'", "'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"', '"'
