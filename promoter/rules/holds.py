"""Hold files: text -> holds.

The path gives defaults: `.promoter/holds/ENVIRONMENT/APPLICATION.yaml`, `_all` in place of either
for all of them, and `.promoter/holds/_all.yaml` for everything. A file may hold several documents,
one hold each. What can't be read holds whatever it may concern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from promoter.errors import InputError, Where
from promoter.model.hold import EVERYTHING, FOLDER, BrokenHold, Globs, Hold, Holds, is_image
from promoter.model.image import ImageReference, is_tag
from promoter.model.target import Problem
from promoter.rules.composition import Words
from promoter.rules.document import Document, describe, read_mapping
from promoter.rules.wording import Location, guess, label, quote

T = TypeVar("T")
ENDINGS = (".yaml", ".yml")
ALL = "_all"
KEYS = ("by", "reason", "until", "release", "application", "environment")
_ALSO_CALLED = {
    "owner": "by",
    "who": "by",
    "why": "reason",
    "expires": "until",
    "expiry": "until",
    "releases": "release",
    "version": "release",
    "applications": "application",
    "environments": "environment",
}
_WORDS = Words(
    empty="holds no hold: give 'by' and 'reason', or delete the file",
    second="a second hold begins with a line '---'",
    mapping="a hold is a mapping with 'by' and 'reason'",
    what="hold files",
)
BOM = "\ufeff"
# YAML 1.2.2, "Document Markers": at the beginning of a line they mark, whatever stands around them.
MARKER = re.compile(r"(?<![^\r\n])---(?=[ \t\r\n]|\Z)")
LINE_END = re.compile(r"\r\n|\n|\r")
_NOTHING = re.compile(r"(?:(?:---|\.\.\.)(?=[ \t]|\Z))?[ \t]*(?:#.*)?")
_MOST_PARTS = 500
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# RFC 3339, section 5.6; people leave the seconds out.
_TIME = re.compile(
    rf"{_DATE.pattern}[Tt ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]+)?)?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_UNTIL = 'a time such as "2026-12-24T18:00:00Z", or a date such as "2026-12-24"'


@dataclass(frozen=True)
class Part:
    """One document of a file: from its marker (or the beginning) to the next one."""

    start: int
    end: int
    line: int
    text: str

    @property
    def is_empty(self) -> bool:
        return all(_NOTHING.fullmatch(each) for each in LINE_END.split(self.text))


def is_hold_file(path: str) -> bool:
    return path.startswith(f"{FOLDER}/") and path.endswith(ENDINGS)


def path_of(applications: Globs, environments: Globs) -> str:
    """Where a hold is written; names that fit no file name are made to, and stand in the file."""
    if (applications, environments) == (EVERYTHING, EVERYTHING):
        return f"{FOLDER}/{ALL}.yaml"
    return f"{FOLDER}/{_file_name(environments)}/{_file_name(applications)}.yaml"


def _file_name(globs: Globs) -> str:
    if globs == EVERYTHING:
        return ALL
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", "_".join(globs)).lstrip(".")
    return name if name not in ("", ALL) else "_"


def read_holds(path: str, content: bytes) -> Holds:
    """What one file says; what is wrong with it is told there, with line and column."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return broken_file(path, "is not UTF-8 text: save it as UTF-8, or delete it")
    standing: list[Hold] = []
    broken: list[BrokenHold] = []
    parts = [each for each in split(text) if not each.is_empty]
    if not parts:
        return broken_file(path, _WORDS.empty)
    if len(parts) > _MOST_PARTS:
        return broken_file(path, f"has more than {_MOST_PARTS} holds: split the file")
    for part in parts:
        found = _read_part(path, part)
        if isinstance(found, Hold):
            standing.append(found)
        else:
            broken.append(found)
    return Holds(tuple(standing), tuple(broken))


def broken_file(path: str, why: str) -> Holds:
    """The same where the file as a whole can't be read."""
    applications, environments = named_by(path)
    where = Where(path)
    problem = Problem(why, where)
    broken = BrokenHold(applications or EVERYTHING, environments or EVERYTHING, (problem,), where)
    return Holds(broken=(broken,))


def split(text: str) -> list[Part]:
    """The documents of a file, whether they can be read or not; a byte order mark is in none."""
    begin = len(BOM) if text.startswith(BOM) else 0
    starts = [each.start() for each in MARKER.finditer("\n" * begin + text[begin:])]
    if begin not in starts:
        starts.insert(0, begin)
    parts: list[Part] = []
    line, at = 0, 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        line += len(LINE_END.findall(text, at, start))
        at = start
        parts.append(Part(start, end, line, text[start:end]))
    return parts


def named_by(path: str) -> tuple[Globs | None, Globs | None]:
    """The applications and environments that a path names; None: it must stand in the file."""
    stem = path.removeprefix(f"{FOLDER}/").rpartition(".")[0]
    names = [EVERYTHING if each == ALL else (each,) for each in stem.split("/")]
    if names == [EVERYTHING]:
        return EVERYTHING, EVERYTHING
    return (names[1], names[0]) if len(names) == 2 and all(stem.split("/")) else (None, None)


def _read_part(path: str, part: Part) -> Hold | BrokenHold:
    applications, environments = named_by(path)
    document, errors = read_mapping(path, "\n" * part.line + part.text, _WORDS)
    if document is None:
        where = errors[0].where or Where(path, part.line + 1)
        return BrokenHold(
            applications or EVERYTHING,
            environments or EVERYTHING,
            tuple(Problem(each.message, each.where) for each in errors),
            where,
        )
    return _Reading(path, document, list(errors)).read(applications, environments)


class _Reading:
    """One document -> a hold, or all that is wrong with it."""

    def __init__(self, path: str, document: Document, errors: list[InputError]) -> None:
        self._path = path
        self._document = document
        self._errors = errors
        # Anchors let one text stand in two places: what was refused there once is enough.
        self._refused = {each.where for each in errors}

    def read(self, applications: Globs | None, environments: Globs | None) -> Hold | BrokenHold:
        data = self._document.data
        for key in data:
            if key not in KEYS:
                message = f"unknown key{guess(_ALSO_CALLED.get(key, key), KEYS)}"
                self._refuse((key,), message, on_key=True)
        by, reason = (self._text(key) for key in ("by", "reason"))
        until = self._converted("until", parse_until)
        releases = self._list("release", check_release, 'a version such as "1.4.0"')
        said_applications = self._globs("application", applications)
        said_environments = self._globs("environment", environments)
        where = self._document.places[()].at
        if self._errors or by is None or reason is None:
            in_order = sorted(self._errors, key=lambda each: each.where or where)
            problems = tuple(Problem(each.message, each.where) for each in in_order)
            return BrokenHold(said_applications, said_environments, problems, where)
        return Hold(said_applications, said_environments, by, reason, where, releases or (), until)

    def _globs(self, key: str, by_path: Globs | None) -> Globs:
        """Whom it concerns: where nothing tells, or what tells is wrong, it may be everybody."""
        if key in self._document.data:
            return self._list(key, check_glob, "a name or a glob") or EVERYTHING
        if by_path is None:
            message = f"{key}: is missing: give it, or move the file to"
            message += f" {FOLDER}/ENVIRONMENT/APPLICATION.yaml"
            self._errors.append(InputError(message, where=self._document.places[()].at))
        return by_path or EVERYTHING

    def _text(self, key: str) -> str | None:
        value = self._document.data.get(key)
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())
        if key not in self._document.data:
            meant = {"by": "who holds it", "reason": "why it is held"}[key]
            at = self._document.places[()].at
            self._errors.append(InputError(f"{key}: is missing ({meant})", where=at))
        else:
            self._expected((key,), "text", value)
        return None

    def _converted(self, key: str, convert: Callable[[str], T]) -> T | None:
        if key not in self._document.data:
            return None
        value = self._document.data[key]
        if not isinstance(value, str):
            self._expected((key,), _UNTIL, value)
            return None
        try:
            return convert(value)
        except ValueError as error:
            self._refuse((key,), str(error))
            return None

    def _list(self, key: str, check: Callable[[str], str], expected: str) -> Globs | None:
        """A text or a list of them; None where it is absent, or wrong somewhere."""
        if key not in self._document.data:
            return None
        value = self._document.data[key]
        items: Sequence[object] = value if isinstance(value, list) else [value]
        if not items:
            self._expected((key,), f"{expected}, or a list of them", value, "an empty list")
        found: dict[str, None] = {}
        for index, item in enumerate(items):
            location: Location = (key, index) if isinstance(value, list) else (key,)
            if not isinstance(item, str):
                self._expected(location, expected, item)
                continue
            try:
                found[check(item)] = None
            except ValueError as error:
                self._refuse(location, str(error))
        is_whole = bool(items) and len(found) == len(set(map(str, items)))
        return tuple(found) if is_whole else None

    def _expected(
        self, location: Location, expected: str, value: object, found: str | None = None
    ) -> None:
        raw = self._document.find(location)[1].raw
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        advice = ": put it in quotes" if is_number else ""
        what = found or ("an empty text" if value == "" else describe(value, raw))
        self._refuse(location, f"expected {expected}, found {what}{advice}")

    def _refuse(self, location: Location, message: str, on_key: bool = False) -> None:
        place = self._document.find(location)[1]
        at = place.key if on_key else place.at
        if at not in self._refused:
            self._errors.append(InputError(f"{label(location)}: {message}", where=at))


def check_glob(text: str) -> str:
    """The name or glob itself; ValueError where it can be none."""
    if not text.strip() or text != text.strip():
        raise ValueError(f"{quote(text)} is no name: write a name or a glob, such as 'web-*'")
    return text


def check_release(text: str) -> str:
    """What names a release: a label, an id, or an image with its version; ValueError otherwise."""
    if is_image(text):
        image = ImageReference.parse(text)
        if image.tag is None and image.digest is None:
            raise ValueError(f"{quote(text)} names no version: write NAME:TAG or NAME@DIGEST")
    elif not is_tag(text) and not re.fullmatch(r"[^\s,]+ [^\s,]+(?:, [^\s,]+ [^\s,]+)*", text):
        raise ValueError(f"{quote(text)} is no version: write one such as 1.4.0, or an image")
    return text


def parse_until(text: str) -> datetime:
    """A time with its zone, or a date: then the end of that day in UTC. In UTC; ValueError says
    what to write."""
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper().replace(" ", "T")).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{quote(text)} is no time: write {_UNTIL}")
