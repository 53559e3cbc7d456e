"""What a reviewer reads where the rule has no body of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promoter.decisions.gates import SKIPPABLE
from promoter.decisions.person import HOLD
from promoter.model.image import ImageReference, short_digest
from promoter.model.plan import Decision, Propose, SourceChange, State, Stay
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.spell import spell_duration, spell_time
from promoter.model.target import FileChange
from promoter.model.verdict import Verdict
from promoter.rules.wording import enumerate_words
from promoter.texts.inline import code, escaped
from promoter.texts.requested import asked_by

_MOST_FILES = 100
_GETS = {False: "gets", True: "get"}


def usual_body(decision: Decision, action: Propose) -> str:
    """Markdown that GitHub and GitLab show alike: what moves where, where it ran before, who asked
    for it, the gates with what they saw, and how to answer."""
    release = action.record.release
    sections = [_summary(action.record), *_draft(decision, action)]
    sections.append(version_table(decision.running, release))
    if action.record.skips:
        sections.append(_skips(action.record))
    if decision.stays:
        sections.append("\n".join(_stay(each) for each in decision.stays))
    if decision.sources:
        sections.append(listed("Source:", [*_sources(decision.sources)]))
    sections.append(listed("Files:", file_list(action.changes)))
    if askers := asked_by(decision, release):
        sections.append(f"Requested by {escaped(', '.join(askers))}.")
    if decision.verdicts:
        sections.append(listed("Gates when this was written:", gate_list(decision.verdicts)))
    sections.append(listed("What you can do:", [*_answers(decision, action)]))
    return "\n\n".join(sections)


def gate_line(verdict: Verdict) -> str:
    """One Markdown list item for a gate."""
    opens = f", opens {spell_time(verdict.opens_at)}" if verdict.opens_at else ""
    if verdict.opened_by and not opens and not verdict.passes:
        opens = f", needs {escaped(verdict.opened_by)}"
    judgement = "skipped" if verdict.skipped else verdict.judgement
    return f"- {escaped(verdict.gate)}: **{judgement}**, {escaped(verdict.why)}{opens}"


def source_address(change: SourceChange) -> str:
    """Where the source's forge shows the commits between the two images, or the one commit."""
    gitlab = "gitlab" in change.source.partition("://")[2].partition("/")[0]
    root = f"{change.source}/-" if gitlab else change.source
    if change.before is None:
        return f"{root}/commit/{change.after}"
    return f"{root}/compare/{change.before}...{change.after}"


def file_list(changes: Sequence[FileChange]) -> list[str]:
    """Markdown list items, the first of many."""
    paths = [f"- {code(change.path)}" for change in changes]
    more = [f"- and {len(paths) - _MOST_FILES} more"] if len(paths) > _MOST_FILES else []
    return [*paths[:_MOST_FILES], *more]


def gate_list(verdicts: Sequence[Verdict]) -> list[str]:
    return [line for each in verdicts for line in _gate_lines(each)]


def listed(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, "", *lines])


def _gate_lines(verdict: Verdict) -> Iterator[str]:
    yield gate_line(verdict)
    if seen := ", ".join(f"{name} {value}" for name, value in verdict.evidence if value):
        yield f"  - saw {escaped(seen)}"


def _draft(decision: Decision, action: Propose) -> Iterator[str]:
    if action.draft:
        gates = [f"**{escaped(each.gate)}**" for each in decision.verdicts if not each.passes]
        waits = f" It waits for {', '.join(gates)}." if gates else ""
        yield f"This is a draft until its gates pass.{waits}"


def _answers(decision: Decision, action: Propose) -> Iterator[str]:
    former = f"{code(decision.running.label)} runs again, and" if decision.running else "Then"
    return answers(
        decision,
        action,
        gates="its gates",
        rejected="This release is not proposed here again before a newer one appears; an older"
        " one that is later than what runs may be proposed instead.",
        reverted=f"revert it in Git. {former} this release is not proposed here again before a"
        " newer one appears.",
    )


def answers(
    decision: Decision, action: Propose, *, gates: str, rejected: str, reverted: str
) -> Iterator[str]:
    """Markdown list items: how to say yes, no, not now, and no after all. `gates` are those that
    it waits for, `rejected` tells what follows a no, and `reverted` how to take it back."""
    by_hand = _commands(action) if decision.repository.forge == "local" else {}
    automatic = decision.state is State.PROMOTING
    promote = f"promoter merges it when {gates} pass" if automatic else "merge it"
    yield f"- **Promote**: {promote}{by_hand.get('merge', '')}."
    yield f"- **Reject**: close it{by_hand.get('close', '')}. {rejected}"
    yield (
        f"- **Hold**: add the label `{HOLD}`{by_hand.get('label', '')}. As long as it is there,"
        " nothing is updated, closed or merged."
    )
    yield f"- **Roll back** after the merge: {reverted}"
    if by_hand and action.number is None:
        yield ""
        yield "`promoter mr list` tells the NUMBER."


def _commands(action: Propose) -> dict[str, str]:
    """The commands of the local forge, which has no page to click on."""
    number = action.number if action.number is not None else "NUMBER"
    return {
        "merge": f" (`promoter mr approve {number}`, `promoter mr merge {number}`)",
        "close": f" (`promoter mr close {number}`)",
        "label": f" (`promoter mr label {number} {HOLD}`)",
    }


def _stay(stay: Stay) -> str:
    """`dev has run it for 2d 3h, since ...`."""
    where, since = escaped(stay.environment), spell_time(stay.since)
    if stay.until is None:
        return f"{where} has run it for {spell_duration(stay.seen - stay.since)}, since {since}."
    ran = spell_duration(stay.until - stay.since)
    return f"{where} ran it for {ran}, from {since} to {spell_time(stay.until)}."


def _skips(record: Record) -> str:
    """What it goes past, by whom and why; or that it went past here."""
    names = enumerate_words(f"**{escaped(each)}**" for each in record.skips)
    who, why = escaped(record.requested_by), escaped(record.reason)
    if record.environment in record.skips:
        return f"**Hotfix**: {who} brought it past {names}: {why}. Here it is filled up."
    behind = [escaped(each) for each in record.skips if each not in SKIPPABLE]
    later = f" Once it is merged, {enumerate_words(behind)} {_GETS[len(behind) > 1]} it as well,"
    filled = f"{later} where that is not backwards." if behind else ""
    return f"**Hotfix**: it skips {names}, as {who} asked: {why}.{filled}"


def _sources(changes: Sequence[SourceChange]) -> Iterator[str]:
    """The commits between the two images, as the source's forge shows them; images that are built
    of the same commits share a line."""
    built: dict[str, list[SourceChange]] = {}
    for change in changes:
        built.setdefault(source_address(change), []).append(change)
    for address, (first, *others) in built.items():
        images = ", ".join(f"`{each.name}`" for each in (first, *others))
        before = f"{first.before[:12]}..." if first.before else ""
        yield f"- [{before}{first.after[:12]}]({address}): {images}"


def _summary(record: Record) -> str:
    where = f"**{escaped(record.application)}** in **{escaped(record.environment)}**"
    return f"{where} moves to release `{record.release.id}`, {_origin(record.origin)}."


def _origin(origin: str) -> str:
    return "new in the registry" if origin == "registry" else f"as it ran in {escaped(origin)}"


def version_table(running: Release | None, release: Release) -> str:
    rows = ["| image | from | to | digest |", "|---|---|---|---|"]
    for image in release.artifacts:
        before = running.get(image.name) if running else None
        digest = f"`{short_digest(image.digest)}`" if image.digest else "as the tag names it"
        rows.append(f"| `{image.name}` | {_version(before)} | {_version(image)} | {digest} |")
    return "\n".join(rows)


def _version(image: ImageReference | None) -> str:
    return f"`{image.version}`" if image else "-"
