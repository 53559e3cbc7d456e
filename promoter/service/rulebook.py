"""The rules as they are now: read again when their files change, kept where a new version is
wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from promoter.errors import InputError
from promoter.model.rule import Rule

_log = logging.getLogger(__name__)

Files = tuple[Mapping[str, str], Sequence[InputError]]
"""Rule files (name -> text), and those that are no text."""
Load = Callable[[Mapping[str, str]], tuple[tuple[Rule, ...], tuple[InputError, ...]]]


@dataclass(frozen=True)
class _Version:
    """What was read: the same again is not loaded again."""

    files: Mapping[str, str]
    unread: tuple[str, ...]


class Rulebook:
    """`read` gives the files and raises PromoterError where there are none or nobody tells; `load`
    makes rules of them. Used by one thread at a time; `rules` may be read by any."""

    def __init__(self, read: Callable[[], Files], load: Load) -> None:
        self._read = read
        self._load = load
        self._seen: _Version | None = None
        self._good: dict[str, str] = {}
        self.rules: tuple[Rule, ...] = ()
        self.broken: tuple[str, ...] = ()
        """What is wrong now, a line each."""

    def refresh(self) -> bool:
        """Read the files, and take over what changed; whether anything did.

        A file whose new version is wrong keeps its last good one. Raises PromoterError where the
        files can't be had at all: then everything stays as it is.
        """
        files, unread = self._read()
        seen = _Version(files, tuple(str(each) for each in unread))
        if seen == self._seen:
            return False
        rules, errors = self._load(files)
        self._tell((*unread, *errors))
        wrong = {each.where.file for each in (*unread, *errors) if each.where}
        kept = {file: text for file, text in self._good.items() if file in wrong}
        if kept:
            rules, _ = self._load({**files, **kept})
            _log.warning("%s: the last good version stays in force", ", ".join(sorted(kept)))
        good = {file: text for file, text in files.items() if file not in wrong}
        self._good = {**good, **kept}
        self._seen = seen
        changed = rules != self.rules
        self.rules = rules
        return changed

    def _tell(self, errors: Sequence[InputError]) -> None:
        self.broken = tuple(str(each) for each in errors)
        for each in self.broken:
            _log.error("%s", each)
