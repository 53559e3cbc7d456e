"""Commit statuses in GitLab's API: what somebody says of a commit stands in a pipeline.

https://docs.gitlab.com/api/commits/#commit-status
"""

from __future__ import annotations

import base64
from urllib.parse import unquote

from tests.services.gitlab import git as gitlab_git
from tests.services.gitlab import views
from tests.services.gitlab.api import Answer, Call, Page, Refusal, operation
from tests.services.gitlab.nouns import DEVELOPER, Pipeline, Status

_UNDER_WAY = ("pending", "running")


@operation("GET", "projects/{project}/repository/commits/{sha}")
def show_commit(call: Call) -> Answer:
    found = gitlab_git.parents_of(call.project.repository, call.path["sha"])
    if found is None:
        raise Refusal(404, "404 Commit Not Found")
    runs = [each for each in reversed(call.project.pipelines) if each.sha == call.path["sha"]]
    newest = views.pipeline(runs[0], call.project, call.base) if runs else None
    return 200, {"id": call.path["sha"], "parent_ids": list(found), "last_pipeline": newest}


@operation("GET", "projects/{project}/repository/files/{path}")
def show_file(call: Call) -> Answer:
    content = gitlab_git.content_of(
        call.project.repository, call.asked("ref"), unquote(call.path["path"])
    )
    if content is None:
        raise Refusal(404, "404 File Not Found")
    encoded = base64.b64encode(content.encode()).decode()
    return 200, {"file_path": unquote(call.path["path"]), "encoding": "base64", "content": encoded}


@operation("GET", "projects/{project}/repository/commits/{sha}/statuses")
def list_statuses(call: Call) -> Answer:
    """The newest of each name, or with `all` those before it as well."""
    found = [each for each in call.project.statuses if each.sha == call.path["sha"]]
    if call.asked("all") not in {"true", "True", "1"}:
        found = list({(each.pipeline, each.name): each for each in found}.values())
    if name := call.asked("name"):
        found = [each for each in found if each.name == name]
    return 200, Page(found, lambda each: views.status(each, call.base))


@operation("POST", "projects/{project}/statuses/{sha}")
def set_status(call: Call) -> Answer:
    """One of the same user that is under way is changed, one that has ended is followed by
    another. `pending` for what is under way, and `running` for what runs, is refused."""
    call.need(DEVELOPER)
    project, state = call.project, call.body["state"]
    name = call.body.get("name") or call.body.get("context") or "default"
    for field in ("name", "description", "target_url"):
        if len(call.body.get(field) or "") > 255:
            raise Refusal(400, {field: ["is too long (maximum is 255 characters)"]})
    run = _pipeline(call)
    current = next(
        (
            each
            for each in project.statuses
            if (each.pipeline, each.name, each.author) == (run.id, name, call.user)
            and each.state in _UNDER_WAY
            and not each.job
        ),
        None,
    )
    if current and state in {"pending", current.state}:
        event = "enqueue" if state == "pending" else "run"
        why = f'(Reason(s): Status cannot transition via "{event}")'
        raise Refusal(400, f"Cannot transition status via :{event} from :{current.state} {why}")
    if current is None:
        at, number = call.world.now(), call.world.next_id()
        current = Status(number, run.id, run.sha, run.ref, name, state, call.user, at)
        project.statuses.append(current)
    current.state = state
    current.description = call.body.get("description", current.description)
    current.target_url = call.body.get("target_url", current.target_url)
    call.world.note_effect(call.user, "status", f"{name} {state} {run.sha}")
    project.sum_up(run)
    return 201, views.status(current, call.base)


def _pipeline(call: Call) -> Pipeline:
    """The one that is named; else the newest of the commit, of the branch where one is named;
    else a new one."""
    project, sha, ref = call.project, call.path["sha"], call.body.get("ref")
    wanted = call.body.get("pipeline_id")
    for run in reversed(project.pipelines):
        if run.sha == sha and ref in {None, run.ref} and wanted in {None, run.id}:
            return run
    if wanted is not None:
        raise Refusal(404, "404 Pipeline for pipeline_id, sha and ref Not Found")
    number, at = call.world.next_id(), call.world.now()
    ref = ref or next((name for name, tip in project.heads.items() if tip == sha), None)
    made = Pipeline(number, sha, ref, "created", at, "external")
    project.pipelines.append(made)
    return made
