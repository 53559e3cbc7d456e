"""The merge queue of a branch on GitHub, which only its GraphQL API knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from promoter.errors import ConflictError, TransientError
from promoter.forges.github.talk import Conversation, Json
from promoter.forges.github.trouble import ForbiddenError, RefusalError, kinds_of
from promoter.forges.memory import Memory, seconds_of

_ENTRIES = """query($owner: String!, $name: String!, $branch: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    mergeQueue(branch: $branch) {
      entries(first: 100, after: $after) {
        nodes { pullRequest { number } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}"""
_STANDING = """query($id: ID!) {
  node(id: $id) { ... on PullRequest { isInMergeQueue headRefOid } }
}"""
_ENQUEUE = """mutation($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) {
    mergeQueueEntry { state }
  }
}"""
_DEQUEUE = """mutation($id: ID!) {
  dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { state } }
}"""
# An Enterprise server from before there were queues says so of its schema.
_UNKNOWN_FIELD = "doesn't exist"
# "Could not resolve to ...", "Resource not accessible by ...", and a scope that a token lacks.
_HIDDEN = frozenset({"NOT_FOUND", "FORBIDDEN", "INSUFFICIENT_SCOPES"})


class Queue:
    """Thread-safe. Whether a branch has a queue holds for five minutes; and that it had one, until
    GitHub says that it has none: no error does, for what is in it would be merged meanwhile."""

    def __init__(self, talk: Conversation, now: Callable[[], datetime]) -> None:
        self._talk = talk
        self._exists: Memory[str, bool] = Memory(seconds_of(now))
        self._had_one: set[str] = set()

    def exists(self, base: str) -> bool:
        known = self._exists.recall(base)
        if known is None:
            self.numbers(base)
            known = self._exists.recall(base)
        return bool(known)

    def note(self, base: str) -> None:
        """It was learned in another way that the branch has one."""
        self._learn(base, True)

    def _learn(self, base: str, exists: bool) -> None:
        self._exists.put(base, exists)
        if exists:
            self._had_one.add(base)
        else:
            self._had_one.discard(base)

    def numbers(self, base: str) -> frozenset[int]:
        """The merge requests in the queue; not asked for where there was none lately."""
        if self._exists.recall(base) is False:
            return frozenset()
        found: set[int] = set()
        after: str | None = None
        while True:
            queue = self._page(base, after)
            self._learn(base, queue is not None)
            if queue is None:
                return frozenset()
            entries = queue["entries"]
            found.update(
                int(each["pullRequest"]["number"])
                for each in entries["nodes"]
                if each and each.get("pullRequest")
            )
            if not entries["pageInfo"]["hasNextPage"]:
                return frozenset(found)
            after = entries["pageInfo"]["endCursor"]

    def _page(self, base: str, after: str | None) -> Json | None:
        """None where there is no queue; an error where that is not known."""
        doing = f"read the merge queue of {base}"
        place = self._talk.place
        wanted = {"owner": place.owner, "name": place.name, "branch": base, "after": after}
        try:
            answer = self._talk.graphql(_ENTRIES, wanted, doing)
        except RefusalError as error:
            if not _is_no_or_hidden(error):
                raise TransientError(error.message) from None
            if base in self._had_one:
                raise
            if _UNKNOWN_FIELD in error.said or not self._is_in_the_rules(base):
                return None
            raise
        repository = answer.get("repository")
        if repository is None:
            raise self._talk.moved(doing, answer)
        queue: Json | None = repository.get("mergeQueue")
        return queue

    def _is_in_the_rules(self, base: str) -> bool:
        """Every reader sees the rules; a token that may not see the queue is no trouble where
        there is none, and must not be taken for an empty queue where there is one."""
        path = self._talk.place.path(f"/rules/branches/{quote(base)}")
        try:
            rules = list(self._talk.pages(path, f"read the rules of {base}", {}))
        except ForbiddenError:
            return False
        except RefusalError as error:
            if error.status != 404:
                raise
            return False
        return any(each.get("type") == "merge_queue" for each in rules)

    def enter(self, pull: Json, head: str) -> Literal["queued"]:
        """ConflictError where the head moved, TransientError where it may not enter yet."""
        number, node = pull["number"], pull["node_id"]
        doing = f"put #{number} into the merge queue"
        stands = self._standing(node, doing)
        if stands.get("headRefOid", head) != head:
            raise ConflictError(f"#{number}: its head moved")
        if stands.get("isInMergeQueue"):
            return "queued"
        try:
            self._talk.graphql(_ENQUEUE, {"id": node, "head": head}, doing)
        except RefusalError as error:
            raise TransientError(
                f"#{number} can't enter the merge queue yet: GitHub says {error.said}"
            ) from None
        return "queued"

    def leave(self, pull: Json) -> None:
        """Nothing where it is not in the queue."""
        number, node = pull["number"], pull["node_id"]
        doing = f"take #{number} out of the merge queue"
        try:
            self._talk.graphql(_DEQUEUE, {"id": node}, doing)
        except RefusalError as error:
            # GitHub has no code for "it is not in there": only the request itself tells.
            if self._standing(node, doing).get("isInMergeQueue"):
                raise TransientError(
                    f"#{number} can't leave the merge queue: GitHub says {error.said}"
                ) from None

    def _standing(self, node: str, doing: str) -> Json:
        return self._talk.graphql(_STANDING, {"id": node}, doing).get("node") or {}


def _is_no_or_hidden(error: RefusalError) -> bool:
    """Whether GitHub says that there is no such thing, or that the token may not see it: of all
    that it answers only this lets a queue be none."""
    kinds = kinds_of(error.data)
    is_hidden = bool(kinds) and kinds <= _HIDDEN
    return is_hidden or error.status == 404 or _UNKNOWN_FIELD in error.said
