"""Figures of delivery: for a terminal, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from promoter.decisions.report import Durations, Report, Row
from promoter.model.spell import spell_duration, spell_time
from promoter.texts.as_json import Json, trouble_json
from promoter.texts.columns import align
from promoter.texts.inline import escaped
from promoter.texts.paint import Paint, printable
from promoter.texts.plan_text import troubles_text

_HEADS = (
    *("environment", "application", "deployments", "a week", "lead median", "lead p90"),
    *("unknown", "failed", "rate", "restored median", "restored p90"),
)
_ALL = "(all)"


def report_text(report: Report, paint: Paint) -> str:
    """A table: each environment, and its applications below it."""
    lines = [paint(f"{spell_time(report.since)} to {spell_time(report.until)}", "dim")]
    table = align([tuple(each.upper() for each in _HEADS), *map(_cells, report.rows)])
    lines.append(paint(table[0], "bold"))
    for row, line in zip(report.rows, table[1:], strict=True):
        told = printable(line)
        lines.append(paint(told, "bold") if row.application is None else told)
    lines += troubles_text(report.troubles, paint)
    return "\n".join(lines) + "\n"


def report_markdown(report: Report) -> str:
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: Report) -> Iterator[str]:
    yield f"{spell_time(report.since)} to {spell_time(report.until)}"
    yield ""
    yield "| " + " | ".join(_HEADS) + " |"
    yield "|---|---|" + "---:|" * (len(_HEADS) - 2)
    for row in report.rows:
        yield "| " + " | ".join(escaped(cell) for cell in _cells(row)) + " |"
    for trouble in report.troubles:
        yield ""
        yield f"> error: {escaped(str(trouble))}"


def _cells(row: Row) -> tuple[str, ...]:
    rate = row.failure_rate
    return (
        row.environment,
        row.application or _ALL,
        str(row.deployments),
        f"{row.per_week:.1f}",
        _spell(row.lead.median),
        _spell(row.lead.p90),
        str(row.lead.unknown),
        str(row.failed),
        "-" if rate is None else f"{rate:.0%}",
        _spell(row.restore.median),
        _spell(row.restore.p90),
    )


def _spell(duration: timedelta | None) -> str:
    return "-" if duration is None else spell_duration(duration)


def report_json(report: Report) -> Json:
    return {
        "since": spell_time(report.since),
        "until": spell_time(report.until),
        "rows": [
            {
                "environment": row.environment,
                "application": row.application,
                "deployments": row.deployments,
                "deployments_per_week": round(row.per_week, 3),
                "lead_time": {**_durations(row.lead), "unknown": row.lead.unknown},
                "failed": row.failed,
                "change_failure_rate": row.failure_rate,
                "time_to_restore": _durations(row.restore),
            }
            for row in report.rows
        ],
        "troubles": [trouble_json(each) for each in report.troubles],
    }


def _durations(durations: Durations) -> Json:
    """In seconds."""
    return {
        "median": _seconds(durations.median),
        "p90": _seconds(durations.p90),
        "known": durations.known,
    }


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds())
