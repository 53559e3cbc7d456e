"""Regular expressions of rules, in RE2's syntax and with its promise.

Matching takes time linear in the tag's length whatever the expression: who may push a tag can't
make the bot hang. The price is that there is no lookaround and no backreference. Flux, Argo CD
Image Updater and Renovate read the same syntax, so their patterns can be taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any


class Expression:
    """A compiled expression; `groups` are the names of its groups."""

    def __init__(self, text: str) -> None:
        """Raises ValueError that says what RE2 does not take."""
        # Imported here: only rules with `tags` need it.
        import re2  # type: ignore[import-untyped]  # the library has no annotations

        options = re2.Options()
        options.log_errors = False  # they are raised as well
        try:
            self._compiled: Any = re2.compile(text, options)
        except re2.error as error:
            (why,) = error.args
            raise ValueError(why.decode("utf-8", "replace")) from None
        self.groups: Mapping[str, int] = dict(self._compiled.groupindex)

    def version_in(self, tag: str) -> str | None:
        """The group `version` of a tag that matches in full, the tag itself where there is no
        such group or it took no part; None where the tag does not match."""
        match = self._compiled.fullmatch(tag)
        if match is None:
            return None
        return (match.group("version") if "version" in self.groups else None) or tag


@lru_cache(maxsize=256)
def compile_expression(text: str) -> Expression:
    """The expression; compiled once for all tags and looks. Raises ValueError."""
    return Expression(text)
