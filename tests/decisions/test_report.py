"""Figures of delivery, each computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from promoter.decisions.history import Chronicle, Entry, History, Kind
from promoter.decisions.report import Durations, Report, Row, make_report, summarize
from promoter.model.facts import DetailsOf, Facts, Known, Question, Unknown
from promoter.model.ports import ImageDetails
from promoter.model.release import Release
from promoter.model.target import Target
from promoter.texts.paint import Paint
from promoter.texts.report_text import report_json, report_markdown, report_text
from tests.decisions.rules import MANIFESTS, image, release

END = datetime.fromisoformat("2026-03-29T00:00:00+00:00")
BEGIN = END - timedelta(days=28)
Landing = tuple[str, Kind, float]
"""A version, how it came, and when: days after the beginning."""


def at(days: float) -> datetime:
    return BEGIN + timedelta(days=days)


def history(environment: str, *landings: Landing, application: str = "web") -> History:
    """Given oldest first; `rollback` and `revert` are steps back."""
    entries = [
        Entry(
            release(*(f"{application}:{each}" for each in version.split(","))) if version else None,
            at(day),
            None,
            "c" * 40,
            kind,
            back=kind in ("rollback", "revert"),
        )
        for version, kind, day in reversed(landings)
    ]
    target = Target(application, environment, f"apps/{application}/{environment}")
    return History("rules/shop.yaml", MANIFESTS, target, tuple(entries))


def reported(
    *histories: History,
    created: dict[str, float | None] | None = None,
    silent: Sequence[str] = (),
    since: datetime = BEGIN,
) -> Report:
    """`created`: by image (`web:1.1.0`), when; None: the image says nothing. What is not there is
    gone from the registry; `silent`: it did not answer."""
    answers: dict[Question[Any], Known[Any] | Unknown] = {}
    for each in {
        e
        for h in histories
        for entry in h.entries
        if entry.release
        for e in entry.release.artifacts
    }:
        spelled = f"{each.name.short}:{each.tag}"
        question = DetailsOf(each.name, each.digest or "")
        if spelled in silent:
            answers[question] = Unknown("503 of the registry")
        elif created is None or spelled not in created:
            answers[question] = Known(None, END, "registry")
        else:
            made = created[spelled]
            details = ImageDetails(None if made is None else at(made))
            answers[question] = Known(details, END, "registry")
    return make_report(Chronicle(tuple(histories), ()), since, END, Facts(answers))


def row(report: Report, environment: str, application: str | None = None) -> Row:
    (found,) = (
        each
        for each in report.rows
        if (each.environment, each.application) == (environment, application)
    )
    return found


def test_frequency_counts_what_went_forward_within_the_time() -> None:
    """In four weeks: 1.1.0 and 1.3.0 by the bot, 1.2.0 by hand. Not the first, nor what was before
    the window, nor the step back, nor what nobody can read."""
    report = reported(
        history(
            "dev",
            ("1.0.0", "first", -9),
            ("1.0.5", "promotion", -2),
            ("1.1.0", "promotion", 1),
            ("1.2.0", "direct", 3),
            ("1.1.0", "revert", 4),
            ("", "unread", 5),
            ("1.3.0", "promotion", 6),
        )
    )
    dev = row(report, "dev")
    assert (dev.deployments, dev.per_week) == (3, 0.75)
    assert row(report, "dev", "web") == Row("dev", "web", *list(vars(dev).values())[2:])


def test_a_first_period_within_the_time_is_no_deployment() -> None:
    assert row(reported(history("dev", ("1.0.0", "first", 3))), "dev").deployments == 0


def test_lead_time_is_from_the_creation_of_the_image_to_its_landing() -> None:
    """Took 1, 2 and 6 days: median 2, and 6 by the nearest rank (ceil(2.7) = 3rd of 3)."""
    report = reported(
        history(
            "staging",
            ("1.0.0", "first", -9),
            ("1.1.0", "promotion", 3),
            ("1.2.0", "promotion", 6),
            ("1.3.0", "promotion", 10),
            ("1.4.0", "promotion", 11),
            ("1.5.0", "promotion", 12),
            ("1.6.0", "promotion", 13),
        ),
        created={
            "web:1.1.0": 2,
            "web:1.2.0": 4,
            "web:1.3.0": 4,
            "web:1.4.0": None,
            "web:1.6.0": 14,
        },
    )
    days = timedelta(days=1)
    # 1.4.0 says nothing, 1.5.0 is gone, 1.6.0 would have landed before it was made.
    assert row(report, "staging").lead == Durations(2 * days, 6 * days, 3, unknown=3)
    assert report.troubles == (), "what is gone is no trouble"


def test_a_registry_that_does_not_answer_is_told_once_and_nothing_is_guessed() -> None:
    report = reported(
        history(
            "dev", ("1.0.0", "first", -9), ("1.1.0", "promotion", 1), ("1.2.0", "promotion", 2)
        ),
        created={},
        silent=("web:1.1.0", "web:1.2.0"),
    )
    assert row(report, "dev").lead == Durations(None, None, 0, unknown=2)
    assert [(each.why, each.kind) for each in report.troubles] == [
        ("503 of the registry", "transient")
    ]


def test_of_several_images_the_newest_that_moved_counts() -> None:
    """web moved and was made on day 1, worker on day 4 and stayed: 5 - 1 days."""
    before, after = (
        Release.of([image(f"web:{version}"), image("worker:7")]) for version in ("1.0.0", "1.1.0")
    )
    target = Target("web", "dev", "apps/web/dev")
    entries = (
        Entry(after, at(5), None, "b" * 40, "promotion"),
        Entry(before, at(-5), at(5), "a" * 40, "first"),
    )
    report = reported(
        History("r", MANIFESTS, target, entries), created={"web:1.1.0": 1, "worker:7": 4}
    )
    assert row(report, "dev").lead.median == timedelta(days=4)


def test_without_a_digest_nobody_tells_which_image_it_was() -> None:
    report = reported(
        history("dev", ("1.0.0@", "first", -1), ("1.1.0@", "promotion", 1)),
        created={"web:1.1.0": 0},
    )
    assert row(report, "dev").lead == Durations(None, None, 0, unknown=1)


def test_failures_and_how_long_it_took_to_restore() -> None:
    """Of four deployments two were taken back, after 6 hours and after 2 days: 50 %, in the middle
    27 hours, p90 two days. 1.2.0 was skipped over and not what ran when somebody went back."""
    report = reported(
        history(
            "production",
            ("1.0.0", "first", -9),
            ("1.1.0", "promotion", 1),
            ("1.0.0", "rollback", 1.25),
            ("1.2.0", "promotion", 5),
            ("1.3.0", "promotion", 6),
            ("1.1.0", "revert", 8),
            ("1.4.0", "promotion", 9),
        )
    )
    production = row(report, "production")
    assert (production.deployments, production.failed, production.failure_rate) == (4, 2, 0.5)
    assert production.restore == Durations(timedelta(hours=27), timedelta(days=2), 2)


def test_what_was_taken_back_after_a_time_that_nobody_can_read_failed_too() -> None:
    report = reported(
        history(
            "dev",
            ("1.0.0", "first", -9),
            ("1.1.0", "promotion", 1),
            ("", "unread", 2),
            ("1.0.0", "revert", 3),
        )
    )
    assert row(report, "dev").restore.median == timedelta(days=2)


def test_a_failure_belongs_to_the_time_of_its_deployment() -> None:
    taken = history(
        "dev", ("1.0.0", "first", -9), ("1.1.0", "promotion", -1), ("1.0.0", "revert", 1)
    )
    assert row(reported(taken), "dev").failed == 0
    assert row(reported(taken, since=at(-2)), "dev").failed == 1


def test_applications_stand_below_the_sum_of_their_environment() -> None:
    report = reported(
        history("dev", ("1", "first", -9), ("2", "promotion", 1), application="web"),
        history("live", ("1", "first", -9), application="web"),
        history("dev", ("1", "first", -9), ("2", "promotion", 1), application="api"),
    )
    assert [(each.environment, each.application, each.deployments) for each in report.rows] == [
        ("dev", None, 2),
        ("dev", "api", 1),
        ("dev", "web", 1),
        ("live", None, 0),
        ("live", "web", 0),
    ]
    assert row(report, "live").failure_rate is None


@pytest.mark.parametrize(
    ("hours", "median", "p90"),
    [([5], 5, 5), ([1, 4], 2.5, 4), (range(1, 11), 5.5, 9), (range(1, 12), 6, 10)],
)
def test_the_median_and_the_nearest_rank(hours: Sequence[int], median: float, p90: int) -> None:
    found = summarize([timedelta(hours=each) for each in hours])
    assert (found.median, found.p90) == (timedelta(hours=median), timedelta(hours=p90))


def test_it_is_told_as_a_table_as_markdown_and_as_json() -> None:
    report = reported(
        history("dev", ("1.0.0", "first", -9), ("1.1.0", "promotion", 1), ("1.0.0", "revert", 2)),
        created={"web:1.1.0": 0.5},
    )
    text = report_text(report, Paint())
    (line,) = (each for each in text.splitlines() if " web " in each)
    assert line.split() == ["dev", "web", "1", "0.2", "12h", "12h", "0", "1", "100%", "1d", "1d"]
    assert "| dev | web | 1 | 0.2 | 12h | 12h | 0 | 1 | 100% | 1d | 1d |" in report_markdown(report)
    assert report_json(report)["rows"][1] == {
        "environment": "dev",
        "application": "web",
        "deployments": 1,
        "deployments_per_week": 0.25,
        "lead_time": {"median": 43200, "p90": 43200, "known": 1, "unknown": 0},
        "failed": 1,
        "change_failure_rate": 1.0,
        "time_to_restore": {"median": 86400, "p90": 86400, "known": 1},
    }
