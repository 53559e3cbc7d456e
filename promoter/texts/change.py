"""The texts of a promotion: commit message, title, labels and body of the merge request. Where the
rule has a template it is used; the record is always the bot's own, and stands last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from promoter.decisions.person import HOLD, LEFT_ALONE
from promoter.model.plan import Decision, Merge, Propose
from promoter.model.ports import MergeText
from promoter.model.record import Record, trailers_of
from promoter.model.release import Release
from promoter.model.trace_context import TraceContext
from promoter.rules.people import LONGEST_LABEL, MOST_LABEL
from promoter.rules.template import Markup, Spelling, render
from promoter.rules.wording import enumerate_words
from promoter.texts.given_values import all_values, lasting_values
from promoter.texts.inline import code, escaped_line, one_line, unmarked
from promoter.texts.paint import printable
from promoter.texts.rollback import rollback_body, rollback_message
from promoter.texts.together import body_together, moves_together, title_together
from promoter.texts.usual_body import usual_body

_LONGEST_BODY = 60_000
"""GitHub takes 65,536 letters."""
_MARK = "promoter record: written by the bot, read by the bot"
_MARKDOWN = Spelling(escaped_line, code)
_UNMARKED = Spelling(unmarked, unmarked)
_LABEL = Spelling(one_line, one_line)


def request_title(decision: Decision, action: Propose | Merge) -> str:
    """`Promote web to staging: 1.2.0`, or what the rule's template makes: one line."""
    usual = _usual_title(action.records)
    template = action.request.title
    if template is None:
        return usual
    values = lasting_values(_of_one(decision, action), action, usual)
    return one_line(render(template, "title", values, _UNMARKED)) or usual


def request_labels(decision: Decision, action: Propose) -> tuple[str, ...]:
    """The labels of the rule, each once and as its forge takes it; one that comes out empty is
    left out."""
    title = _usual_title(action.records)
    most = MOST_LABEL.get(decision.repository.forge, LONGEST_LABEL)
    decision = _of_one(decision, action)
    found: dict[str, str] = {}
    for template in action.request.labels:
        values = lasting_values(decision, action, title)
        label = render(template, "label", values, _LABEL)
        if decision.repository.forge == "gitlab":
            label = label.replace(",", " ")  # there it stands between labels
        label = one_line(label)[:most].rstrip()
        # The bot's own words are never a rule's: it would hold what it opens.
        if label and label.casefold() not in (HOLD, LEFT_ALONE):
            found.setdefault(label.casefold(), label)
    return tuple(found.values())


def request_body(decision: Decision, action: Propose, trace: TraceContext | None = None) -> str:
    """Markdown, the usual body or what the rule's template makes of it; ends with the record in a
    comment, and with the trace that it was made in. Text from outside is escaped in both."""
    decision = _of_one(decision, action)
    body = _usual_body(decision, action)
    trailers = trailers_of(action.records, trace)
    if action.request.body is not None:
        values = all_values(decision, action, request_title(decision, action))
        given = {**values, "body": Markup(body)}
        body = _lines(render(action.request.body, "body", given, _MARKDOWN)) or body
    if action.others:
        body = _cut(body, _LONGEST_BODY - len(trailers))
    return f"{body}\n\n<!-- {_MARK}\n{trailers}\n-->\n"


def commit_message(decision: Decision, action: Propose, trace: TraceContext | None = None) -> str:
    """A subject, what moves (or what the rule's template makes), and as trailers the record and
    the trace that it was made in."""
    title = request_title(decision, action)
    decision = _of_one(decision, action)
    if action.others:
        moves = moves_together(decision, action.records)
    else:
        moves = _moves(decision.running, action.record.release)
    if decision.rollback:
        moves = [*rollback_message(decision.rollback, action.record.environment), "", *moves]
    message = "\n".join([title, "", *moves])
    if action.record.skips:
        message = f"{message}\n\n{_skips(action.record)}"
    if action.commit.message is not None:
        values = all_values(decision, action, title)
        message = _lines(render(action.commit.message, "commit", values, _UNMARKED)) or message
    return f"{message}\n\n{trailers_of(action.records, trace)}\n"


def merge_text(decision: Decision, action: Merge, trace: TraceContext | None = None) -> MergeText:
    """The message of what a merge makes, so that the history reads the same whatever the way."""
    return MergeText(request_title(decision, action), trailers_of(action.records, trace))


def _usual_body(decision: Decision, action: Propose) -> str:
    if action.others:
        return body_together(decision, action)
    going = decision.rollback
    return rollback_body(decision, action, going) if going else usual_body(decision, action)


def _usual_title(records: Sequence[Record]) -> str:
    record, *others = records
    if others:
        return title_together(records)
    if record.rolls_back:
        return f"Roll back {record.application} in {record.environment} to {record.release.label}"
    return f"Promote {record.application} to {record.environment}: {record.release.label}"


def _of_one(decision: Decision, action: Propose | Merge) -> Decision:
    """Where a group's request brings something to one target alone it reads as one of that."""
    if action.others or not decision.members:
        return decision
    (member,) = decision.members
    guards = (each for each in decision.verdicts if each.guards == "merge")
    return replace(
        member,
        state=decision.state,
        merge_request=decision.merge_request,
        verdicts=(*member.verdicts, *guards),
    )


def _cut(body: str, most: int) -> str:
    """At the end of a line, where it is longer."""
    return body if len(body) <= most else f"{body[:most].rpartition(chr(10))[0]}\n…"


def _lines(text: str) -> str:
    """Without control characters, and without empty lines at its ends."""
    return "\n".join(printable(line.rstrip()) for line in text.splitlines()).strip("\n")


def _skips(record: Record) -> str:
    names = one_line(enumerate_words(record.skips))
    return f"Skips {names}, as {unmarked(record.requested_by)} asked: {unmarked(record.reason)}"


def _moves(running: Release | None, release: Release) -> list[str]:
    lines: list[str] = []
    for image in release.artifacts:
        before = running.get(image.name) if running else None
        was = f"{before.suffix.lstrip(':') or '(no version)'} -> " if before else ""
        lines.append(f"{image.name}: {was}{image.suffix.lstrip(':')}")
    return lines
