"""The fake GitHub, driven by PyGithub and by plain requests: it does what GitHub does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import github
import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from github.PullRequest import PullRequest
from github.Repository import Repository

from tests.services.git_server import git, refs
from tests.services.github.fake import FakeGitHub, fake_github
from tests.services.github.people import HostedRepository
from tests.services.github.state import MergeMethod, Protection

TOKEN = "t0ken-of-the-bot"
BEFORE = b"image: web:1\nreplicas: 2\n"
AFTER = b"image: web:2\nreplicas: 2\n"
FILE = "apps/web.yaml"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path / "hub") as fake:
        fake.add_user("bot", TOKEN)
        fake.add_user("ann", "t0ken-of-ann")
        yield fake


@pytest.fixture
def shop(hub: FakeGitHub) -> HostedRepository:
    people = ("bot", "ann", "ben")
    shop = hub.create("acme/shop", {FILE: BEFORE}, write=people, read=("eve",))
    shop.push("promoter/web", {FILE: AFTER}, login="bot", message="web 2\n\nRelease: abc")
    return shop


def client(hub: FakeGitHub, token: str = TOKEN) -> github.Github:
    return github.Github(
        base_url=hub.api,
        auth=github.Auth.Token(token),
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
        lazy=True,
    )


def repository(hub: FakeGitHub, token: str = TOKEN) -> Repository:
    return client(hub, token).get_repo("acme/shop")


def open_one(hub: FakeGitHub, branch: str = "promoter/web", draft: bool = False) -> PullRequest:
    return repository(hub).create_pull(
        "main", branch, title=f"Promote {branch}", body="why", draft=draft
    )


def ask(
    hub: FakeGitHub, method: str, path: str, body: object = None, **headers: str
) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request(
            method,
            hub.api + path,
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"token {TOKEN}", **headers},
        )


def read(shop: HostedRepository, branch: str = "main") -> bytes:
    return git(shop.git, "show", f"{branch}:{FILE}").encode() + b"\n"


def test_a_pull_request_is_opened_found_edited_and_merged(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    opened = open_one(hub)
    found = repository(hub).get_pulls(state="open", base="main", head="acme:promoter/web")
    assert [each.number for each in found] == [opened.number] == [1]
    opened.edit(title="Promote web to 2")
    assert shop.pull(1).title == "Promote web to 2"
    done = opened.merge(sha=opened.head.sha)
    assert done.merged
    assert refs(shop.git)["refs/heads/main"] == done.sha
    assert read(shop) == AFTER
    assert [each.what for each in hub.journal] == ["opened", "edited", "merged"]


@pytest.mark.parametrize(
    ("method", "parents", "message"),
    [
        ("merge", 2, "Take web 2\n\nSigned by nobody"),
        ("squash", 1, "Take web 2\n\nSigned by nobody"),
        ("rebase", 1, "web 2\n\nRelease: abc"),
    ],
)
def test_each_merge_method_makes_the_history_that_git_would(
    hub: FakeGitHub, shop: HostedRepository, method: MergeMethod, parents: int, message: str
) -> None:
    pull = open_one(hub)
    other = shop.push("main", {"apps/other.yaml": b"1\n"})
    done = pull.merge(
        commit_title="Take web 2",
        commit_message="Signed by nobody",
        merge_method=method,
        sha=pull.head.sha,
    )
    made = repository(hub).get_commit(done.sha)
    assert [made.parents[0].sha, len(made.parents)] == [other, parents]
    assert made.commit.message == message
    assert read(shop) == AFTER
    assert made.sha != pull.head.sha


def test_a_merge_refuses_a_head_that_moved_a_draft_and_a_conflict(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    pull = open_one(hub)
    old = pull.head.sha
    shop.push("promoter/web", {FILE: b"image: web:3\nreplicas: 2\n"})
    with pytest.raises(github.GithubException, match="Head branch was modified") as moved:
        pull.merge(sha=old)
    assert moved.value.status == 409
    shop.push("main", {FILE: b"image: web:9\nreplicas: 2\n"})
    with pytest.raises(github.GithubException, match="not mergeable") as conflict:
        pull.merge()
    assert conflict.value.status == 405
    assert read(shop) == b"image: web:9\nreplicas: 2\n"
    shop.push("promoter/api", {"apps/api.yaml": b"1\n"})
    with pytest.raises(github.GithubException, match="still a draft"):
        open_one(hub, "promoter/api", draft=True).merge()


def test_whether_it_can_merge_is_known_at_the_second_question(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    pull = repository(hub).get_pull(open_one(hub).number)
    assert pull.mergeable
    shop.push("main", {FILE: b"image: web:9\nreplicas: 2\n"})
    first, second = (repository(hub).get_pull(1) for _ in range(2))
    assert [first.mergeable, first.mergeable_state] == [None, "unknown"]
    assert [second.mergeable, second.mergeable_state] == [False, "dirty"]


def test_protection_refuses_until_reviews_and_checks_are_there(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    shop.protect("main", Protection(reviews=2, checks=("build",), dismiss_stale=True))
    pull = open_one(hub)
    with pytest.raises(github.GithubException, match="At least 2 approving reviews"):
        pull.merge()
    shop.approve(1, "ann")
    shop.approve(1, "eve")  # may only read: does not count
    with pytest.raises(github.GithubException, match="At least 2 approving reviews"):
        pull.merge()
    shop.request_changes(1, "ben")
    with pytest.raises(github.GithubException, match="Changes have been requested"):
        pull.merge()
    shop.approve(1, "ben")
    with pytest.raises(github.GithubException, match=r"build.*expected") as refused:
        pull.merge()
    assert refused.value.status == 405
    shop.check(pull.head.sha, "build", "success")
    assert pull.merge().merged


def test_a_push_dismisses_approvals_where_it_should(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    shop.protect("main", Protection(reviews=1, dismiss_stale=True))
    pull = open_one(hub)
    shop.approve(1, "ann")
    assert [(each.user.login, each.state) for each in pull.get_reviews()] == [("ann", "APPROVED")]
    new = shop.push("promoter/web", {FILE: b"image: web:3\nreplicas: 2\n"})
    (review,) = pull.get_reviews()
    assert review.state == "DISMISSED"
    assert review.commit_id == pull.head.sha != new
    assert repository(hub).get_pull(1).head.sha == new == refs(shop.git)["refs/pull/1/head"]


def test_an_administrator_may_pass_by_what_is_not_enforced_for_them(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    shop.state.permissions["bot"] = "admin"
    shop.protect("main", Protection(reviews=1, enforce_admins=True))
    pull = open_one(hub)
    with pytest.raises(github.GithubException, match="At least 1 approving review is"):
        pull.merge()
    protection = repository(hub).get_branch("main").get_protection()
    assert protection.required_pull_request_reviews.required_approving_review_count == 1
    assert protection.enforce_admins
    shop.protect("main", Protection(reviews=1))
    assert pull.merge().merged


def test_rules_are_read_by_whoever_reads_and_protection_is_not(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    asked = Protection(reviews=2, checks=("build",), by="ruleset")
    shop.protect("main", asked)
    told = ask(hub, "GET", "/repos/acme/shop/rules/branches/main").json()
    assert [each["type"] for each in told] == ["pull_request", "required_status_checks"]
    assert told[0]["parameters"]["required_approving_review_count"] == 2
    assert ask(hub, "GET", "/repos/acme/shop/branches/main/protection").status == 404


def test_what_happens_to_a_branch_happens_to_its_pull_request(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    open_one(hub)
    shop.delete_branch("promoter/web")
    pull = repository(hub).get_pull(1)
    assert [pull.state, pull.merged] == ["closed", False]
    assert pull.as_issue().raw_data["closed_by"]["login"] == "ann"
    told = [(each.event, each.actor.login) for each in pull.get_issue_events()]
    assert told == [("closed", "ann"), ("head_ref_deleted", "ann")]
    landed = shop.push("promoter/api", {"apps/api.yaml": b"1\n"})
    open_one(hub, "promoter/api")
    git(shop.git, "update-ref", "refs/heads/main", landed)  # somebody fast-forwarded main
    assert repository(hub).get_pull(2).merged


def test_a_second_pull_request_of_a_branch_is_refused_and_names_are_told(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    open_one(hub)
    with pytest.raises(github.GithubException, match="already exists for acme:promoter/web"):
        open_one(hub)
    with pytest.raises(github.GithubException) as absent:
        open_one(hub, "promoter/none")
    assert absent.value.status == 422
    assert len(shop.pulls("all")) == 1


def test_of_many_that_open_the_same_at_once_one_does(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    new = {"title": "t", "head": "promoter/web", "base": "main"}
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(ask, hub, "POST", "/repos/acme/shop/pulls", new) for _ in range(6)]
    assert sorted(each.result().status for each in waiting) == [201, 422, 422, 422, 422, 422]
    assert len(hub.effects("opened")) == 1


def test_a_reset_branch_closes_its_pull_request_in_nobodys_name(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    pull = open_one(hub)
    git(shop.git, "update-ref", "refs/heads/promoter/web", refs(shop.git)["refs/heads/main"])
    again = repository(hub).get_pull(1)
    assert [again.state, again.merged] == ["closed", False]
    assert pull.as_issue().raw_data["closed_by"] is None


def test_a_person_closes_and_the_issue_names_them(hub: FakeGitHub, shop: HostedRepository) -> None:
    pull = open_one(hub)
    shop.close(1, "ann")
    assert pull.as_issue().raw_data["closed_by"]["login"] == "ann"
    pull.edit(state="open")
    assert shop.pull(1).state == "open"
    assert repository(hub).get_collaborator_permission("ann") == "write"
    assert repository(hub).get_collaborator_permission("eve") == "read"


def test_comments_labels_people_and_statuses(hub: FakeGitHub, shop: HostedRepository) -> None:
    pull = open_one(hub)
    pull.create_issue_comment("superseded")
    pull.add_to_labels("promoter", "promoter/hold")
    pull.remove_from_labels("promoter/hold")
    pull.create_review_request(reviewers=["ann"])
    pull.add_to_assignees("ben", "stranger")
    again = repository(hub).get_pull(1)
    assert [each.body for each in again.get_issue_comments()] == ["superseded"]
    assert [each.name for each in again.labels] == ["promoter"]
    assert [each.login for each in again.requested_reviewers] == ["ann"]
    assert [each.login for each in again.assignees] == ["ben"]
    commit = repository(hub).get_commit(pull.head.sha)
    commit.create_status("pending", description="waits: soak", context="promoter")
    commit.create_status("success", description="ready", context="promoter")
    combined = commit.get_combined_status()
    assert [combined.state, [each.description for each in combined.statuses]] == [
        "success",
        ["ready"],
    ]
    shop.check(pull.head.sha, "build", None)
    assert [each.status for each in commit.get_check_runs()] == ["in_progress"]
    with pytest.raises(github.GithubException, match="140 characters"):
        commit.create_status("success", description="x" * 141, context="promoter")


def test_nobody_approves_their_own(hub: FakeGitHub, shop: HostedRepository) -> None:
    pull = open_one(hub)
    with pytest.raises(github.GithubException, match="your own pull request"):
        pull.create_review(event="APPROVE")
    theirs = repository(hub, "t0ken-of-ann").get_pull(1)
    theirs.create_review(event="APPROVE", body="fine")
    assert shop.pull(1).verdicts["ann"].state == "APPROVED"


def test_lists_come_in_pages_in_the_order_that_was_asked_for(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    for number in range(5):
        shop.push(f"promoter/{number}", {f"apps/{number}.yaml": b"1\n"})
        open_one(hub, f"promoter/{number}")
    repository(hub).get_pull(2).edit(title="touched last")
    hub.requests.clear()
    few = client(hub)
    few.per_page = 2
    pulls = few.get_repo("acme/shop").get_pulls(sort="updated", direction="desc")
    assert [each.number for each in pulls] == [2, 5, 4, 3, 1]
    assert len(hub.requests) == 3
    assert 'rel="next"' in ask(hub, "GET", "/repos/acme/shop/pulls?per_page=2").headers["Link"]


def test_what_did_not_change_costs_nothing(hub: FakeGitHub, shop: HostedRepository) -> None:
    open_one(hub)
    first = ask(hub, "GET", "/repos/acme/shop/pulls")
    second = ask(hub, "GET", "/repos/acme/shop/pulls", **{"If-None-Match": first.headers["ETag"]})
    assert [second.status, second.data] == [304, b""]
    left = "X-RateLimit-Remaining"
    assert second.headers[left] == first.headers[left]
    repository(hub).get_pull(1).edit(title="new")
    third = ask(hub, "GET", "/repos/acme/shop/pulls", **{"If-None-Match": first.headers["ETag"]})
    assert third.status == 200


def test_a_dropped_answer_comes_after_the_work(hub: FakeGitHub, shop: HostedRepository) -> None:
    hub.faults.drop_answer("POST .*/pulls$")
    with pytest.raises(OSError, match=r"(?i)closed|aborted|reset"):
        open_one(hub)
    assert [each.number for each in shop.pulls()] == [1]


def test_faults_strike_once_and_before_the_work(hub: FakeGitHub, shop: HostedRepository) -> None:
    hub.faults.fail("POST .*/pulls$", 502)
    hub.faults.limit_secondary("POST .*/pulls$", retry_after_s=7)
    new = {"title": "t", "head": "promoter/web", "base": "main"}
    broken, limited, done = (ask(hub, "POST", "/repos/acme/shop/pulls", new) for _ in range(3))
    assert [broken.status, limited.status, done.status] == [502, 403, 201]
    assert limited.headers["Retry-After"] == "7"
    assert "secondary rate limit" in limited.json()["message"]
    assert len(hub.effects("opened")) == 1


def test_the_primary_limit_says_when_it_ends(hub: FakeGitHub, shop: HostedRepository) -> None:
    hub.limits.exhaust("bot", reset_in_s=120)
    refused = ask(hub, "GET", "/repos/acme/shop/pulls")
    assert [refused.status, refused.headers["X-RateLimit-Remaining"]] == [403, "0"]
    assert ask(hub, "GET", "/rate_limit").json()["rate"]["remaining"] == 0
    assert client(hub, "t0ken-of-ann").get_rate_limit().rate.remaining == 5000


def test_a_stale_list_tells_yesterday(hub: FakeGitHub, shop: HostedRepository) -> None:
    hub.faults.freeze_lists()
    open_one(hub)
    assert list(repository(hub).get_pulls()) == []
    assert repository(hub).get_pull(1).state == "open"
    hub.faults.thaw_lists()
    assert len(list(repository(hub).get_pulls())) == 1


def test_an_app_proves_itself_and_acts_as_its_bot(hub: FakeGitHub, shop: HostedRepository) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    app = hub.add_app(7, "promoter", public.decode())
    with github.GithubIntegration(
        base_url=hub.api, auth=github.Auth.AppAuth(7, private)
    ) as integration:
        with pytest.raises(github.UnknownObjectException):
            integration.get_repo_installation("acme", "shop")
        hub.install(app, shop)
        number = integration.get_repo_installation("acme", "shop").id
        token = integration.get_access_token(number).token
    assert repository(hub, token).create_pull("main", "promoter/web", title="t").number == 1
    assert shop.pull(1).login == "promoter[bot]"
    forged = jwt.encode({"iss": "7", "iat": 1, "exp": 9_999_999_999}, "x" * 32, algorithm="HS256")
    refused = ask(hub, "GET", "/app", Authorization=f"Bearer {forged}")
    assert refused.status == 401


def test_a_token_that_nobody_has_and_one_that_may_only_read(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    with pytest.raises(github.BadCredentialsException):
        client(hub, "wrong").get_user().login  # noqa: B018 - it asks
    hub.add_user("eve", "t0ken-of-eve")
    with pytest.raises(github.GithubException, match="not accessible") as refused:
        repository(hub, "t0ken-of-eve").create_pull("main", "promoter/web", title="t")
    assert refused.value.status == 403
    assert client(hub).get_user().login == "bot"


def test_a_draft_becomes_ready_and_one_again(hub: FakeGitHub, shop: HostedRepository) -> None:
    pull = open_one(hub, draft=True)
    pull.mark_ready_for_review()
    assert not shop.pull(1).draft
    pull.convert_to_draft()
    assert shop.pull(1).draft


def test_a_merge_queue_takes_what_may_be_merged_and_lets_go_of_what_moved(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    shop.protect("main", Protection(reviews=1, queue=True, by="ruleset"))
    pull = open_one(hub)
    node = {"pullRequestId": pull.raw_data["node_id"]}
    enter = "mutation($input: EnqueuePullRequestInput!) { enqueuePullRequest(input: $input) { x } }"

    def enqueue(head: str) -> str:
        variables = {"input": {**node, "expectedHeadOid": head}}
        try:
            client(hub).requester.graphql_query(enter, variables)
        except github.GithubException as error:
            return str(error)
        return "queued"

    with pytest.raises(github.GithubException, match="through the merge queue"):
        pull.merge()
    assert "At least 1 approving review" in enqueue(pull.head.sha)
    shop.approve(1, "ann")
    assert "Head sha was modified" in enqueue("0" * 40)
    assert enqueue(pull.head.sha) == "queued"
    shop.run_queue(passes=False)
    assert shop.pull(1).state == "open"
    assert enqueue(pull.head.sha) == "queued"
    new = shop.push("promoter/web", {FILE: b"image: web:3\nreplicas: 2\n"})
    assert [each.number for each in shop.pulls()] == [1]
    assert shop.state.queue == []
    assert enqueue(new) == "queued"
    shop.run_queue()
    assert shop.pull(1).merged_at is not None
    assert read(shop) == b"image: web:3\nreplicas: 2\n"
    rules = ask(hub, "GET", "/repos/acme/shop/rules/branches/main").json()
    assert [each["type"] for each in rules] == ["pull_request", "merge_queue"]


def test_comparing_and_refs(hub: FakeGitHub, shop: HostedRepository) -> None:
    main = shop.push("main", {"apps/other.yaml": b"1\n"})
    compared = repository(hub).compare("main", "promoter/web")
    assert [compared.status, compared.ahead_by, compared.behind_by] == ["diverged", 1, 1]
    assert [each.filename for each in compared.files] == [FILE]
    made = repository(hub).create_git_ref("refs/heads/promoter/new", main)
    assert repository(hub).get_git_ref("heads/promoter/new").object.sha == main
    made.delete()
    assert "refs/heads/promoter/new" not in refs(shop.git)


def with_token(address: str, token: str) -> str:
    return address.replace("http://", f"http://x-access-token:{token}@")


def test_git_pushes_over_http_on_the_port_of_the_api(
    hub: FakeGitHub, shop: HostedRepository, tmp_path: Path
) -> None:
    open_one(hub)
    git(tmp_path, "clone", "--quiet", with_token(shop.url, TOKEN), "work")
    work = tmp_path / "work"
    new = git(work, "rev-parse", "origin/main")
    git(work, "push", "--quiet", "origin", "origin/promoter/web:refs/heads/promoter/copy")
    git(work, "push", "--quiet", "--delete", "origin", "promoter/web")
    assert new == shop.state.seen["main"]
    assert "promoter/copy" in shop.state.seen
    assert [(each.what, each.login) for each in hub.journal[1:]] == [
        ("pushed", "bot"),
        ("pushed", "bot"),
        ("closed", "bot"),
    ]
    with pytest.raises(AssertionError, match="deny updating a hidden ref"):
        git(work, "push", "--quiet", "origin", "origin/main:refs/pull/1/head")


@pytest.mark.parametrize(
    ("token", "said"),
    [("wrong", "Authentication failed"), ("t0ken-of-zoe", "not found"), ("t0ken-of-eve", "403")],
)
def test_git_asks_who_it_is_and_what_they_may(
    hub: FakeGitHub, shop: HostedRepository, tmp_path: Path, token: str, said: str
) -> None:
    hub.add_user("eve", "t0ken-of-eve")  # may read
    hub.add_user("zoe", "t0ken-of-zoe")  # nothing at all
    git(tmp_path, "clone", "--quiet", with_token(shop.url, TOKEN), "work")
    there = with_token(shop.url, token)
    with pytest.raises(AssertionError, match=said):
        git(tmp_path / "work", "push", there, "HEAD:refs/heads/new")
    assert hub.effects("pushed") == []


def test_a_protected_branch_takes_no_push_but_of_who_may_bypass_it(
    hub: FakeGitHub, shop: HostedRepository, tmp_path: Path
) -> None:
    shop.protect("main", Protection(reviews=1, bypass=("ann",)))
    git(tmp_path, "clone", "--quiet", with_token(shop.url, TOKEN), "work")
    work, before = tmp_path / "work", shop.state.seen["main"]
    both = ("origin/promoter/web:refs/heads/main", "origin/main:refs/heads/promoter/new")
    with pytest.raises(AssertionError, match="GH006: Protected branch update failed"):
        git(work, "push", "--atomic", "origin", *both)
    assert refs(shop.git)["refs/heads/main"] == before
    assert "refs/heads/promoter/new" not in refs(shop.git)
    git(work, "push", "--quiet", with_token(shop.url, "t0ken-of-ann"), both[0])
    assert refs(shop.git)["refs/heads/main"] != before


def test_a_push_whose_answer_is_lost_is_done_and_written_down(
    hub: FakeGitHub, shop: HostedRepository, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", with_token(shop.url, TOKEN), "work")
    hub.faults.drop_answer(r"POST .*/git-receive-pack")
    with pytest.raises(AssertionError):
        git(tmp_path / "work", "push", "--quiet", "origin", "HEAD:refs/heads/promoter/new")
    assert "refs/heads/promoter/new" in refs(shop.git)
    assert len(hub.effects("pushed")) == 1


def test_a_queue_tries_a_branch_of_its_own_before_it_moves_the_base(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    shop.protect("main", Protection(checks=("build",), queue=True, by="ruleset"))
    pull = open_one(hub)
    shop.report(pull.head.sha, "build", "success")
    shop.enqueue(1, "ann")
    tried = shop.stage_queue()
    (branch,) = [each for each in refs(shop.git) if "gh-readonly-queue/main/pr-1-" in each]
    assert refs(shop.git)[branch] == tried
    shop.run_queue(passes=None)
    assert [shop.state.queue, shop.pull(1).state] == [[1], "open"]
    shop.report(tried, "build", "success")
    shop.run_queue(passes=None)
    assert refs(shop.git)["refs/heads/main"] == tried
    assert branch not in refs(shop.git)
    assert shop.pull(1).merged_at is not None


def test_a_repository_in_a_free_plan_knows_no_drafts(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    shop.state.drafts = False
    with pytest.raises(github.GithubException, match="not supported in this repository") as refused:
        open_one(hub, draft=True)
    assert refused.value.status == 422
    pull = open_one(hub)
    with pytest.raises(github.GithubException, match="not supported in this repository"):
        pull.convert_to_draft()


def test_a_token_of_a_workflow_is_nobodys_and_acts_as_a_bot(
    hub: FakeGitHub, shop: HostedRepository
) -> None:
    hub.add_workflow(shop, "ghs_of_a_job")
    asked = client(hub, "ghs_of_a_job")
    with pytest.raises(github.GithubException, match="not accessible") as refused:
        asked.get_user().login  # noqa: B018 - it asks
    assert refused.value.status == 403
    _, told = asked.requester.graphql_query("query { viewer { login } }", {})
    assert told["data"]["viewer"] == {"login": "github-actions[bot]"}


def test_a_request_that_the_api_does_not_know_fails_the_test(tmp_path: Path) -> None:
    def misspell() -> None:
        with fake_github(tmp_path / "hub") as hub:
            hub.add_user("bot", TOKEN)
            hub.create("acme/shop", {FILE: BEFORE}, write=("bot",))
            ask(hub, "GET", "/repos/acme/shop/pulls?stat=open")

    with pytest.raises(AssertionError, match="unknown query stat"):
        misspell()


def test_time_is_the_callers(tmp_path: Path) -> None:
    at = datetime.fromisoformat("2026-03-04T05:06:07+00:00")
    told: dict[str, Any] = {}
    with fake_github(tmp_path / "hub", now=lambda: at) as hub:
        hub.add_user("bot", TOKEN)
        shop = hub.create("acme/shop", {FILE: BEFORE}, write=("bot",))
        shop.push("promoter/web", {FILE: AFTER})
        told = open_one(hub).raw_data
    assert told["created_at"] == "2026-03-04T05:06:07Z"
