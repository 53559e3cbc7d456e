"""A rollback in words: the body of its merge request, its commit, and what the command says."""

from __future__ import annotations

from collections.abc import Iterator

from promoter.model.plan import Decision, Propose
from promoter.model.rollback import Affected, GoingBack
from promoter.model.spell import spell_duration, spell_time
from promoter.texts.as_json import Json, release_json
from promoter.texts.inline import code, escaped, unmarked
from promoter.texts.paint import Paint, printable
from promoter.texts.usual_body import file_list, gate_list, listed, version_table


def rollback_body(decision: Decision, action: Propose, going: GoingBack) -> str:
    """Markdown: what goes, what comes back and how long it ran, why, what is downstream, and how to
    answer it."""
    record, bad, good = action.record, going.bad, going.good
    where = f"**{escaped(record.application)}** in **{escaped(record.environment)}**"
    by = f" by {escaped(going.by)}" if going.by else ""
    reason = f": {escaped(going.reason)}" if going.reason else ""
    sections = [
        f"**Rollback** of {where}, from {code(bad.label)} back to {code(good.label)}{by}{reason}",
        version_table(decision.running, good),
        "\n".join(_sentences(going, record.environment)),
    ]
    if going.affected:
        sections.append(listed("Downstream of it:", [f"- {escaped(t)}" for t in _affected(going)]))
    sections.append(listed("Files:", file_list(action.changes)))
    if decision.verdicts:
        sections.append(listed("Gates when this was written:", gate_list(decision.verdicts)))
    sections.append(listed("What you can do:", [*_answers(going)]))
    return "\n\n".join(sections)


def _sentences(going: GoingBack, environment: str) -> Iterator[str]:
    good = escaped(going.good.label)
    ran = f"{good} ran in {escaped(environment)} for {spell_duration(going.ran)}"
    soaked = "" if going.soaked else ", which is less than the rule asks of a soak"
    yield f"{ran}, until {spell_time(going.until)}{soaked}."
    if going.exact:
        yield "The files become again what they were then, byte for byte."
    else:
        yield "Its files changed otherwise since, so that only the images go back."
    if going.ban:
        yield (
            f"{escaped(going.bad.label)} is kept out of {escaped(environment)} from then on, by"
            f" {code(going.ban)}."
        )


def _affected(going: GoingBack) -> Iterator[str]:
    """`production runs 1.3.0 since ...`, `production has ... open with it`."""
    for each in going.affected:
        yield _tell(each, going.bad.label)


def _tell(each: Affected, bad: str) -> str:
    runs = f"runs {bad} since {spell_time(each.since)}" if each.since else ""
    open_with = f"{each.request} is open, which would bring it" if each.request else ""
    return f"{each.environment}: {', and '.join(filter(None, (runs, open_with)))}"


def _answers(going: GoingBack) -> Iterator[str]:
    yield "- **Go back**: merge it. People and checks are asked, soaks and windows are not."
    yield "- **Stay**: close it. That refuses no release."
    if going.ban:
        yield (
            f"- **Let it in again** later: `promoter release-hold`, or delete {code(going.ban)}; or"
            " publish a newer release, which is kept out by nothing."
        )


def rollback_message(going: GoingBack, environment: str) -> list[str]:
    """The lines of the commit message between its subject and the record."""
    lines = [f"Back from {going.bad.label} to {going.good.label} in {environment}."]
    if going.reason:
        lines.append(f"Why: {going.reason}")
    return [unmarked(each) for each in lines]


def rollback_text(decision: Decision, going: GoingBack, paint: Paint, done: list[str]) -> str:
    """What the command says: what was done, loudly, and what it means."""
    head = f"{decision.target}: {going.bad.label} -> {going.good.label}"
    lines = [*done, f"{paint(printable(head), 'bold')}  {decision.state.value}"]
    lines.append(f"  {decision.why}")
    soaked = "" if going.soaked else ", LESS than the rule asks of a soak"
    lines.append(
        f"  {going.good.label} ran there for {spell_duration(going.ran)}, until"
        f" {spell_time(going.until)}{soaked}"
    )
    exact = "byte for byte as they were then" if going.exact else "the images alone go back"
    lines.append(f"  files: {exact}")
    if going.ban:
        lines.append(f"  {going.bad.label} is kept out by {going.ban}")
    lines += [f"  downstream {each}" for each in _affected(going)]
    return "\n".join([*lines[: len(done) + 1], *map(printable, lines[len(done) + 1 :])]) + "\n"


def rollback_json(going: GoingBack) -> Json:
    return {
        "from": release_json(going.bad),
        "to": release_json(going.good),
        "by": going.by,
        "reason": going.reason,
        "ran_seconds": int(going.ran.total_seconds()),
        "ran_until": spell_time(going.until),
        "soaked": going.soaked,
        "exact": going.exact,
        "ban": going.ban or None,
        "downstream": [
            {
                "environment": each.environment,
                "runs_since": spell_time(each.since) if each.since else None,
                "merge_request": each.request or None,
            }
            for each in going.affected
        ],
    }
