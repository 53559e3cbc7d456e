"""The gate `window` as a rule file writes it: `{allow: "0 9 * * mon-thu", for: 8h}`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from promoter.model.cron import NeverError, check_cron
from promoter.model.window import NO_ZONES, Entry, Window, find_zone, is_dates, read_dates
from promoter.rules.duration import parse_duration
from promoter.rules.strict import Shape
from promoter.rules.wording import find_nearest, quote

_UTC = "UTC"


def check_cron_text(text: str) -> str:
    """A cron expression in normal spelling."""
    try:
        return check_cron(text)
    except NeverError:
        raise ValueError(f"{quote(text)} never occurs: no month has such a day") from None
    except ValueError as error:
        raise ValueError(
            f"{quote(text)} is no cron expression: {error}; write minute, hour, day, month and day"
            ' of the week, such as "0 9 * * mon-thu"'
        ) from None


def check_dates(text: str) -> str:
    try:
        read_dates(text)
    except ValueError as error:
        raise ValueError(f"{quote(text)}: {error}") from None
    return text


def check_zone(name: str) -> str:
    try:
        find_zone(name)
    except ValueError:
        near = _nearest_zone(name)
        what = f"did you mean {quote(near)}?" if near else "write one such as Europe/Berlin or UTC"
        raise ValueError(f"no time zone is named {quote(name)}; {what}") from None
    return name


def _nearest_zone(name: str) -> str | None:
    """The zone of that city, or the one that is spelled alike."""
    zones = sorted(available_timezones() - NO_ZONES)
    wanted = name.strip().replace(" ", "_").casefold()
    exact = [
        each for each in zones if wanted in (each.casefold(), each.rpartition("/")[2].casefold())
    ]
    return exact[0] if exact else find_nearest(name, zones)


def _check_duration(text: str) -> str:
    parse_duration(text)
    return text


def _is_right(check: Any, value: object) -> bool:
    with suppress(ValueError):
        return isinstance(value, str) and bool(check(value))
    return False


Duration = Annotated[str, AfterValidator(_check_duration)]
Zone = Annotated[str, AfterValidator(check_zone)]


class WindowEntryShape(Shape):
    cron: Annotated[str, AfterValidator(check_cron_text)] | None = Field(
        None, description="when it begins: minute, hour, day, month, day of the week"
    )
    dates: Annotated[str, AfterValidator(check_dates)] | None = Field(
        None, description="a date, or a range of dates or of local times: BEGIN/END"
    )
    duration: Duration | None = Field(
        None, alias="for", description="how long each occurrence lasts, such as 8h"
    )
    timezone: Zone | None = Field(None, description="the IANA time zone, such as Europe/Berlin")

    @model_validator(mode="before")
    @classmethod
    def _check_one(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        given = [key for key in ("cron", "dates") if key in data]
        if len(given) != 1:
            found = "both" if given else "neither"
            raise ValueError(f"give `cron` or `dates`, found {found}")
        if given == ["cron"] and "for" not in data:
            cron = data["cron"]
            which = quote(cron) if isinstance(cron, str) else "a cron expression"
            raise ValueError(f"{which} needs to know how long it lasts: add `for: 8h`")
        if given == ["dates"] and "for" in data:
            raise ValueError("`for` has no meaning with `dates`: write BEGIN/END")
        return data


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _check_filled(entries: list[WindowEntryShape]) -> list[WindowEntryShape]:
    if not entries:
        raise ValueError("is an empty list: give it an item, or leave the key out")
    return entries


Entries = Annotated[
    list[WindowEntryShape], AfterValidator(_check_filled), BeforeValidator(_as_list)
]


class WindowShape(Shape):
    allow: Entries | None = Field(None, description="when it is open: a cron expression or dates")
    deny: Entries | None = Field(
        None, description="when it is closed, whatever `allow` says: a cron expression or dates"
    )
    duration: Duration | None = Field(
        None, alias="for", description="how long each occurrence of a cron expression lasts"
    )
    timezone: Zone | None = Field(None, description="the IANA time zone, such as Europe/Berlin")

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: object) -> object:
        """Every entry in its long form, with what the gate says for all of them. What is wrong with
        that is told once, where it stands: to the entries something right is handed down."""
        if not isinstance(data, dict):
            return data
        shared: dict[str, str] = {}
        if "for" in data:
            shared["for"] = data["for"] if _is_right(_check_duration, data["for"]) else "1h"
        if _is_right(check_zone, data.get("timezone")):
            shared["timezone"] = data["timezone"]
        more = {
            key: [_long_form(each, shared) for each in _listed(data[key])]
            for key in ("allow", "deny")
            if data.get(key) is not None
        }
        return {**data, **more}

    @model_validator(mode="after")
    def _check_use(self) -> WindowShape:
        entries = [*(self.allow or ()), *(self.deny or ())]
        if not entries and not {"allow", "deny"} & self.model_fields_set:  # empty: told elsewhere
            raise ValueError("is never closed: give it `allow`, `deny` or both")
        if entries and self.duration is not None and not any(each.cron for each in entries):
            raise ValueError("`for` has no meaning without a cron expression: remove it")
        return self


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _long_form(entry: object, shared: Mapping[str, str]) -> object:
    if isinstance(entry, str):
        entry = {"dates" if is_dates(entry) else "cron": entry}
    if not isinstance(entry, dict):
        return entry
    fitting = {k: v for k, v in shared.items() if k != "for" or "dates" not in entry}
    return {**fitting, **entry}


def build_window(shape: WindowShape) -> Window:
    return Window(_entries(shape.allow), _entries(shape.deny))


def _entries(shapes: list[WindowEntryShape] | None) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            each.cron or each.dates or "",
            parse_duration(each.duration) if each.duration else None,
            each.timezone or _UTC,
        )
        for each in shapes or ()
    )
