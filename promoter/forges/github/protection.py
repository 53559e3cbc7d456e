"""What protects a branch on GitHub: rulesets, which every reader sees, and the classic protection,
which administrators see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from promoter.forges.github.queue import Queue
from promoter.forges.github.talk import Conversation, Json
from promoter.forges.github.trouble import ForbiddenError, RefusalError
from promoter.model.ports import Protection

_GUARDS = frozenset(
    {"pull_request", "required_status_checks", "merge_queue", "update", "workflows"}
    | {"required_deployments", "code_scanning"}
)
"""The rules that stand between a change and the branch; the others are about its history."""
_WANT_REQUESTS = frozenset({"pull_request", "merge_queue"})
_CLASSIC_GUARDS = ("required_pull_request_reviews", "required_status_checks", "restrictions")
_PASSES = {"always": True, "pull_requests_only": True, "exempt": True, "never": False}


@dataclass
class Seen:
    """What was found so far. `hidden`: there is a classic protection that the bot may not read."""

    rules: list[Json] = field(default_factory=list)
    classic: Json = field(default_factory=dict)
    hidden: bool = False
    contexts: tuple[str, ...] = ()
    queue: bool = False
    bypass: bool | None = False
    problems: list[str] = field(default_factory=list)

    def protection(self) -> Protection:
        approvals = max((*_counts(self.rules, self.classic), 0))
        checks = {*self.contexts, *_contexts(self.rules), *_contexts([self.classic])}
        reviews = self.classic.get("required_pull_request_reviews")
        # Checks alone let a commit in that passed them anywhere, without a pull request.
        is_on = self.queue or reviews or any(e["type"] in _WANT_REQUESTS for e in self.rules)
        dismisses = [bool(each) for each in _dismissals(self.rules, self.classic)]
        unseen = None if self.hidden or not approvals else True
        return Protection(
            is_on=True if is_on else (None if self.hidden else False),
            approvals=approvals or (None if self.hidden else 0),
            stale_approvals=False if any(dismisses) else unseen,
            checks=tuple(sorted(checks)),
            up_to_date=any(_is_strict(each) for each in (*self.rules, self.classic)),
            queue=self.queue,
        )


class ProtectionReader:
    """Thread-safe; nothing is remembered but what `queue` does."""

    def __init__(self, talk: Conversation, queue: Queue) -> None:
        self._talk = talk
        self._queue = queue

    def look(self, base: str, me: str, *, administers: bool, is_admin: bool) -> Seen:
        """`administers`: the token may read the classic protection; `is_admin`: that does not hold
        for whom it belongs to, where nobody turned it on for administrators, too."""
        seen = Seen()
        self._look_at_rules(base, seen)
        self._look_at_classic(base, seen, administers)
        seen.queue = any(each["type"] == "merge_queue" for each in seen.rules)
        seen.queue = seen.queue or self._queue.exists(base)
        passes = [self._passes_ruleset(number, base, seen) for number in _rulesets(seen.rules)]
        if seen.classic:
            passes.append(_passes_classic(seen.classic, me, is_admin))
        if seen.hidden:
            passes.append(None)
        seen.bypass = True if True in passes else None if None in passes else False
        return seen

    def _look_at_rules(self, base: str, seen: Seen) -> None:
        path = self._talk.place.path(f"/rules/branches/{quote(base)}")
        try:
            found = list(self._talk.pages(path, f"read the rules of {base}", {}))
        except ForbiddenError as error:
            seen.problems.append(str(error))
            return
        except RefusalError as error:
            if error.status != 404:  # an Enterprise server from before there were rulesets
                raise
            return
        seen.rules = [each for each in found if each.get("type") in _GUARDS]

    def _look_at_classic(self, base: str, seen: Seen, administers: bool) -> None:
        path = self._talk.place.path(f"/branches/{quote(base)}")
        doing = f"read the protection of {base}"
        if administers:
            try:
                found = self._talk.get(f"{path}/protection", doing, "url")
            except ForbiddenError:
                pass
            except RefusalError as error:
                if "not protected" in error.said.casefold():
                    return
                if error.status != 404:
                    raise
            else:
                guards = any(found.get(each) for each in _CLASSIC_GUARDS)
                seen.classic = found if guards else {}
                return
        self._look_from_outside(path, doing, base, seen)

    def _look_from_outside(self, path: str, doing: str, base: str, seen: Seen) -> None:
        """Who may not read the protection is told that there is one, and its checks. `protected`
        is a branch by rulesets as well; `enabled` is about the classic protection."""
        branch = self._talk.get(path, doing, "name")
        told = branch.get("protection") or {}
        if not told.get("enabled", branch.get("protected")):
            return
        required = told.get("required_status_checks") or {}
        if required.get("enforcement_level", "off") != "off":
            seen.contexts = tuple(str(each) for each in required.get("contexts") or ())
        seen.hidden = True
        seen.problems.append(
            f"{self._talk.place}: the protection of {base} can't be seen whole: that takes"
            " Administration: read (an App or a fine-grained token), or an administrator's token"
        )

    def _passes_ruleset(self, number: int, base: str, seen: Seen) -> bool | None:
        path = self._talk.place.path(f"/rulesets/{number}")
        try:
            found = self._talk.get(path, f"read the ruleset {number}", "id")
        except (RefusalError, ForbiddenError):
            found = {}
        passes = _PASSES.get(str(found.get("current_user_can_bypass")))
        if passes is None:
            seen.problems.append(
                f"{self._talk.place}: whether the rules of {base} hold for the bot can't be seen:"
                f" GitHub does not tell who may bypass ruleset {number}; that takes write access"
                " to the repository"
            )
        return passes


def _rulesets(rules: Sequence[Json]) -> list[int]:
    return sorted({int(each["ruleset_id"]) for each in rules if each.get("ruleset_id")})


def _parameters(each: Json) -> Json:
    """What a rule asks for, or the same part of a classic protection."""
    found: Any = each.get("parameters") or each.get("required_status_checks") or {}
    return found if isinstance(found, dict) else {}


def _counts(rules: Sequence[Json], classic: Json) -> Iterator[int]:
    reviews = classic.get("required_pull_request_reviews") or {}
    for each in (*map(_parameters, rules), reviews):
        yield int(each.get("required_approving_review_count") or 0)


def _dismissals(rules: Sequence[Json], classic: Json) -> Iterator[Any]:
    """Whether a push takes approvals back, of each that asks for some: one is enough."""
    for each in map(_parameters, rules):
        yield each.get("dismiss_stale_reviews_on_push")
    yield (classic.get("required_pull_request_reviews") or {}).get("dismiss_stale_reviews")


def _contexts(found: Sequence[Json]) -> Iterator[str]:
    for each in map(_parameters, found):
        yield from (str(name) for name in each.get("contexts") or ())
        for check in each.get("required_status_checks") or ():
            yield str(check["context"])


def _is_strict(each: Json) -> bool:
    asked = _parameters(each)
    return bool(asked.get("strict_required_status_checks_policy") or asked.get("strict"))


def _passes_classic(classic: Json, me: str, is_admin: bool) -> bool | None:
    if is_admin and not (classic.get("enforce_admins") or {}).get("enabled"):
        return True
    reviews = classic.get("required_pull_request_reviews") or {}
    allowed = reviews.get("bypass_pull_request_allowances") or {}
    names = [str(each["login"]) for each in allowed.get("users") or ()]
    names += [f"{each['slug']}[bot]" for each in allowed.get("apps") or ()]
    if me.casefold() in (each.casefold() for each in names):
        return True
    return None if allowed.get("teams") else False
