"""Jinja's sandbox, made smaller: own filters, no globals, no tests, no attributes but those of
our values. Importing this module imports Jinja."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from promoter.rules.template import MOST_CHARACTERS, Markup, Spelling, Value
from promoter.rules.template_values import LOOP


def run(text: str, spelling: Spelling, values: Mapping[str, Value]) -> Iterator[str]:
    """The pieces of a checked template; the caller stops taking them when it has enough."""
    return _compiled(text, spelling).generate(values)


@lru_cache(maxsize=64)
def _compiled(text: str, spelling: Spelling) -> Template:
    return Sandbox(spelling).from_string(text)


class Sandbox(ImmutableSandboxedEnvironment):
    """Writes what an expression gives by `spelling`, so that no expression gets around it."""

    def __init__(self, spelling: Spelling) -> None:
        # Not `optimized`: nothing of a template runs before it is rendered.
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            optimized=False,
            cache_size=0,
            finalize=_finalize(spelling),
        )
        self.globals.clear()
        self.tests.clear()
        self.filters.clear()
        self.filters.update(FILTERS, code=_code(spelling))

    # What is not there is an empty text, whatever is done with it then.
    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict):
            return obj.get(attribute, "")
        if isinstance(obj, LoopContext) and attribute in LOOP.fields:
            return getattr(obj, attribute)
        return ""

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, str | tuple) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except IndexError:
                pass
        return ""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for each in tree.find_all(nodes.CondExpr):
            each.expr2 = each.expr2 or nodes.Const("", lineno=each.lineno)
        return tree

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002 - whatever it is
        return False


def _finalize(spelling: Spelling) -> Callable[[object], str]:
    def finalize(value: object) -> str:
        return str(value) if isinstance(value, Markup) else spelling.plain(_text(value))

    return finalize


def _code(spelling: Spelling) -> Callable[[object], Markup]:
    def code(value: object) -> Markup:
        return Markup(spelling.code(_text(value)))

    return code


def _text(value: object) -> str:
    """A value of an expression as text, not longer than a text may be."""
    return str(value)[:MOST_CHARACTERS]


def _replace(value: object, old: str, new: str) -> str:
    # Each round keeps the length in bounds before it grows; the checker refuses an empty `old`.
    text = _text(value)
    return text.replace(old, new[:MOST_CHARACTERS], MOST_CHARACTERS // max(len(new), 1))


def _join(value: object, between: str = "") -> str:
    items = value if isinstance(value, tuple) else ()
    return between.join(_text(each) for each in items)[:MOST_CHARACTERS]


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | tuple) else 0


def _default(value: object, instead: str) -> str:
    return _text(value) or instead


def _truncate(value: object, most: int) -> str:
    text = _text(value)
    return text if len(text) <= most else f"{text[: max(most - 1, 0)]}…"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "upper": lambda value: _text(value).upper(),
    "lower": lambda value: _text(value).lower(),
    "capitalize": lambda value: _text(value).capitalize(),
    "trim": lambda value: _text(value).strip(),
    "replace": _replace,
    "default": _default,
    "truncate": _truncate,
    "join": _join,
    "length": _length,
}
