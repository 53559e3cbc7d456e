"""What the merge request of a group says: all its targets in one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from promoter.model.image import short_digest
from promoter.model.plan import Decision, Propose
from promoter.model.record import Record
from promoter.model.spell import spell_time
from promoter.texts.inline import code, escaped
from promoter.texts.usual_body import answers, gate_line, listed

# Letters, so that all of it and the records fit into what a forge takes (see `decisions.seats`).
_ROWS, _FILES, _ASKERS, _GATES = 8_000, 4_000, 1_000, 4_000
_MOST_NAMED = 5


def spell_releases(records: Sequence[Record]) -> str:
    """`1.1.0`, or `api 1.1.0, web 1.2.0`."""
    if len(records) == 1:
        return records[0].release.label
    some = [f"{each.application} {each.release.label}" for each in records[:_MOST_NAMED]]
    more = len(records) - len(some)
    return ", ".join(some) + (f" and {more} more" if more else "")


def title_together(records: Sequence[Record]) -> str:
    """`Promote 12 applications to production`."""
    return f"Promote {len(records)} applications to {records[0].environment}"


def body_together(decision: Decision, action: Propose) -> str:
    """Markdown, bounded whatever the group: what moves where, files, who asked, the gates of each
    with what they say, and how to answer."""
    first = action.record
    what = f"**{escaped(decision.target.application)}** in **{escaped(first.environment)}**"
    sections = [f"{what} move together: this merge request brings each of them a release."]
    rows = list(_rows(decision.members, action.records))
    head = ["| application | image | from | to | digest |", "|---|---|---|---|---|"]
    sections.append("\n".join([*head, *_bounded(rows, _ROWS, "| and {} more | | | | |")]))
    files = [f"- {code(change.path)}" for change in action.changes]
    sections.append(listed("Files:", _bounded(files, _FILES)))
    if asked := [*_askers(action.records)]:
        sections.append(listed("Requested by:", _bounded(asked, _ASKERS)))
    if gates := [*_gates(decision, action.records)]:
        sections.append(listed("Gates when this was written:", _bounded(gates, _GATES)))
    sections.append(listed("What you can do:", [*_answers(decision, action)]))
    return "\n\n".join(sections)


def moves_together(decision: Decision, records: Sequence[Record]) -> list[str]:
    """A line for each artifact, for a commit's message."""
    lines: list[str] = []
    for member, record in zip(decision.members, records, strict=True):
        for image in record.release.artifacts:
            before = member.running.get(image.name) if member.running else None
            was = f"{before.suffix.lstrip(':') or '(no version)'} -> " if before else ""
            lines.append(f"{record.application}: {image.name}: {was}{image.suffix.lstrip(':')}")
    return lines


def _bounded(lines: Sequence[str], most: int, more: str = "- and {} more") -> list[str]:
    """The first of them, as many as so many letters hold, and how many there are besides."""
    sizes = accumulate(len(line) + 1 for line in lines)
    count = sum(1 for size in sizes if size <= most)
    left = len(lines) - count
    return [*lines[:count], more.format(left)] if left else list(lines)


def _rows(members: Sequence[Decision], records: Sequence[Record]) -> Iterator[str]:
    for member, record in zip(members, records, strict=True):
        for image in record.release.artifacts:
            before = member.running.get(image.name) if member.running else None
            was = f"`{before.version}`" if before else "-"
            digest = f"`{short_digest(image.digest)}`" if image.digest else "as the tag names it"
            name = escaped(record.application)
            yield f"| {name} | `{image.name}` | {was} | `{image.version}` | {digest} |"


def _askers(records: Sequence[Record]) -> Iterator[str]:
    for each in records:
        if each.requested_by:
            yield f"- {escaped(each.application)}: {escaped(each.requested_by)}"


def _gates(decision: Decision, records: Sequence[Record]) -> Iterator[str]:
    """Those of the merge are about the request, those of the opening about each target."""
    yield from (gate_line(each) for each in decision.verdicts if each.guards == "merge")
    for member, record in zip(decision.members, records, strict=True):
        for each in member.verdicts:
            opens = f", opens {spell_time(each.opens_at)}" if each.opens_at else ""
            said = f"**{each.judgement}**, {escaped(each.why)}{opens}"
            yield f"- {escaped(record.application)}, {escaped(each.gate)}: {said}"


def _answers(decision: Decision, action: Propose) -> Iterator[str]:
    return answers(
        decision,
        action,
        gates="all gates",
        rejected="None of these releases is proposed here again before a newer one of its"
        " application appears. To keep a single one out, ban it with"
        f" `promoter hold APPLICATION {action.record.environment} --release RELEASE`: this request"
        " goes on without it.",
        reverted="revert it in Git, or the files of one application. What was taken back is not"
        " proposed here again before a newer release appears.",
    )
