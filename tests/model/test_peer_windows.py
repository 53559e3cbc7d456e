"""What a peer says of schedules, case by case."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from promoter.model.cron import check_cron
from promoter.model.window import Entry, Window, look_at
from promoter.rules.duration import parse_duration
from tests.needs import SHARED, need

_FILE = SHARED / "peer-cases" / "windows" / "window_cases.json"
_CASES: list[dict[str, Any]] = json.loads(_FILE.read_text("utf-8")) if _FILE.exists() else []
_NEVER_CLOSES = {
    # The peer looks again when the present occurrence ends, by which time another one has begun:
    # it names a moment at which nothing changes. The occurrence ends then here as well; but asked
    # when the window closes, the answer is that it does not.
    "latest covering occurrence",
}


def _entries(case: dict[str, Any], key: str) -> tuple[Entry, ...]:
    default = case["defaultTimezone"]
    return tuple(
        Entry(
            check_cron(each["cron"]),
            parse_duration(each["duration"]),
            each.get("timezone", default),
        )
        for each in case[key]
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_all_of_them_are_looked_at() -> None:
    need("shared/peer-cases/windows")
    assert len(_CASES) == 21


@pytest.mark.parametrize("case", _CASES, ids=[each["name"] for each in _CASES])
def test_it_says_what_the_peer_says(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(ValueError, match="1 field, not five"):
            _entries(case, "allow"), _entries(case, "exclude")
        return
    window = Window(_entries(case, "allow"), _entries(case, "exclude"))
    look = look_at(window, _moment(case["now"]))
    assert look.is_open is (case["expectedPhase"] == "success")
    active = look.entry.when if look.entry else ""
    by_name = ("activeAllow" if look.is_open else "activeExclude", active)
    if case[by_name[0]] is not None:
        assert active == case[by_name[0]]
    if "nextTransition" in case:
        expected = _moment(case["nextTransition"])
        if look.is_open:
            assert look.cover is not None
            assert look.cover.end == expected
        if case["name"] in _NEVER_CLOSES:
            assert look.changes_at is None
        else:
            assert look.changes_at == expected
