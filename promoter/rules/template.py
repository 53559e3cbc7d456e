"""Users' texts: templates in the language of Jinja, cut down to what a text needs.

What a template says is checked when its rule file is read: names, fields, filters, and how long
it could run at most. Nothing can be called, assigned, imported or calculated; a loop goes over
the lists that are given and over nothing else. Jinja is imported where a rule has a template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Purpose = Literal["title", "label", "body", "commit"]
Value = str | int | Mapping[str, "Value"] | Sequence["Value"]

MOST_ITEMS = 100
"""Items of a list that a template gets to see."""
MOST_CHARACTERS = 2_000
"""Of one value, and of what one expression gives."""
_LONGEST: Mapping[Purpose, int] = {"title": 500, "label": 500, "body": 20_000, "commit": 4_000}
_MOST_OUTPUT: Mapping[Purpose, int] = {"title": 250, "label": 255, "body": 60_000, "commit": 8_000}
_SIGNS = ("{{", "{%", "{#")
_CUT = "…"


class Markup(str):
    """Text of the bot's own that stands in a body as it is."""

    __slots__ = ()


@dataclass(frozen=True)
class Spelling:
    """How a value is written into a text: `plain` so that it reads as itself and does nothing
    else, `code` the same as code."""

    plain: Callable[[str], str]
    code: Callable[[str], str]


def check_template(text: str, purpose: Purpose) -> str:
    """`text` as it is; ValueError says what is wrong with it, in which of its lines."""
    longest = _LONGEST[purpose]
    if len(text) > longest:
        raise ValueError(f"is longer than {longest} characters: shorten it")
    if not is_unicode(text):
        raise ValueError("holds half a character (a lone surrogate): write the whole one")
    if is_template(text):
        from promoter.rules import template_check

        template_check.check(text, purpose)
    return text


def is_unicode(text: str) -> bool:
    """Whether it can be written as UTF-8."""
    return not any("\ud800" <= each <= "\udfff" for each in text)


def is_template(text: str) -> bool:
    return any(sign in text for sign in _SIGNS)


def render(text: str, purpose: Purpose, values: Mapping[str, Value], spelling: Spelling) -> str:
    """A checked template filled in, without line ends at its end, cut to what its purpose takes.

    `values` has what `template_values` promises. Whatever they hold, it is a matter of moments.
    """
    most = _MOST_OUTPUT[purpose]
    if not is_template(text):
        return text.rstrip("\n")[:most]
    from promoter.rules import template_sandbox

    known = {name: _bounded(value) for name, value in values.items()}
    parts: list[str] = []
    room = most
    for part in template_sandbox.run(text, spelling, known):
        parts.append(part[:room])
        room -= len(part)
        if room < 0:
            parts.append(_CUT)
            break
    return "".join(parts).rstrip("\n")


def _bounded(value: Value) -> Value:
    if isinstance(value, Markup | int):
        return value
    if isinstance(value, str):
        return value if len(value) <= MOST_CHARACTERS else value[: MOST_CHARACTERS - 1] + _CUT
    if isinstance(value, Mapping):
        return {name: _bounded(each) for name, each in value.items()}
    return tuple(_bounded(each) for each in value[:MOST_ITEMS])
