"""The texts of a promotion: commit message, title and body of the merge request."""

from __future__ import annotations

from promoter.model.image import ImageReference, short_digest
from promoter.model.plan import Decision, Merge, Propose, SourceChange, Stay
from promoter.model.ports import MergeText
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.spell import spell_duration, spell_time
from promoter.model.verdict import Verdict
from promoter.texts.inline import code, escaped
from promoter.texts.requested import asked_by

_MARK = "promoter record: written by the bot, read by the bot"


def request_title(record: Record) -> str:
    """`Promote web to staging: 1.2.0`."""
    return f"Promote {record.application} to {record.environment}: {record.release.label}"


def commit_message(decision: Decision, action: Propose) -> str:
    """A subject, what moves, and the record as trailers."""
    moves = "\n".join(_moves(decision.running, action.record.release))
    trailers = "\n".join(action.record.trailers())
    return f"{request_title(action.record)}\n\n{moves}\n\n{trailers}\n"


def merge_text(action: Merge) -> MergeText:
    """The message of what a merge makes, so that the history reads the same whatever the way."""
    return MergeText(request_title(action.record), "\n".join(action.record.trailers()))


def request_body(decision: Decision, action: Propose) -> str:
    """Markdown: what moves where, where it ran before, who asked for it, the gates with their
    evidence, and how to say no; ends with the record in a comment."""
    record = action.record
    paths = "\n".join(f"- {code(change.path)}" for change in action.changes)
    sections = [
        _summary(record),
        _table(decision.running, record.release),
    ]
    if decision.stays:
        sections.append("\n".join(_stay(each) for each in decision.stays))
    if decision.sources:
        sources = "\n".join(_source(each) for each in decision.sources)
        sections.append(f"Source:\n\n{sources}")
    sections.append(f"Files:\n\n{paths}")
    if askers := asked_by(decision, record.release):
        sections.append(f"Requested by {escaped(', '.join(askers))}.")
    if decision.verdicts:
        gates = "\n".join(gate_line(each) for each in decision.verdicts)
        sections.append(f"Gates when this was written:\n\n{gates}")
    sections.append(
        "Merge it to promote. Close it to reject this release here: it is not proposed again"
        " before a newer one appears. An older one that is later than what runs may be proposed"
        " instead."
    )
    trailers = "\n".join(record.trailers())
    sections.append(f"<!-- {_MARK}\n{trailers}\n-->")
    return "\n\n".join(sections) + "\n"


def gate_line(verdict: Verdict) -> str:
    """One Markdown list item for a gate."""
    opens = f", opens {spell_time(verdict.opens_at)}" if verdict.opens_at else ""
    return f"- {escaped(verdict.gate)}: **{verdict.judgement}**, {escaped(verdict.why)}{opens}"


def _stay(stay: Stay) -> str:
    """`dev has run it for 2d 3h, since ...`."""
    where, since = escaped(stay.environment), spell_time(stay.since)
    if stay.until is None:
        return f"{where} has run it for {spell_duration(stay.seen - stay.since)}, since {since}."
    ran = spell_duration(stay.until - stay.since)
    return f"{where} ran it for {ran}, from {since} to {spell_time(stay.until)}."


def _source(change: SourceChange) -> str:
    """The commits between the two images, as the source's forge shows them."""
    after = change.after[:12]
    gitlab = "gitlab" in change.source.partition("://")[2].partition("/")[0]
    root = f"{change.source}/-" if gitlab else change.source
    if change.before is None:
        return f"- `{change.name}`: [{after}]({root}/commit/{change.after})"
    span = f"{change.before}...{change.after}"
    return f"- `{change.name}`: [{change.before[:12]}...{after}]({root}/compare/{span})"


def _summary(record: Record) -> str:
    where = f"**{escaped(record.application)}** in **{escaped(record.environment)}**"
    return f"{where} moves to release `{record.release.id}`, {_origin(record.origin)}."


def _origin(origin: str) -> str:
    return "new in the registry" if origin == "registry" else f"as it ran in {escaped(origin)}"


def _moves(running: Release | None, release: Release) -> list[str]:
    lines: list[str] = []
    for image in release.artifacts:
        before = running.get(image.name) if running else None
        was = f"{before.suffix.lstrip(':') or '(no version)'} -> " if before else ""
        lines.append(f"{image.name}: {was}{image.suffix.lstrip(':')}")
    return lines


def _table(running: Release | None, release: Release) -> str:
    rows = ["| image | from | to | digest |", "|---|---|---|---|"]
    for image in release.artifacts:
        before = running.get(image.name) if running else None
        digest = f"`{short_digest(image.digest)}`" if image.digest else "as the tag names it"
        rows.append(f"| `{image.name}` | {_version(before)} | {_version(image)} | {digest} |")
    return "\n".join(rows)


def _version(image: ImageReference | None) -> str:
    return f"`{image.version}`" if image else "-"
