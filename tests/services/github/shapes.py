"""What stands in a repository of the fake GitHub, as the JSON that its API promises."""

from __future__ import annotations

from tests.services.github import git as hub
from tests.services.github.gates import mergeability
from tests.services.github.json import (
    Json,
    integration,
    label,
    maybe,
    maybe_user,
    moment,
    node,
    repository,
    repository_url,
    user,
)
from tests.services.github.rules import email
from tests.services.github.state import (
    CheckRun,
    Comment,
    Event,
    Pull,
    Repository,
    Review,
    Status,
    World,
)


class Shapes:
    """What is the same in every answer about one repository; made once for each request."""

    def __init__(self, world: World, repo: Repository) -> None:
        self.world = world
        self.repo = repo
        self.url = repository_url(world, repo)
        self.web = f"{world.web}/{repo.full_name}"
        self._repository: Json | None = None

    def repository(self) -> Json:
        if self._repository is None:
            self._repository = repository(self.world, self.repo)
        return self._repository

    def _side(self, branch: str, sha: str) -> Json:
        return {
            "label": f"{self.repo.owner}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": user(self.world, self.repo.owner),
            "repo": self.repository(),
        }

    def association(self, login: str) -> str:
        known = self.repo.permissions.get(login, "none") != "none"
        return "OWNER" if login == self.repo.owner else "COLLABORATOR" if known else "NONE"

    def _common(self, pull: Pull) -> Json:
        """What an issue and a pull request have in common."""
        assignees = [user(self.world, each) for each in pull.assignees]
        return {
            "id": pull.id,
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "user": user(self.world, pull.login),
            "body": pull.body,
            "labels": [label(self.world, self.repo, each) for each in pull.labels],
            "milestone": None,
            "created_at": moment(pull.created_at),
            "updated_at": moment(pull.updated_at),
            "closed_at": maybe(pull.closed_at),
            "assignee": assignees[0] if assignees else None,
            "assignees": assignees,
            "author_association": self.association(pull.login),
        }

    def pull_in_list(self, pull: Pull) -> Json:
        here, issue = f"{self.url}/pulls/{pull.number}", f"{self.url}/issues/{pull.number}"
        html = f"{self.web}/pull/{pull.number}"
        links = {
            "commits": f"{here}/commits",
            "review_comments": f"{here}/comments",
            "review_comment": f"{self.url}/pulls/comments{{/number}}",
            "comments": f"{issue}/comments",
            "statuses": f"{self.url}/statuses/{pull.head}",
            "issue": issue,
        }
        return {
            **self._common(pull),
            "node_id": node("PR", pull.id),
            "url": here,
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            **{f"{name}_url": url for name, url in links.items()},
            "_links": {k: {"href": v} for k, v in {**links, "self": here, "html": html}.items()},
            "merged_at": maybe(pull.merged_at),
            "merge_commit_sha": pull.merge_commit,
            "requested_reviewers": [user(self.world, each) for each in pull.reviewers],
            "requested_teams": [],
            "head": self._side(pull.branch, pull.head),
            "base": self._side(pull.base, pull.base_sha),
            "auto_merge": None,
            "draft": pull.draft,
        }

    def pull(self, pull: Pull) -> Json:
        known = mergeability(self.repo, pull)
        bare = self.repo.git
        changed = hub.files(bare, pull.base_sha, pull.head)
        return {
            **self.pull_in_list(pull),
            "merged": pull.merged_at is not None,
            "mergeable": known.mergeable,
            "mergeable_state": known.state,
            "rebaseable": known.mergeable,
            "merged_by": maybe_user(self.world, pull.merged_by),
            "comments": sum(each.number == pull.number for each in self.repo.comments),
            "review_comments": 0,
            "maintainer_can_modify": False,
            "commits": len(hub.log(bare, pull.base_sha, pull.head)),
            "additions": sum(each.added for each in changed),
            "deletions": sum(each.deleted for each in changed),
            "changed_files": len(changed),
        }

    def issue(self, pull: Pull) -> Json:
        here, html = f"{self.url}/issues/{pull.number}", f"{self.web}/pull/{pull.number}"
        ways = ("labels", "comments", "events", "timeline")
        return {
            **self._common(pull),
            "node_id": node("PR", pull.id),
            "url": here,
            "repository_url": self.url,
            "html_url": html,
            **{f"{each}_url": f"{here}/{each}" for each in ways},
            "comments": sum(each.number == pull.number for each in self.repo.comments),
            "closed_by": maybe_user(self.world, pull.closed_by),
            "draft": pull.draft,
            "state_reason": None,
            "pull_request": {
                "url": f"{self.url}/pulls/{pull.number}",
                "html_url": html,
                "diff_url": f"{html}.diff",
                "patch_url": f"{html}.patch",
                "merged_at": maybe(pull.merged_at),
            },
        }

    def review(self, pull: Pull, review: Review) -> Json:
        html = f"{self.web}/pull/{pull.number}#pullrequestreview-{review.id}"
        here = f"{self.url}/pulls/{pull.number}"
        return {
            "id": review.id,
            "node_id": node("PRR", review.id),
            "user": user(self.world, review.login),
            "body": review.body,
            "state": review.state,
            "html_url": html,
            "pull_request_url": here,
            "_links": {"html": {"href": html}, "pull_request": {"href": here}},
            "submitted_at": moment(review.at),
            "commit_id": review.commit,
            "author_association": self.association(review.login),
        }

    def comment(self, comment: Comment) -> Json:
        return {
            "id": comment.id,
            "node_id": node("IC", comment.id),
            "url": f"{self.url}/issues/comments/{comment.id}",
            "html_url": f"{self.web}/pull/{comment.number}#issuecomment-{comment.id}",
            "issue_url": f"{self.url}/issues/{comment.number}",
            "user": user(self.world, comment.login),
            "body": comment.body,
            "created_at": moment(comment.at),
            "updated_at": moment(comment.at),
            "author_association": self.association(comment.login),
        }

    def event(self, event: Event) -> Json:
        return {
            "id": event.id,
            "node_id": node("EV", event.id),
            "url": f"{self.url}/issues/events/{event.id}",
            "actor": maybe_user(self.world, event.login),
            "event": event.kind,
            "commit_id": None,
            "commit_url": None,
            "created_at": moment(event.at),
            "performed_via_github_app": None,
        }

    def status(self, status: Status) -> Json:
        return {
            "url": f"{self.url}/statuses/{status.sha}",
            "avatar_url": f"{self.world.web}/avatars/{self.world.account(status.login).id}",
            "id": status.id,
            "node_id": node("SC", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": moment(status.at),
            "updated_at": moment(status.at),
        }

    def check_run(self, run: CheckRun) -> Json:
        here = f"{self.url}/check-runs/{run.id}"
        return {
            "id": run.id,
            "head_sha": run.sha,
            "node_id": node("CR", run.id),
            "external_id": "",
            "url": here,
            "html_url": f"{self.web}/runs/{run.id}",
            "details_url": run.details_url,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": moment(run.at),
            "completed_at": moment(run.at) if run.status == "completed" else None,
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": None,
                "annotations_count": 0,
                "annotations_url": f"{here}/annotations",
            },
            "name": run.name,
            "check_suite": {"id": run.id},
            "app": integration(
                self.world, self.world.account(run.login).id, run.login.removesuffix("[bot]")
            ),
            "pull_requests": [],
        }

    def commit(self, sha: str) -> Json:
        commit = hub.read_commit(self.repo.git, sha)
        url = f"{self.url}/commits/{sha}"
        inner = f"{self.url}/git/commits/{sha}"
        people = {
            role: dict(zip(("name", "email", "date"), person, strict=True))
            for role, person in (("author", commit.author), ("committer", commit.committer))
        }
        return {
            "url": url,
            "sha": sha,
            "node_id": f"C_{sha}",
            "html_url": f"{self.web}/commit/{sha}",
            "comments_url": f"{url}/comments",
            "commit": {
                "url": inner,
                **people,
                "message": commit.message,
                "comment_count": 0,
                "tree": {"sha": commit.tree, "url": f"{self.url}/git/trees/{commit.tree}"},
            },
            **{role: self._known(mail) for role, (_, mail, _) in _people(commit).items()},
            "parents": [
                {"sha": each, "url": f"{self.url}/commits/{each}"} for each in commit.parents
            ],
        }

    def _known(self, mail: str) -> Json | None:
        """GitHub names the account behind an address; the fake knows those of its own making."""
        login = mail.partition("@")[0]
        return user(self.world, login) if mail == email(login) else None

    def file(self, change: hub.FileChange, commit: str) -> Json:
        return {
            "sha": change.blob,
            "filename": change.path,
            "status": change.status,
            "additions": change.added,
            "deletions": change.deleted,
            "changes": change.added + change.deleted,
            "blob_url": f"{self.web}/blob/{commit}/{change.path}",
            "raw_url": f"{self.web}/raw/{commit}/{change.path}",
            "contents_url": f"{self.url}/contents/{change.path}?ref={commit}",
        }


def _people(commit: hub.Commit) -> dict[str, tuple[str, str, str]]:
    return {"author": commit.author, "committer": commit.committer}
