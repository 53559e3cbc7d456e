"""Writes the tables of docs/settings.md from the classes. `python -m docs.make_settings`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from promoter.model.spell import spell_duration
from promoter.settings import ServeSettings, Settings

PAGE = Path(__file__).parent / "settings.md"
_TABLES: dict[str, type[Settings]] = {"settings": Settings, "serve": ServeSettings}


def page_of(page: str) -> str:
    """The page with its tables as the classes say."""
    for name, kind in _TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        pattern = re.compile(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", re.DOTALL)
        assert pattern.search(page), f"{begin!r} and {end!r} stand nowhere"
        table = "\n".join(_table(kind))
        page = pattern.sub(lambda _, table=table: f"{table}\n", page)  # type: ignore[misc]
    return page


def _table(kind: type[Settings]) -> Iterator[str]:
    above = set() if kind is Settings else set(Settings.model_fields)
    yield "| variable | flag | meaning | default |"
    yield "|---|---|---|---|"
    for name, each in kind.model_fields.items():
        if name not in above:
            flag = _shown(each)["flag"] or "-"
            cells = (f"`PROMOTER_{name.upper()}`", flag, each.description, _default(each))
            yield f"| {' | '.join(str(cell) for cell in cells)} |"


def _shown(each: FieldInfo) -> dict[str, Any]:
    extra = each.json_schema_extra
    assert isinstance(extra, dict), "a setting is made by `_setting`"
    return dict(extra)


def _default(each: FieldInfo) -> str:
    value = _shown(each)["otherwise"] or each.default
    if value is None:
        return "none"
    if value == _shown(each)["otherwise"]:
        return str(value)
    return f"`{spell_duration(value) if isinstance(value, timedelta) else value}`"


if __name__ == "__main__":
    PAGE.write_text(page_of(PAGE.read_text("utf-8")), "utf-8")
