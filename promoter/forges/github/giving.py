"""Labels, reviewers and assignees of a merge request on GitHub, which takes them one by one after
it was opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from promoter.forges.github.talk import Conversation, Json
from promoter.forges.github.trouble import ForbiddenError, RefusalError
from promoter.model.ports import MergeRequestDraft


@dataclass(frozen=True)
class Gifts:
    """What is still to be given; false where there is nothing."""

    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.reviewers or self.assignees)

    @classmethod
    def of(cls, draft: MergeRequestDraft) -> Gifts:
        return cls(draft.labels, draft.reviewers, draft.assignees)


class Giving:
    """Thread-safe; nothing is remembered. Whom GitHub does not know, or does not let be asked, is
    told as a sentence and keeps nothing else back."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk

    def missing(self, pull: Json, draft: MergeRequestDraft) -> Gifts:
        """Who reviewed already stands no longer among those that were asked, and is not asked
        again."""
        reviewers = _without(draft.reviewers, _logins(pull["requested_reviewers"]))
        if reviewers:
            reviewers = _without(reviewers, self._reviewed(int(pull["number"])))
        return Gifts(
            _without(draft.labels, (str(each["name"]) for each in pull["labels"])),
            reviewers,
            _without(draft.assignees, _logins(pull["assignees"])),
        )

    def _reviewed(self, number: int) -> Iterable[str]:
        path = self._talk.place.path(f"/pulls/{number}/reviews")
        reviews = self._talk.pages(path, f"read the reviews of #{number}", {})
        return _logins(each["user"] for each in reviews if each.get("user"))

    def give(self, number: int, gifts: Gifts) -> tuple[str, ...]:
        """Give it all; what GitHub refused, a sentence each."""
        warnings: list[str] = []
        if gifts.labels:
            try:
                self.label(number, gifts.labels)
            except (RefusalError, ForbiddenError) as error:
                warnings.append(f"the labels can't be added: {error}")
        warnings += self._ask_reviewers(number, gifts.reviewers)
        warnings += self._assign(number, gifts.assignees)
        return tuple(warnings)

    def label(self, number: int, names: Sequence[str]) -> None:
        """GitHub makes those that the repository does not know yet."""
        path = self._talk.place.path(f"/issues/{number}/labels")
        self._talk.send("POST", path, f"label #{number}", {"labels": list(names)})

    def _ask_reviewers(self, number: int, logins: Sequence[str]) -> list[str]:
        """All in one call; where GitHub refuses that, it does not say because of whom."""
        if not logins:
            return []
        path = self._talk.place.path(f"/pulls/{number}/requested_reviewers")
        doing = f"ask {', '.join(logins)} to review #{number}"
        try:
            self._talk.send("POST", path, doing, {"reviewers": list(logins)})
        except (RefusalError, ForbiddenError) as error:
            if len(logins) == 1 or isinstance(error, ForbiddenError):
                return [str(error)]
            return [said for each in logins for said in self._ask_reviewers(number, (each,))]
        return []

    def _assign(self, number: int, logins: Sequence[str]) -> list[str]:
        """GitHub leaves out, without a word, whom it does not let be assigned."""
        if not logins:
            return []
        path = self._talk.place.path(f"/issues/{number}/assignees")
        doing = f"assign #{number} to {', '.join(logins)}"
        try:
            told = self._talk.send("POST", path, doing, {"assignees": list(logins)}, "assignees")
        except (RefusalError, ForbiddenError) as error:
            return [str(error)]
        return [
            f"{self._talk.place}: can't assign #{number} to {each}: GitHub leaves this name out; it"
            " must be that of somebody with access to the repository"
            for each in _without(logins, _logins(told["assignees"]))
        ]


def _logins(users: Iterable[Json]) -> list[str]:
    return [str(each["login"]) for each in users]


def _without(wanted: Iterable[str], there: Iterable[str]) -> tuple[str, ...]:
    known = {each.casefold() for each in there}
    return tuple(each for each in wanted if each.casefold() not in known)
