"""GitHub's pull requests, on github.com and Enterprise, as `promoter.model.ports.Forge`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from promoter.errors import ConflictError, InputError, PromoterError, TransientError
from promoter.forges.github import drafts as github_drafts
from promoter.forges.github.checks import Checks
from promoter.forges.github.footing import FootingReader
from promoter.forges.github.giving import Gifts, Giving
from promoter.forges.github.listing import Listing
from promoter.forges.github.mergers import read_mergers
from promoter.forges.github.merging import Merging, NotYetError
from promoter.forges.github.people import People
from promoter.forges.github.queue import Queue
from promoter.forges.github.readiness import judge, judge_blocked
from promoter.forges.github.settings import Settings
from promoter.forges.github.talk import Conversation, Json
from promoter.forges.github.trouble import RefusalError
from promoter.forges.written import Note, fitting, marked, split_note, with_note
from promoter.model.ports import (
    Check,
    Comment,
    Footing,
    MergeRequest,
    MergeRequestDraft,
    MergeText,
    Readiness,
)

_MOST_BODY = 65_536  # characters; GitHub answers 422 beyond
_MOST_TITLE = 256
_log = logging.getLogger(__name__)


class GitHubForge:
    """Merge requests of one repository; thread-safe.

    A look (`find`) is one list call for the open ones and one for those that ended, by pages of
    100, plus one for each that somebody closed since, once; and one for the merge queue where the
    branch has one and a request of ours is open. `mergers` is one for a hundred.
    """

    def __init__(self, talk: Conversation, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._place = talk.place
        self._people = People(talk, now)
        self._listing = Listing(talk, self._people)
        self._queue = Queue(talk, now)
        settings = Settings(talk, now)
        self._merging = Merging(talk, settings, self._queue)
        self._giving = Giving(talk)
        self._checks = Checks(talk)
        self._footing = FootingReader(talk, now, self._people, settings, self._queue)

    def find(self, base: str, prefix: str, since: datetime | None = None) -> Sequence[MergeRequest]:
        """As the port says. A branch of a fork is never ours: anybody can name one alike."""
        found = self._listing.find(base, prefix, since)
        if not any(each.state == "open" and not each.foreign for each in found):
            return found
        queued = self._queue.numbers(base)
        return [
            replace(each, armed=True) if each.number in queued and each.state == "open" else each
            for each in found
        ]

    def mergers(self, numbers: Sequence[int]) -> Mapping[int, str]:
        return read_mergers(self._talk, numbers)

    def open(self, draft: MergeRequestDraft) -> MergeRequest:
        """As the port says. One that is open on another base (the rule's branch changed) moves to
        this one: GitHub would open a second one, and `find` never show the first."""
        found = self._listing.open_from(draft)
        if found is None:
            gifts = Gifts.of(draft)
            note = Note(draft.approvals, draft.head, unfinished=bool(gifts))
            try:
                made, note = self._create(draft, note)
                return self._finish(made, draft, gifts, note)
            except RefusalError as error:
                if error.status != 422:
                    raise
                # Somebody else's may have come first: only the list tells, whatever the words.
                found = self._listing.open_from(draft)
                if found is None:
                    raise _why_not_opened(draft, error) from None
        if found["base"]["ref"] != draft.base:
            return self._rewrite(found, draft, base=draft.base)
        return self._listing.view(found)

    def _create(self, draft: MergeRequestDraft, note: Note) -> tuple[Json, Note]:
        doing = f"open a merge request from {draft.branch}"
        path = self._place.path("/pulls")
        body: Json = {
            "title": fitting(draft.title, _MOST_TITLE),
            "head": draft.branch,
            "base": draft.base,
            "body": with_note(draft.body, note, _MOST_BODY),
        }
        if not draft.draft:
            return self._talk.send("POST", path, doing, body, "number"), note
        try:
            return self._talk.send("POST", path, doing, {**body, "draft": True}, "number"), note
        except RefusalError as error:
            if not github_drafts.knows_no_drafts(error):
                raise
        note = replace(note, no_drafts=True)
        body["body"] = with_note(draft.body, note, _MOST_BODY)
        return self._talk.send("POST", path, doing, body, "number"), note

    def update(self, number: int, draft: MergeRequestDraft) -> MergeRequest:
        """As the port says; ConflictError where it is not open any more."""
        pull = self._show(number)
        _check_open(pull)
        return self._rewrite(pull, draft)

    def _rewrite(self, pull: Json, draft: MergeRequestDraft, **more: str) -> MergeRequest:
        gifts = self._giving.missing(pull, draft)
        _, before = split_note(pull["body"] or "")
        no_drafts = draft.draft and before.no_drafts
        if not no_drafts:
            no_drafts = not github_drafts.turn(self._talk, pull, draft.draft)
        note = Note(draft.approvals, draft.head, bool(gifts), no_drafts)
        more = {"title": fitting(draft.title, _MOST_TITLE), **more}
        changed = self._edit(int(pull["number"]), with_note(draft.body, note, _MOST_BODY), **more)
        _check_open(changed)
        return self._finish(changed, draft, gifts, note)

    def _finish(
        self, pull: Json, draft: MergeRequestDraft, gifts: Gifts, note: Note
    ) -> MergeRequest:
        """Give it what is still to be given, and note that this is done."""
        warnings: tuple[str, ...] = ()
        if note.no_drafts:
            warnings = (
                f"{self._place}: #{pull['number']} can't be a draft: this repository has none",
            )
        if gifts:
            warnings += self._giving.give(int(pull["number"]), gifts)
            body = with_note(draft.body, replace(note, unfinished=False), _MOST_BODY)
            pull = self._edit(int(pull["number"]), body)
        return replace(self._listing.view(pull), warnings=warnings)

    def _edit(self, number: int, body: str, **more: str) -> Json:
        path = self._place.path(f"/pulls/{number}")
        return self._talk.send("PATCH", path, f"update #{number}", {"body": body, **more}, "number")

    def comment(self, number: int, comment: Comment) -> None:
        """As the port says. Who quotes the bot does not speak for it. Whether it is open is asked
        only where there is something to say."""
        doing = f"comment on #{number}"
        path = self._place.path(f"/issues/{number}/comments")
        for each in self._talk.pages(path, doing, {}):
            said_by = (each.get("user") or {}).get("login", "")
            if comment.mark in (each.get("body") or "") and self._people.is_me(said_by):
                return
        _check_open(self._show(number))
        self._talk.send("POST", path, doing, {"body": marked(comment, _MOST_BODY)})

    def label(self, number: int, name: str) -> None:
        self._giving.label(number, [name])

    def close(self, number: int, reason: str) -> None:  # noqa: ARG002 - people read it as a comment
        """As the port says. A branch that is not where the bot put it stays: somebody's work
        would be lost."""
        pull = self._show(number)
        if pull["state"] != "open" and not pull.get("merged_at"):
            return
        _check_open(pull)
        path = self._place.path(f"/pulls/{number}")
        pull = self._talk.send("PATCH", path, f"close #{number}", {"state": "closed"}, "number")
        _, note = split_note(pull["body"] or "")
        if self._listing.is_ours(pull) and pull["head"]["sha"] == note.head:
            self._delete_branch(pull["head"]["ref"], note.head)

    def approvals(self, number: int, head: str) -> Sequence[str]:
        """Logins of people with write access, other than the bot and the author, whose latest
        review approves exactly `head`; none while such a person asks for changes."""
        doing = f"read the reviews of #{number}"
        reviews = list(self._talk.pages(self._place.path(f"/pulls/{number}/reviews"), doing, {}))
        if not reviews:
            return ()
        author = self._show(number).get("user") or {}
        return self._people.approvers(reviews, head, str(author.get("login", "")))

    def checks(self, number: int, head: str) -> Sequence[Check]:
        return self._checks.read(head, f"#{number}")

    def commit_checks(self, commit: str) -> Sequence[Check]:
        return self._checks.read(commit, f"commit {commit[:8]}")

    def readiness(self, number: int, head: str) -> Readiness:
        """As the port says. GitHub finds out whether it can merge only once it is asked."""
        pull = self._show(number)
        if pull["state"] == "open" and pull.get("mergeable_state") == "unknown":
            pull = self._show(number)
        footing = self._footing.of(pull["base"]["ref"])
        if footing.rights.merge is False:
            return Readiness("refused", f"{footing.rights.bot} has no write access")
        told = judge(pull, head)
        if told is not None:
            return told
        protection = footing.protection
        approvals = len(self.approvals(number, head)) if protection.approvals else 0
        return judge_blocked(number, head, protection, approvals, self._checks)

    def merge(self, number: int, head: str, text: MergeText) -> Literal["merged", "queued"]:
        """As the port says; TransientError with what GitHub said where it does not let it be
        merged yet (required checks or reviews). What is merged already is merged."""
        pull = self._show(number)
        _check_head(pull, head)
        if pull.get("merged_at"):
            return "merged"
        _check_mergeable(pull)
        try:
            done = self._merging.merge(pull, text, head)
        except NotYetError:
            # Somebody else may have merged it meanwhile; and GitHub finds out whether it can merge
            # only once it is asked, and says null until then.
            again = self._show(number)
            _check_head(again, head)
            if again.get("merged_at"):
                return "merged"
            _check_mergeable(again)
            raise
        if done == "merged" and self._listing.is_ours(pull):
            self._delete_branch(pull["head"]["ref"], head)
        return done

    def disarm(self, number: int) -> None:
        """As the port says; ConflictError where the queue was faster."""
        pull = self._show(number)
        if pull.get("merged_at"):
            raise ConflictError(f"#{number} is merged already")
        if pull["state"] == "open":
            self._queue.leave(pull)

    def publish(self, number: int, head: str, check: Check) -> bool:
        """As the port says; GitHub keeps what was said before, and tells the last word."""
        return self._checks.publish(number, head, check)

    def footing(self, base: str) -> Footing:
        return self._footing.of(base)

    def _delete_branch(self, branch: str, head: str) -> None:
        """Tidiness: where it fails the deed stands all the same, and GitHub may have done it. One
        that is not at `head` stays: what somebody pushed since is in nothing else, and GitHub's
        deletion takes no word of where it should be."""
        name, doing = f"heads/{quote(branch)}", f"delete the branch {branch}"
        try:
            ref = self._talk.get(self._place.path(f"/git/ref/{name}"), doing, "object")
            if ref["object"]["sha"] == head:
                self._talk.send("DELETE", self._place.path(f"/git/refs/{name}"), doing)
        except PromoterError as error:
            _log.debug("%s", error)

    def _show(self, number: int) -> Json:
        return self._talk.get(self._place.path(f"/pulls/{number}"), f"read #{number}", "number")


def _check_head(pull: Json, head: str) -> None:
    branch, stands = pull["head"]["ref"], pull["head"]["sha"]
    if stands != head:
        raise ConflictError(
            f"#{pull['number']}: the branch {branch} is at {stands[:8]}, not at {head[:8]}"
        )


def _check_open(pull: Json) -> None:
    if pull["state"] != "open":
        ended = "merged" if pull.get("merged_at") else "closed"
        raise ConflictError(f"#{pull['number']} is {ended} already")


def _check_mergeable(pull: Json) -> None:
    _check_open(pull)
    if pull.get("mergeable_state") == "dirty":
        raise ConflictError(f"#{pull['number']} conflicts with {pull['base']['ref']}")


def _why_not_opened(draft: MergeRequestDraft, error: RefusalError) -> PromoterError:
    """GitHub tells a branch that it does not know by a field, and the rest in words only."""
    errors = error.data.get("errors") if isinstance(error.data, dict) else None
    listed = [each for each in errors or () if isinstance(each, dict)]
    fields = {each.get("field") for each in listed if each.get("code") == "invalid"}
    if "base" in fields:
        return InputError(f"{error.message}: there is no branch {draft.base} to merge into")
    said = [str(each.get("message")) for each in listed]
    if any(each.startswith("A pull request already exists") for each in said):
        return TransientError(f"{error.message}, and does not list it yet")
    if "head" in fields or any(each.startswith("No commits between") for each in said):
        return ConflictError(f"{draft.branch} is gone, or merged into {draft.base}: {error.said}")
    return error
