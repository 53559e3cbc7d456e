"""Who is in the merge request of a group, who leaves it and why, and who may enter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from promoter.decisions.limits import count_lines
from promoter.decisions.situation import Situation
from promoter.model.facts import EditOf, Facts
from promoter.model.plan import Close, Decision, Propose, State
from promoter.model.record import Record
from promoter.model.rule import Limits
from promoter.model.target import FileChange

_MOST_LETTERS = 40_000
"""Of all records together: GitHub takes 65,536 letters in a body, and there is more to say."""


@dataclass(frozen=True)
class Seat:
    """A target's place in the request: what it is brought, and the files. `offers`: its gates pass;
    else what it was given before stays, and nothing is merged."""

    decision: Decision
    record: Record
    changes: tuple[FileChange, ...]
    offers: bool

    @property
    def application(self) -> str:
        return self.record.application


@dataclass
class Seats:
    """`staying` are in the open request, `coming` want to be; `held` are in it and under a hold;
    `left` and `waiting` say by application why one goes, or is not let in."""

    staying: list[Seat] = field(default_factory=list)
    coming: list[Seat] = field(default_factory=list)
    held: list[Seat] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    unsure: str = ""
    """Why it can't be told what one of them is to be brought."""


def seat_members(whole: Situation, members: Sequence[Decision], facts: Facts) -> Seats:
    """Raises NotAsked; NotKnown where the manifests of one that stays can't be read."""
    found = Seats()
    decisions = {each.target.application: each for each in members}
    present = {each.application: each for each in recorded(whole)}
    kept: list[tuple[Decision, Record]] = []
    for application, record in present.items():
        decision = decisions.get(application)
        if decision is None:
            if whole.scene.problems:
                problem = whole.scene.problems[0]
                found.unsure = f"whether {application} has a target can't be told: {problem}"
            else:
                found.left[application] = f"it has no target in {record.environment} any more"
        elif offer := offer_of(decision, whole.group):
            found.staying.append(Seat(decision, offer.record, offer.changes, offers=True))
        elif why := _why_it_leaves(decision, record, whole.group):
            found.left[application] = why
        else:
            kept.append((decision, record))
    _keep(whole, kept, found, facts)
    for decision in members:
        offer = offer_of(decision, whole.group)
        if offer and decision.target.application not in present:
            found.coming.append(Seat(decision, offer.record, offer.changes, offers=True))
    return found


def recorded(whole: Situation) -> tuple[Record, ...]:
    """What the open request brings: by its branch, as a body is easily edited."""
    if whole.opened is None:
        return ()
    branch = whole.branch
    said = Record.parse_all(branch.message) if branch and branch.own else ()
    return said or Record.parse_all(whole.opened.body)


def offer_of(decision: Decision, group: str) -> Propose | None:
    """What a target would have its group bring."""
    action = decision.action
    return action if isinstance(action, Propose) and action.branch == group else None


def _why_it_leaves(decision: Decision, record: Record, group: str) -> str:
    """Empty: its release may enter still, or will again by itself; or it is under a hold."""
    action, request = decision.action, decision.merge_request
    if isinstance(action, Propose):
        return f"{action.record.release.label} goes alone"
    if request is not None and request.branch != group:
        return f"it goes alone by {request.url}"
    if isinstance(action, Close):
        return action.reason
    if decision.holds.stops:
        return ""
    about_it = decision.offered is None or record.release.agrees(decision.offered)
    return decision.why if decision.state is State.BLOCKED and about_it else ""


def _keep(
    whole: Situation, kept: Sequence[tuple[Decision, Record]], found: Seats, facts: Facts
) -> None:
    """Those that offer nothing now and stay in with what they were given."""
    questions = [_edit_question(whole, decision, record) for decision, record in kept]
    for (decision, record), edit in zip(kept, facts.need_all(questions), strict=True):
        application = record.application
        if edit.refused:
            found.left[application] = f"the edit is refused: {edit.refused[0].message}"
        elif not edit.changes:
            found.left[application] = f"it runs {record.release.label}"
        else:
            seats = found.held if decision.holds.stops else found.staying
            seats.append(Seat(decision, record, edit.changes, offers=False))


def _edit_question(whole: Situation, decision: Decision, record: Record) -> EditOf:
    target = decision.target
    artifacts = whole.rule.artifacts_in(target.application, target.environment)
    pins = tuple((name, artifact.pin) for name, artifact in artifacts.items())
    return EditOf(whole.repository, whole.base.tip.commit, target, record.release, pins)


def find_room(limits: Limits, seats: Sequence[Seat]) -> dict[str, str]:
    """By application, of the seats in their order those that one merge request has no room for, and
    why."""
    files: dict[str, str] = {}
    lines = letters = 0
    outside: dict[str, str] = {}
    for each in seats:
        paths = [change.path for change in each.changes]
        more = sum(map(count_lines, each.changes)) if limits.lines is not None else 0
        size = sum(len(line) + 1 for line in each.record.trailers())
        taken = next((path for path in paths if path in files), None)
        if taken is not None:
            why = f"it changes {taken}, as {files[taken]} does"
        elif limits.files is not None and len(files) + len(paths) > limits.files:
            why = f"with it more than {limits.files} files would change (`limits.files`)"
        elif limits.lines is not None and lines + more > limits.lines:
            why = f"with it more than {limits.lines} lines would change (`limits.lines`)"
        elif letters + size > _MOST_LETTERS and letters:
            why = "one merge request has no room for more"
        else:
            files.update(dict.fromkeys(paths, each.application))
            lines, letters = lines + more, letters + size
            continue
        outside[each.application] = why
    return outside
