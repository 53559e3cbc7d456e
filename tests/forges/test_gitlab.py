"""Merge requests on a GitLab: what the bot and people see of each other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.http import HttpClient
from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.gitlab import GitLabForge, connect
from promoter.forges.gitlab_server import GitLabPlace, GitLabServer
from promoter.model.image import ImageReference
from promoter.model.ports import Forge, MergeRequest, MergeRequestDraft
from promoter.model.record import Record
from promoter.model.release import Release
from tests.forges.gitlab_more import hide_approval_times, lagging, serve_more
from tests.services.fake_gitlab import FakeGitLab, fake_gitlab
from tests.services.git_server import commit, git, refs
from tests.services.gitlab_world import DEVELOPER, MAINTAINER, Project, Rule, Token, User

TOKEN = "of-the-bot-0123456789"
BRANCH = "promoter/staging/web"
IMAGE = ImageReference.parse("harbor.example.com/web:1.2.0@sha256:" + "a" * 64)
RECORD = Record("shop", "web", "staging", Release.of([IMAGE]), "dev")
BODY = "\n".join(("**web** moves.", "", "<!-- promoter record", *RECORD.trailers(), "-->", ""))


@dataclass
class Shop:
    """A project with people, and the forge as the bot has it."""

    gitlab: FakeGitLab
    project: Project
    http: HttpClient
    people: dict[str, User]

    @property
    def place(self) -> GitLabPlace:
        return GitLabPlace.of(self.gitlab.url(f"{self.project.path}.git"))

    def forge(self, token: str = TOKEN, username: str = "promoter") -> GitLabForge:
        def credential(host: str) -> Credential | None:
            return Credential(username, token) if host == self.place.host else None

        return GitLabForge(self.place, credential, self.http)

    def push(self, text: bytes = b"tag: 1.2.0\n", branch: str = BRANCH) -> str:
        """A commit on a branch that starts where main is."""
        if self.project.tip(branch) is None:
            main = self.project.tip("main")
            assert main
            git(self.project.repository, "update-ref", f"refs/heads/{branch}", main)
        return commit(self.project.repository, {"web.yaml": text}, branch=branch)

    def draft(self, head: str | None = None, branch: str = BRANCH) -> MergeRequestDraft:
        head = head or self.push(branch=branch)
        return MergeRequestDraft(branch, "main", head, "Promote web to staging: 1.2.0", BODY, 1)

    def approve(self, number: int, *names: str) -> None:
        for name in names:
            self.gitlab.world.approve(self.project, number, self.people[name])

    def did(self, what: str) -> int:
        return len([each for each in self.gitlab.world.journal if each.what == what])

    @property
    def writes(self) -> list[str]:
        return [each for each in self.gitlab.calls if not each.startswith("GET ")]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with fake_gitlab(tmp_path / "gitlab") as gitlab:
        world = gitlab.world
        people = {name: world.user(name) for name in ("ann", "ben", "guest", "stranger")}
        people["bot"] = world.user("project_7_bot_0a1b", TOKEN, bot=True)
        roles = {
            people["ann"]: MAINTAINER,
            people["ben"]: DEVELOPER,
            people["guest"]: 20,
            people["bot"]: DEVELOPER,
        }
        project = world.project("platform/shop", {"web.yaml": b"tag: 1.1.0\n"}, roles)
        http = HttpClient(proxies={}, pause=lambda _: None)
        yield Shop(gitlab, project, http, people)
        http.close()


def find_one(forge: Forge) -> MergeRequest:
    (found,) = forge.find("main", "promoter/")
    return found


def test_a_request_is_opened_and_found_as_it_was_meant(shop: Shop) -> None:
    draft = shop.draft()

    opened = shop.forge().open(draft)

    found = find_one(shop.forge())
    assert found == opened
    assert (found.number, found.state, found.head) == (1, "open", draft.head)
    assert (found.title, found.body, found.approvals) == (draft.title, draft.body, 1)
    assert Record.parse(found.body) == RECORD
    assert found.url == f"{shop.gitlab.base}/platform/shop/-/merge_requests/1"


def test_only_the_bots_branches_and_what_ended_since_are_found(shop: Shop) -> None:
    forge = shop.forge()
    for number in range(1, 4):
        forge.open(shop.draft(branch=f"promoter/staging/app{number}"))
    forge.open(shop.draft(branch="feature/x"))
    shop.gitlab.world.close(shop.project, 1, shop.people["ann"])
    since = shop.gitlab.world.now()
    shop.gitlab.world.close(shop.project, 2, shop.people["ann"])

    assert [each.number for each in forge.find("main", "promoter/")] == [3, 2, 1]
    assert [each.number for each in forge.find("main", "promoter/", since)] == [3, 2]
    assert forge.find("other", "promoter/") == []


def test_a_look_takes_as_many_calls_with_many_applications_as_with_one(shop: Shop) -> None:
    forge = shop.forge()
    forge.open(shop.draft())
    before = len(shop.gitlab.calls)
    forge.find("main", "promoter/", shop.gitlab.world.now())
    with_one = len(shop.gitlab.calls) - before
    for number in range(20):
        forge.open(shop.draft(branch=f"promoter/staging/app{number}"))
    before = len(shop.gitlab.calls)

    found = forge.find("main", "promoter/", shop.gitlab.world.now())

    assert len(found) == 21
    assert len(shop.gitlab.calls) - before == with_one == 2


def test_every_page_is_read(shop: Shop) -> None:
    shop.gitlab.most_per_page = 2
    forge = shop.forge()
    for number in range(5):
        forge.open(shop.draft(branch=f"promoter/staging/app{number}"))

    assert len(forge.find("main", "promoter/")) == 5


def test_opening_twice_finds_the_first(shop: Shop) -> None:
    draft = shop.draft()
    first = shop.forge().open(draft)

    assert shop.forge().open(draft) == first
    assert shop.did("open") == 1


def test_where_the_lists_lag_behind_the_second_is_refused_and_found_later(shop: Shop) -> None:
    draft = shop.draft()
    with shop.gitlab.stale_lists():
        shop.forge().open(draft)
        with pytest.raises(ConflictError, match="already exists"):
            shop.forge().open(draft)

    assert shop.forge().open(draft).number == 1
    assert shop.did("open") == 1


def test_two_bots_open_one_request(shop: Shop) -> None:
    draft = shop.draft()
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: shop.forge().open(draft), range(4)))

    assert {each.number for each in opened} == {1}
    assert shop.did("open") == 1


def test_an_answer_that_is_lost_opens_no_second_request(shop: Shop) -> None:
    draft = shop.draft()
    shop.gitlab.drop_reply("POST", "/merge_requests$")
    with pytest.raises(TransientError):
        shop.forge().open(draft)

    assert shop.forge().open(draft).number == 1
    assert shop.did("open") == 1


def test_a_request_on_another_base_moves_to_the_right_one(shop: Shop) -> None:
    git(shop.project.repository, "branch", "release", "main")
    draft = shop.draft()
    shop.forge().open(replace(draft, base="release"))

    moved = shop.forge().open(draft)

    assert (moved.number, moved.base) == (1, "main")


def test_a_branch_that_is_gone_is_a_lost_race_and_a_base_a_persons_matter(shop: Shop) -> None:
    draft = shop.draft()

    with pytest.raises(ConflictError, match="no branch promoter/gone any more"):
        shop.forge().open(replace(draft, branch="promoter/gone"))
    with pytest.raises(InputError, match="no branch nowhere to merge into"):
        shop.forge().open(replace(draft, base="nowhere"))


def test_an_update_rewrites_what_changed_and_writes_nothing_else(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    newer = replace(draft, head=shop.push(b"tag: 1.3.0\n"), title="Promote web: 1.3.0", approvals=2)

    forge.update(1, newer)
    forge.update(1, newer)

    found = find_one(forge)
    assert (found.title, found.head, found.approvals) == (newer.title, newer.head, 2)
    assert shop.did("update") == 1


def test_a_push_that_gitlab_has_not_taken_in_yet_is_no_reason_to_write_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers take in a push a while later; until then it names the older head."""
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    newer = replace(draft, head=shop.push(b"tag: 1.3.0\n"))
    with lagging(monkeypatch, draft.head):
        forge.update(1, newer)

        assert find_one(forge).head == newer.head
        assert forge.approvals(1, newer.head) == ()
        with pytest.raises(TransientError, match="not taken in"):
            forge.merge(1, newer.head)

    assert forge.merge(1, newer.head) == "merged"


def test_what_a_body_brings_along_is_no_command(shop: Shop) -> None:
    draft = replace(shop.draft(), body="Moves.\n/approve\n  /merge\n")

    shop.forge().open(draft)

    assert "\n\\/approve\n  \\/merge\n" in shop.project.requests[1].description


def test_a_close_tells_its_reason_once(shop: Shop) -> None:
    """Killed between the note and the close, it says it no second time."""
    forge = shop.forge()
    forge.open(shop.draft())
    shop.gitlab.fail_once("PUT", "/merge_requests/1$", status=500)
    with pytest.raises(TransientError):
        forge.close(1, "1.3.0 is newer\n/merge @ann")

    forge.close(1, "1.3.0 is newer\n/merge @ann")
    forge.close(1, "another reason")

    found = find_one(forge)
    assert (found.state, found.closed_by_bot) == ("closed", True)
    assert found.ended_at is not None
    (note,) = [each for each in shop.project.requests[1].notes if not each.system]
    assert note.body.startswith("Closed: 1.3.0 is newer /merge ")
    assert "@ann" not in note.body


@pytest.mark.parametrize(("method", "path"), [("POST", "/notes$"), ("PUT", "/merge_requests/1$")])
def test_a_close_whose_answer_is_lost_is_done_once(shop: Shop, method: str, path: str) -> None:
    forge = shop.forge()
    forge.open(shop.draft())
    shop.gitlab.drop_reply(method, path)
    with contextlib.suppress(TransientError):
        forge.close(1, "1.3.0 is newer")

    forge.close(1, "1.3.0 is newer")

    assert find_one(forge).state == "closed"
    assert (shop.did("note"), shop.did("close")) == (1, 1)


def test_a_persons_close_is_told_with_the_name(shop: Shop) -> None:
    shop.forge().open(shop.draft())
    shop.gitlab.world.close(shop.project, 1, shop.people["ann"])

    found = find_one(shop.forge())

    assert (found.closed_by, found.closed_by_bot) == ("ann", False)


def test_what_ended_meanwhile_is_neither_updated_nor_closed_nor_merged(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.gitlab.world.close(shop.project, 1, shop.people["ann"])

    with pytest.raises(ConflictError, match="is closed already"):
        forge.update(1, draft)
    with pytest.raises(ConflictError, match="is closed already"):
        forge.merge(1, draft.head)


def test_approvals_are_those_of_people_who_may_write(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    shop.project.authors_may_approve = True
    forge.open(draft)
    assert forge.approvals(1, draft.head) == ()
    shop.approve(1, "ben", "ann", "bot")
    shop.project.members[shop.people["ben"].id] = 20

    assert forge.approvals(1, draft.head) == ("ann",)

    del shop.project.members[shop.people["ann"].id]
    assert forge.approvals(1, draft.head) == ()


@pytest.mark.parametrize("premium", [True, False])
def test_an_approval_of_an_older_head_is_none(shop: Shop, premium: bool) -> None:
    """Without Premium GitLab keeps approvals over a push."""
    shop.project.premium = premium
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.approve(1, "ann")
    assert forge.approvals(1, draft.head) == ("ann",)

    head = shop.push(b"tag: 1.3.0\n")

    assert forge.approvals(1, draft.head) == ()
    assert forge.approvals(1, head) == ()
    shop.approve(1, "ben")
    assert forge.approvals(1, head) == ("ben",)


def test_an_older_gitlab_tells_the_time_of_an_approval_in_a_note_only(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_approval_times(monkeypatch)
    shop.project.reset_approvals_on_push = False
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.approve(1, "ann", "ben")
    request, world = shop.project.requests[1], shop.gitlab.world
    assert forge.approvals(1, draft.head) == ()

    world.comment(request, shop.people["ann"], "approved this merge request", system=True)
    world.comment(request, shop.people["ben"], "approved this merge request")
    assert forge.approvals(1, draft.head) == ("ann",)

    assert forge.approvals(1, shop.push(b"tag: 1.3.0\n")) == ()


@pytest.mark.parametrize("method", ["merge", "rebase_merge", "ff"])
def test_a_merge_lands_on_the_base_and_takes_the_branch_away(shop: Shop, method: str) -> None:
    shop.project.merge_method = method  # type: ignore[assignment]
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)

    assert forge.merge(1, draft.head) == "merged"
    assert forge.merge(1, draft.head) == "merged"

    assert git(shop.project.repository, "show", "main:web.yaml") == "tag: 1.2.0"
    assert f"refs/heads/{BRANCH}" not in refs(shop.project.repository)
    if method != "ff":
        message = git(shop.project.repository, "log", "-1", "--format=%B", "main")
        assert message.startswith("Merge !1: Promote web to staging: 1.2.0\n")
        assert Record.parse(message) == RECORD
    assert (find_one(forge).state, shop.did("merge")) == ("merged", 1)


@pytest.mark.parametrize(
    ("option", "commits"), [("always", 1), ("default_on", 1), ("default_off", 2), ("never", 2)]
)
def test_commits_are_squashed_where_the_project_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, option: str, commits: int
) -> None:
    serve_more(monkeypatch, squash_option=option)
    shop.project.merge_method = "ff"
    before = shop.project.tip("main")
    shop.push(b"tag: 1.1.5\n")
    draft = shop.draft()
    shop.forge().open(draft)

    assert shop.forge().merge(1, draft.head) == "merged"

    landed = git(shop.project.repository, "rev-list", f"{before}..main").splitlines()
    assert len(landed) == commits
    if commits == 1:
        message = git(shop.project.repository, "log", "-1", "--format=%B", "main")
        assert Record.parse(message) == RECORD


def test_a_train_is_boarded_once_and_then_waited_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_more(monkeypatch, merge_trains_enabled=True)
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)

    assert forge.merge(1, draft.head) == "queued"
    assert forge.merge(1, draft.head) == "queued"

    assert shop.did("board") == 1
    assert find_one(forge).state == "open"


def test_a_merge_takes_the_head_that_it_names_and_no_other(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.push(b"tag: 9.9.9\n")

    with pytest.raises(ConflictError, match=f"not {draft.head[:8]}"):
        forge.merge(1, draft.head)
    assert shop.did("merge") == 0


def test_a_merge_whose_answer_is_lost_is_a_merge(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.gitlab.drop_reply("PUT", "/merge$")

    assert forge.merge(1, draft.head) == "merged"
    assert shop.did("merge") == 1


def test_what_is_not_ready_waits_with_gitlabs_words(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.project.rules.append(Rule(1, "all", 1))

    with pytest.raises(TransientError, match=r"405 Method Not Allowed .*not_approved"):
        forge.merge(1, draft.head)


@pytest.mark.parametrize("status", [422, 406])
def test_a_base_that_moved_in_the_same_lines_is_a_lost_race(shop: Shop, status: int) -> None:
    """406 is what GitLab said before version 16."""
    shop.gitlab.conflict_status = status
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    commit(shop.project.repository, {"web.yaml": b"tag: 1.1.9\n"})

    with pytest.raises(ConflictError, match=r"Branch cannot be merged .*conflict"):
        forge.merge(1, draft.head)


def test_what_must_be_rebased_waits_and_says_so(shop: Shop) -> None:
    shop.project.merge_method = "ff"
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    commit(shop.project.repository, {"other.yaml": b"tag: 1.1.9\n"})

    with pytest.raises(TransientError, match="need_rebase"):
        forge.merge(1, draft.head)


def test_a_bot_that_may_not_merge_is_told_where_to_allow_it(shop: Shop) -> None:
    """GitLab says 401 there, and the token is good."""
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.project.protections["main"].merge = MAINTAINER

    with pytest.raises(InputError, match="may not merge into main"):
        forge.merge(1, draft.head)


def test_a_token_that_is_refused_is_named_by_its_place_and_never_shown(shop: Shop) -> None:
    with pytest.raises(InputError, match="does not accept the token") as caught:
        shop.forge("expired-0123456789").find("main", "promoter/")

    assert "the credentials file" in str(caught.value)
    assert "0123456789" not in str(caught.value)


def test_a_jobs_token_says_what_to_use_instead(shop: Shop) -> None:
    shop.gitlab.world.tokens["of-job-0123"] = Token(shop.people["bot"], "job")

    with pytest.raises(InputError, match="project access token"):
        shop.forge("of-job-0123", "gitlab-ci-token").find("main", "promoter/")


def test_a_token_that_may_only_read_is_told_what_it_lacks(shop: Shop) -> None:
    shop.gitlab.world.tokens["reads-0123"] = Token(shop.people["bot"], scopes=("read_api",))

    with pytest.raises(InputError, match="scope api"):
        shop.forge("reads-0123").open(shop.draft())


def test_a_project_that_is_not_there_is_told_as_such(shop: Shop) -> None:
    place = replace(shop.place, project="platform/nothing")
    forge = GitLabForge(place, lambda _: Credential("promoter", TOKEN), shop.http)

    with pytest.raises(InputError, match=r"platform/nothing: listing .* hides it"):
        forge.find("main", "promoter/")


def test_a_limit_says_when_to_come_again(shop: Shop) -> None:
    shop.gitlab.limit_rate(90, times=9)

    with pytest.raises(TransientError) as caught:
        shop.forge().find("main", "promoter/")

    assert caught.value.retry_after == timedelta(seconds=90)


def test_a_write_is_not_repeated_after_trouble(shop: Shop) -> None:
    draft = shop.draft()
    shop.gitlab.fail_once("POST", "/merge_requests$", status=503)

    with pytest.raises(TransientError):
        shop.forge().open(draft)
    assert len(shop.writes) == 1


def test_a_jobs_token_acts_as_who_started_the_job(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_more(monkeypatch)
    shop.gitlab.world.tokens["of-job-0123"] = Token(shop.people["ann"], "job")
    credential = Credential("gitlab-ci-token", "of-job-0123")

    server = GitLabServer(shop.place, lambda _: credential, shop.http)

    assert server.whoami()["username"] == "ann"


def test_a_renewed_token_is_used_at_once(shop: Shop) -> None:
    token = ["expired-0123456789"]
    forge = GitLabForge(shop.place, lambda _: Credential("promoter", token[0]), shop.http)
    with pytest.raises(InputError):
        forge.find("main", "promoter/")

    token[0] = TOKEN

    assert forge.find("main", "promoter/") == []


def test_the_token_follows_no_redirect_to_another_server(shop: Shop, tmp_path: Path) -> None:
    with fake_gitlab(tmp_path / "other") as other:
        thief = other.world.user("thief", TOKEN)
        other.world.project("platform/shop", {"a": b"b"}, {thief: MAINTAINER})
        there = f"{other.base}/api/v4/projects/platform%2Fshop/merge_requests"
        shop.gitlab.fail_once("GET", "/merge_requests$", status=302, headers={"Location": there})

        with pytest.raises(InputError, match="does not accept the token"):
            shop.forge().find("main", "promoter/")
        assert other.calls
        shop.http.close()  # the other server waits for its clients to go


def test_the_credentials_file_is_asked_for_the_server_of_the_address(shop: Shop) -> None:
    known = Credentials({shop.place.host: Credential("promoter", TOKEN)})

    forge = connect(shop.gitlab.url("platform/shop.git"), credentials=known, http=shop.http)

    assert forge.open(shop.draft()).number == 1


def test_a_server_without_an_entry_says_where_to_add_one(shop: Shop) -> None:
    url = shop.gitlab.url("platform/shop.git")
    forge = connect(url, credentials=Credentials(), http=shop.http)

    with pytest.raises(InputError, match=f"add the entry '{shop.place.host}'"):
        forge.find("main", "promoter/")


def test_a_server_below_a_path_is_asked_there() -> None:
    place = GitLabPlace("https://example.com/git", "team/shop")

    assert GitLabServer(place, lambda _: None, HttpClient()).api.api_url == (
        "https://example.com/git/api/v4"
    )
