"""What is said of a commit on GitHub: statuses and check runs, read together; and our own word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promoter.forges.github.talk import Conversation, Json
from promoter.model.ports import Check, CheckState

_LONGEST = 140  # characters of a status' description; GitHub answers 422 beyond
_GOOD = frozenset({"success", "neutral", "skipped"})
_WORSE: tuple[CheckState, ...] = ("success", "pending", "failure")


class Checks:
    """Thread-safe; nothing is remembered."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk

    def read(self, commit: str, what: str) -> Sequence[Check]:
        """The newest of each name; of a status and a check run with one name the worse. `what` is
        what a person would call it: `#7`."""
        found: dict[str, Check] = {}
        for check in (*self._statuses(commit, what), *self._runs(commit, what)):
            known = found.get(check.name)
            if known is None or _WORSE.index(check.state) > _WORSE.index(known.state):
                found[check.name] = check
        return tuple(found[name] for name in sorted(found))

    def _statuses(self, commit: str, what: str) -> Iterator[Check]:
        """GitHub tells the latest of each context here; their list would tell all."""
        path = self._talk.place.path(f"/commits/{commit}/status")
        doing = f"read the statuses of {what}"
        for each in self._talk.pages(path, doing, {}, within="statuses"):
            yield Check(
                str(each["context"]),
                _state_of_status(str(each["state"])),
                _line(each.get("description")),
                str(each.get("target_url") or ""),
            )

    def _runs(self, commit: str, what: str) -> Iterator[Check]:
        """`latest` is of each suite; two workflows with a job of one name have two suites."""
        path = self._talk.place.path(f"/commits/{commit}/check-runs")
        doing = f"read the check runs of {what}"
        newest: dict[str, Json] = {}
        for each in self._talk.pages(path, doing, {"filter": "latest"}, within="check_runs"):
            known = newest.get(str(each["name"]))
            if known is None or int(each["id"]) > int(known["id"]):
                newest[str(each["name"])] = each
        for name, run in newest.items():
            said = (run.get("output") or {}).get("title") or run.get("conclusion") or run["status"]
            url = run.get("details_url") or run.get("html_url") or ""
            yield Check(name, _state_of_run(run), _line(said), str(url))

    def publish(self, number: int, head: str, check: Check) -> bool:
        body: Json = {
            "state": check.state,
            "context": check.name,
            "description": _fitting(check.text),
        }
        if check.url:
            body["target_url"] = check.url
        doing = f"publish the status {check.name} of #{number}"
        self._talk.send("POST", self._talk.place.path(f"/statuses/{head}"), doing, body)
        return True


def _state_of_status(state: str) -> CheckState:
    return "success" if state == "success" else "pending" if state == "pending" else "failure"


def _state_of_run(run: Json) -> CheckState:
    if run["status"] != "completed":
        return "pending"
    return "success" if run.get("conclusion") in _GOOD else "failure"


def _line(text: object) -> str:
    return " ".join(str(text or "").split())


def _fitting(text: str) -> str:
    line = _line(text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
