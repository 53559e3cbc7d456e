"""What pipelines and others say of a commit on GitLab, and what the bot says of it.

https://docs.gitlab.com/api/commits/#commit-status
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gitlab.exceptions import GitlabError

from promoter.decisions.status import NAME as OWN_STATUS
from promoter.forges.gitlab.requests import Requests
from promoter.forges.gitlab.server import GitLabServer, words_of
from promoter.forges.gitlab.settings import Settings
from promoter.forges.gitlab.values import Json, field
from promoter.forges.memory import Memory
from promoter.model.ports import Check, CheckState

# The bot's own status is a part of the pipeline, which is judged without it: else a gate that waits
# for the pipeline would wait for itself.
PIPELINE = "pipeline"

_STATES: Mapping[str, CheckState] = {
    "success": "success",
    "skipped": "success",
    "failed": "failure",
    "canceled": "failure",
    "passed": "success",  # an external status check
}
# A pending status keeps the whole pipeline running for as long as the bot waits. A failed one has
# an end, and another word later takes its place: only what is pending or running is changed where
# it stands.
_SAID: Mapping[CheckState, str] = {"success": "success", "pending": "failed", "failure": "failed"}
_SEVERITY: tuple[CheckState, ...] = ("success", "pending", "failure")
_LONGEST = 255  # characters of each text of a status
_NO_CHANGE = "Cannot transition status"
_FOR_EVER = float("inf")


class Checks:
    """Thread-safe."""

    def __init__(
        self,
        server: GitLabServer,
        requests: Requests,
        settings: Settings,
        clock: Callable[[], float],
    ) -> None:
        self._server = server
        self._requests = requests
        self._settings = settings
        self._ci: Memory[str, bool] = Memory(clock)
        self._parents: Memory[str, Sequence[str]] = Memory(clock, _FOR_EVER)

    def read(self, number: int, head: str) -> Sequence[Check]:
        """Jobs, outside statuses, the pipeline as `pipeline`, and external status checks where the
        edition has them; by name."""
        run = self._pipeline(self._requests.get(number).attributes, head)
        commits = dict.fromkeys([head, *([field(run, "sha", str)] if run else [])])
        with self._server.speaking(f"reading what is said of {head[:8]}"):
            said = [each for commit in commits for each in self._statuses(commit)]
            asked = self._external(number)
        return _gather(run, said, asked)

    def read_commit(self, commit: str) -> Sequence[Check]:
        """The same of a commit that is in a branch; external status checks are of requests only."""
        with self._server.speaking(f"reading what is said of {commit[:8]}"):
            run = self._server.project.commits.get(commit).attributes.get("last_pipeline")
            said = self._statuses(commit)
        return _gather(run if isinstance(run, dict) else None, said, ())

    def publish(self, number: int, head: str, check: Check) -> bool:
        """`pending` becomes `failed` there. It stands in the pipeline that the request shows. Where
        CI makes one, it is waited for: a status without one makes a pipeline of its own, and a
        success there is all that GitLab waits for before CI has begun."""
        data = self._requests.get(number).attributes
        run = self._pipeline(data, head)
        if (run is None or run.get("source") == "external") and self._has_ci(head):
            return False
        commit = field(run, "sha", str) if run else head
        said = {
            "state": _SAID[check.state],
            "name": check.name,
            "description": _fitting(check.text),
            **({"target_url": check.url} if check.url and len(check.url) <= _LONGEST else {}),
        }
        with self._server.speaking(f"publishing {check.name} on {head[:8]}"):
            if self._stands(commit, run, said):
                return True
            # Without either GitLab takes the newest pipeline of the commit, on whatever branch.
            where = {"pipeline_id": run["id"]} if run else {"ref": data.get("source_branch")}
            try:
                self._server.api.http_post(
                    f"{self._server.project_path}/statuses/{commit}", post_data={**said, **where}
                )
            except GitlabError as error:
                if error.response_code != 400 or _NO_CHANGE not in words_of(error):
                    raise
        return True

    def _pipeline(self, data: Json, head: str) -> Json | None:
        """Of the head of a request. GitLab goes on showing the former head's until there is another
        one. It may run on what merging would give, a commit of GitLab's own: either a merge of the
        head into something, or on the train of a linear project the same changes anew."""
        run = data.get("head_pipeline")
        if not isinstance(run, dict) or data.get("sha") != head:
            return None
        commit, ref = field(run, "sha", str), str(run.get("ref"))
        if commit == head:
            return run
        if not ref.startswith("refs/merge-requests/"):
            return None
        on_train = data.get("merge_when_pipeline_succeeds") is True and ref.endswith("/train")
        return run if on_train or head in self._merged_in(commit) else None

    def _merged_in(self, commit: str) -> Sequence[str]:
        """What a commit of GitLab's own merges; nothing where it is gone."""

        def ask() -> Sequence[str]:
            try:
                found = self._server.project.commits.get(commit).attributes
            except GitlabError as error:
                if error.response_code == 404:
                    return ()
                raise
            parents: list[str] = field(found, "parent_ids", list)
            return tuple(parents[1:])

        with self._server.speaking(f"reading the commit {commit[:8]}"):
            return self._parents.get(commit, ask)

    def _has_ci(self, head: str) -> bool:
        """Whether CI is configured in the files of a commit."""
        path = self._settings.ci_file()
        if path is None:
            return True

        def ask() -> bool:
            try:
                self._server.project.files.get(path, ref=head)
            except GitlabError as error:
                if error.response_code == 404:
                    return False
                raise
            return True

        with self._server.speaking(f"looking for {path} at {head[:8]}"):
            return self._ci.get(head, ask)

    def _stands(self, commit: str, run: Json | None, said: Json) -> bool:
        """Whether it is what was said last in this pipeline; each further `failed` would be one
        more."""
        before = [
            each
            for each in self._statuses(commit, name=said["name"])
            if run is None or _is_in(run, each)
        ]
        last = max(before, key=lambda each: field(each, "id", int), default={})
        pairs = {"status": "state", "description": "description", "target_url": "target_url"}
        return all((last.get(key) or "") == said.get(ours, "") for key, ours in pairs.items())

    def _statuses(self, commit: str, **filters: str) -> list[Json]:
        statuses = self._server.project.commits.get(commit, lazy=True).statuses
        return [each.attributes for each in statuses.list(iterator=True, **filters)]

    def _external(self, number: int) -> list[Check]:
        """https://docs.gitlab.com/api/status_checks/: Ultimate's."""
        path = f"{self._server.project_path}/merge_requests/{number}/status_checks"
        try:
            found: Any = self._server.api.http_list(path, iterator=True)
            return [_check(field(each, "name", str), each) for each in found]
        except GitlabError as error:
            if error.response_code in (401, 403, 404):
                return []
            raise


def _gather(run: Json | None, said: Sequence[Json], asked: Sequence[Check]) -> list[Check]:
    """Statuses, the pipeline and external checks, by name; of one name the worst."""
    newest = {field(e, "name", str): e for e in sorted(said, key=lambda e: field(e, "id", int))}
    found = [_check(name, each) for name, each in newest.items()]
    if run and (whole := _whole(run, list(newest.values()))) is not None:
        found.append(Check(PIPELINE, whole, url=str(run.get("web_url") or "")))
    worst: dict[str, Check] = {}
    for each in [*found, *asked]:
        other = worst.get(each.name)
        if other is None or _SEVERITY.index(each.state) > _SEVERITY.index(other.state):
            worst[each.name] = each
    return [worst[name] for name in sorted(worst)]


def _whole(run: Json, statuses: Sequence[Json]) -> CheckState | None:
    """What a pipeline comes to without the bot's own status; None: there is nothing else in it."""
    inside = [each for each in statuses if _is_in(run, each)]
    own = [each for each in inside if each.get("name") == OWN_STATUS]
    others = [_state(each) for each in inside if each.get("name") != OWN_STATUS]
    if not own:
        return _state(run)
    return max(others, key=_SEVERITY.index, default=None)


def _is_in(run: Json, status: Json) -> bool:
    """Older servers do not tell; there it is taken to be."""
    return bool(status.get("pipeline_id", run["id"]) == run["id"])


def _check(name: str, data: Json) -> Check:
    url = data.get("target_url") or data.get("external_url")
    text = " ".join(str(data.get("description") or "").split())
    return Check(name, _state(data), text, str(url or ""))


def _state(data: Json) -> CheckState:
    status = str(data.get("status"))
    state = _STATES.get(status, "pending")
    may_fail = data.get("allow_failure") is True and (state == "failure" or status == "manual")
    return "success" if may_fail else state


def _fitting(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
