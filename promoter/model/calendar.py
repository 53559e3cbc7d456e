"""Calendar versions: formats as calver.org spells them, and the versions that they read."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, total_ordering
from itertools import pairwise

from promoter.model.version import prerelease_key

_NUMBER = "[0-9]+"
_EXPRESSIONS = {
    "YYYY": "[0-9]{4}",
    "YY": "[0-9]{1,3}",
    "0Y": "[0-9]{2,3}",
    "MM": "[0-9]{1,2}",
    "0M": "[0-9]{2}",
    "WW": "[0-9]{1,2}",
    "0W": "[0-9]{2}",
    "DD": "[0-9]{1,2}",
    "0D": "[0-9]{2}",
    "MAJOR": _NUMBER,
    "MINOR": _NUMBER,
    "MICRO": _NUMBER,
    "MODIFIER": "[0-9A-Za-z][0-9A-Za-z.-]*",
}
TOKENS = tuple(_EXPRESSIONS)
_FIXED_WIDTH = {"YYYY", "0Y", "0M", "0W", "0D"}
_YEARS, _MONTHS, _WEEKS, _DAYS = ("YYYY", "YY", "0Y"), ("MM", "0M"), ("WW", "0W"), ("DD", "0D")
_LARGEST_FIRST = (
    (*_YEARS, *_MONTHS, *_DAYS),
    (*_YEARS, *_WEEKS),
    ("MAJOR", "MINOR", "MICRO"),
)
_COUNTERS = ("MINOR", "MICRO")
_DATES = (*_YEARS, *_MONTHS, *_WEEKS, *_DAYS)
_WORD = re.compile("|".join(TOKENS))
_PIECE = re.compile(r"[._-]|[^._-]+")


class UnknownToken(ValueError):  # noqa: N818 - a kind of ValueError that also tells the word
    """A word of a format that is no token; `word` is what stands there."""

    def __init__(self, word: str) -> None:
        super().__init__(f"{word!r} is no part of a calendar format")
        self.word = word


@total_ordering
@dataclass(frozen=True, eq=False)
class CalendarVersion:
    """The numbers in the order of the format, and the modifier, which makes it a prerelease."""

    numbers: tuple[int, ...]
    modifier: str = ""

    @cached_property
    def _key(self) -> tuple[object, ...]:
        return (self.numbers, not self.modifier, prerelease_key(self.modifier.split(".")))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CalendarVersion) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __lt__(self, other: CalendarVersion) -> bool:
        return self._key < other._key


@dataclass(frozen=True)
class CalendarFormat:
    """`text` as it was written, its `tokens`, and the expression that a version must match."""

    text: str
    tokens: tuple[str, ...]
    expression: re.Pattern[str]

    @property
    def has_modifier(self) -> bool:
        return self.tokens[-1] == "MODIFIER"

    def read(self, text: str) -> CalendarVersion:
        """The version in a text. A `v` may stand before it; MICRO and MODIFIER may be missing
        where they are last, and a MICRO that is missing is 0.

        Raises ValueError that says why the text is none.
        """
        match = self.expression.fullmatch(text)
        if match is None:
            raise ValueError(f"does not have the form {self.text}")
        found = dict(zip(self.tokens, match.groups(), strict=True))
        modifier = found.pop("MODIFIER", None)
        numbers = {token: int(digits or "0") for token, digits in found.items()}
        _check_date(numbers)
        return CalendarVersion(tuple(numbers.values()), modifier or "")


@lru_cache(maxsize=256)
def parse_format(text: str) -> CalendarFormat:
    """Read a format: tokens with `.`, `-` or `_` between them. Raises ValueError that says what
    is wrong, UnknownToken where a word is none of `TOKENS`."""
    pieces = tuple(_split(text))
    tokens = tuple(each for each in pieces if each in _EXPRESSIONS)
    _check_order(tokens)
    _check_neighbours(pieces)
    return CalendarFormat(text, tokens, _compile(pieces, tokens))


def _split(text: str) -> Iterator[str]:
    for piece in _PIECE.findall(text):
        words = _WORD.findall(piece)
        if "".join(words) == piece:
            yield from words
        elif piece in (".", "_", "-"):
            yield piece
        else:
            raise UnknownToken(piece)


def _check_order(tokens: Sequence[str]) -> None:
    twice = next((each for each in tokens if tokens.count(each) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} stands twice")
    years, months, weeks, days = (
        [each for each in tokens if each in kind] for kind in (_YEARS, _MONTHS, _WEEKS, _DAYS)
    )
    if not years:
        raise ValueError("has no year (YYYY, YY or 0Y), so it orders by no calendar")
    for one, other in ((years, years), (months, months), (weeks, weeks), (days, days)):
        if len(one) > 1:
            raise ValueError(f"{one[0]} and {other[1]} say the same: keep one")
    if weeks and (months or days):
        raise ValueError(f"{weeks[0]} counts weeks of a year: leave out {(months + days)[0]}")
    if days and not months:
        raise ValueError(f"{days[0]} is a day of a month: give MM or 0M before it")
    if "MODIFIER" in tokens[:-1]:
        raise ValueError("MODIFIER must stand last")
    for kind in _LARGEST_FIRST:
        ranked = [kind.index(each) for each in tokens if each in kind]
        for before, after in pairwise(ranked):
            if before > after:
                raise ValueError(
                    f"{kind[before]} stands before {kind[after]}: versions are compared from the"
                    " left, so write the larger unit first"
                )
    for token, following in pairwise(tokens):
        if token in _COUNTERS and following in _DATES:
            raise ValueError(
                f"{token} stands before {following}: versions are compared from the left, so a date"
                " stands before what counts within it"
            )


def _check_neighbours(pieces: Sequence[str]) -> None:
    if pieces[0] not in _EXPRESSIONS or pieces[-1] not in _EXPRESSIONS:
        raise ValueError("begins or ends with a separator: use `tags` to cut what is around it")
    for before, after in pairwise(pieces):
        if before not in _EXPRESSIONS and after not in _EXPRESSIONS:
            raise ValueError("two separators stand together: keep one")
        if before not in _EXPRESSIONS or after not in _EXPRESSIONS or after == "MODIFIER":
            continue
        if before not in _FIXED_WIDTH:
            hint = f", or write 0{before[0]}" if len(before) == 2 else ""
            raise ValueError(
                f"nothing tells where {before} ends and {after} begins: put a separator between"
                f" them{hint}"
            )


def _compile(pieces: Sequence[str], tokens: Sequence[str]) -> re.Pattern[str]:
    last = tokens[-2:] if tokens[-1] == "MODIFIER" else tokens[-1:]
    expression, separator = "", ""
    for index, piece in enumerate(pieces):
        if piece not in _EXPRESSIONS:
            separator = re.escape(piece)
            continue
        inner = _EXPRESSIONS[piece]
        if piece == "0Y" and pieces[index + 1 : index + 2] and pieces[index + 1] in _EXPRESSIONS:
            inner = "[0-9]{2}"  # nothing else tells where a year of three digits would end
        if piece == "MODIFIER" and not separator:
            inner = f"(?=[A-Za-z]){inner}"  # for the same reason
        optional = piece in last and piece in ("MICRO", "MODIFIER") and index > 0
        expression += f"(?:{separator}({inner}))?" if optional else f"{separator}({inner})"
        separator = ""
    return re.compile(f"[vV]?{expression}")


def _check_date(numbers: Mapping[str, int]) -> None:
    """Raises ValueError where the date parts name no date."""
    year, month, week, day = (
        next((numbers[token] for token in kind if token in numbers), None)
        for kind in (_YEARS, _MONTHS, _WEEKS, _DAYS)
    )
    if year == 0 and "YYYY" in numbers:
        raise ValueError("names the year 0")
    if week is not None and not 1 <= week <= 53:
        raise ValueError(f"names the week {week}, and a year has 1 to 53")
    if month is not None and not 1 <= month <= 12:
        raise ValueError(f"names the month {month}, and a year has 1 to 12")
    if day is not None and month is not None and year is not None:
        days = monthrange(year if "YYYY" in numbers else 2000 + year, month)[1]
        if not 1 <= day <= days:
            raise ValueError(f"names the day {day} of month {month}, which has 1 to {days}")
