"""Merge requests on GitHub, as PyGithub really asks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.errors import ConflictError, InputError, PromoterError, TransientError
from promoter.forges.github.connect import connect
from promoter.forges.github.forge import GitHubForge
from promoter.forges.github.login import TokenLogin
from promoter.forges.github.place import GitHubPlace
from promoter.forges.github.talk import Conversation
from promoter.model.image import ImageReference
from promoter.model.ports import Forge, MergeRequestDraft, MergeText
from promoter.model.record import Record
from promoter.model.release import Release
from tests.forges.small_github import HEAD, START, SmallGitHub, small_github

OTHER = "b" * 40
BRANCH = "promoter/production/web"
RELEASE = Release.of([ImageReference.parse(f"harbor.example/web:1.2@sha256:{'1' * 64}")])
RECORD = Record("shop", "web", "production", RELEASE, "staging")
TEXT = MergeText("web: 1.2", "\n".join(RECORD.trailers()))
BODY = "What moves.\n\n<!-- promoter\n" + "\n".join(RECORD.trailers()) + "\n-->\n"


@pytest.fixture
def hub() -> Iterator[SmallGitHub]:
    with small_github() as served:
        yield served


Script = list[tuple[int, dict[str, str], Any]]
ALREADY = {"code": "custom", "message": f"A pull request already exists for shop:{BRANCH}."}
LAGGING: Script = [
    (422, {}, {"message": "Validation Failed", "errors": [ALREADY]}),
    (200, {}, []),
]


class World:
    """The adapter against the small GitHub, with a clock that only sleeping moves."""

    def __init__(self, hub: SmallGitHub, token: Callable[[], str] = lambda: "ghp_first") -> None:
        self.now = START
        self.slept: list[float] = []
        self.place = GitHubPlace.of(f"{hub.base}/shop/manifests.git")
        login = TokenLogin(
            lambda: Credential("git", token(), origin="the credentials file promoter.yaml:3"),
            self.place.host,
        )
        self.talk = Conversation(
            self.place, login, lambda: self.now, write_pause=0, sleep=self.sleep
        )
        self.forge: Forge = GitHubForge(self.talk, lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def world(hub: SmallGitHub) -> Iterator[World]:
    made = World(hub)
    yield made
    made.talk.close()


def draft(**more: Any) -> MergeRequestDraft:
    wanted = {"branch": BRANCH, "base": "main", "head": HEAD, "title": "web: 1.2", "body": BODY}
    return MergeRequestDraft(**{**wanted, "approvals": 2, **more})


@pytest.mark.parametrize(
    ("url", "host", "api"),
    [
        ("https://github.com/shop/manifests.git", "github.com", "https://api.github.com"),
        ("git@github.com:shop/manifests", "github.com", "https://api.github.com"),
        ("ssh://git@ssh.github.com:443/shop/manifests", "github.com", "https://api.github.com"),
        ("https://acme.ghe.com/shop/manifests", "acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://git.acme.org:8443/shop/manifests/", "git.acme.org:8443",
         "https://git.acme.org:8443/api/v3"),
        ("ssh://git@git.acme.org:2222/shop/manifests.git", "git.acme.org",
         "https://git.acme.org/api/v3"),
    ],
)  # fmt: skip
def test_the_api_follows_from_the_repositorys_address(url: str, host: str, api: str) -> None:
    assert GitHubPlace.of(url) == GitHubPlace(host, "shop", "manifests", api)


@pytest.mark.parametrize("url", ["/srv/shop", "https://github.com/shop", "git@github.com:a/b/c"])
def test_an_address_that_names_no_repository_of_github_is_told(url: str) -> None:
    with pytest.raises(InputError, match="https://HOST/OWNER/NAME"):
        GitHubPlace.of(url)


def test_a_request_is_opened_found_again_updated_and_closed(hub: SmallGitHub, world: World) -> None:
    hub.branches[BRANCH] = HEAD
    opened = world.forge.open(draft())

    (found,) = world.forge.find("main", "promoter/")
    assert found == opened
    assert (found.state, found.head, found.approvals) == ("open", HEAD, 2)
    assert found.body == BODY
    assert Record.parse(found.body) == RECORD

    world.forge.update(opened.number, draft(title="web: 1.3", approvals=1))
    (updated,) = world.forge.find("main", "promoter/")
    assert (updated.title, updated.approvals) == ("web: 1.3", 1)

    world.forge.close(opened.number, "1.3 was withdrawn")
    world.forge.close(opened.number, "1.3 was withdrawn")
    (closed,) = world.forge.find("main", "promoter/")
    assert (closed.state, closed.closed_by, closed.closed_by_bot) == ("closed", hub.me, True)
    assert BRANCH not in hub.branches


def test_a_branch_that_somebody_pushed_to_outlives_its_request(
    hub: SmallGitHub, world: World
) -> None:
    hub.branches[BRANCH] = HEAD
    number = world.forge.open(draft()).number
    hub.pulls[0]["head"]["sha"] = hub.branches[BRANCH] = OTHER
    world.forge.close(number, "stale")
    assert hub.branches[BRANCH] == OTHER


def test_one_that_is_open_already_is_found_instead(hub: SmallGitHub, world: World) -> None:
    hub.branches[BRANCH] = HEAD
    first = world.forge.open(draft())
    assert world.forge.open(draft(title="another")) == first
    # Another replica opens it between our look and our word.
    hub.scripted = [(200, {}, [])]
    assert world.forge.open(draft()) == first
    # It was opened by a call whose answer was lost, and the lists lag behind.
    hub.scripted = [(200, {}, []), *LAGGING]
    with pytest.raises(TransientError, match="does not list it yet"):
        world.forge.open(draft())
    assert len(hub.pulls) == 1


def test_one_that_is_open_on_another_base_moves(hub: SmallGitHub, world: World) -> None:
    hub.branches |= {BRANCH: HEAD, "stable": OTHER}
    first = world.forge.open(draft())
    moved = world.forge.open(draft(base="stable"))
    assert (moved.number, moved.base) == (first.number, "stable")
    assert len(hub.pulls) == 1


def test_a_branch_that_is_gone_is_a_lost_race_and_a_base_that_is_gone_a_persons(
    hub: SmallGitHub, world: World
) -> None:
    with pytest.raises(ConflictError, match="is gone"):
        world.forge.open(draft())
    hub.branches[BRANCH] = HEAD
    with pytest.raises(InputError, match="no branch nowhere"):
        world.forge.open(draft(base="nowhere"))


def test_a_request_from_a_fork_is_never_ours(hub: SmallGitHub, world: World) -> None:
    hub.add(BRANCH, fork=True, body="who knows what")
    hub.end(hub.add(BRANCH, fork=True))
    hub.add(BRANCH)["head"]["repo"] = None
    hub.branches[BRANCH] = HEAD
    found = world.forge.find("main", "promoter/")
    assert [(each.number, each.foreign, each.body) for each in found] == [
        (3, True, ""),
        (1, True, ""),
    ]
    assert world.forge.open(draft()).number == 4


def test_a_look_at_a_thousand_requests_stops_at_what_ended_before(
    hub: SmallGitHub, world: World
) -> None:
    for each in range(1000):
        hub.clock = START + timedelta(minutes=each)
        hub.end(hub.add(f"promoter/dev/app-{each}"), merged=True)
    hub.add("promoter/dev/app-1")
    hub.add("feature/promoter")
    since = START + timedelta(minutes=995)
    found = world.forge.find("main", "promoter/", since)
    assert [each.state for each in found] == ["open", "open", *["merged"] * 5]
    assert [each.foreign for each in found] == [True, *[False] * 6]
    assert [each.ended_at for each in found[-2:]] == [since + timedelta(minutes=1), since]
    assert len(hub.asked) == 3  # the third one: whether the branch has a merge queue
    assert len(world.forge.find("main", "promoter/")) == 1002


def test_who_closed_a_request_is_told_where_it_is_somebodys_word(
    hub: SmallGitHub, world: World
) -> None:
    hub.rights = {"ana": "write", "visitor": "read"}
    for who in ("ana", "visitor", "stale[bot]", "promoter-bot", None):
        hub.end(hub.add(f"promoter/dev/{who}"), who)
    found = {each.branch: each for each in world.forge.find("main", "promoter/")}
    told = {name.rpartition("/")[2]: (each.closed_by, each.closed_by_bot)
            for name, each in found.items()}  # fmt: skip
    assert told == {
        "ana": ("ana", False),
        "visitor": (None, False),
        "stale[bot]": (None, False),
        "promoter-bot": ("promoter-bot", True),
        "None": (None, False),
    }
    asked = len(hub.asked)
    world.forge.find("main", "promoter/")
    assert len(hub.asked) == asked + 2


def test_approvals_are_the_latest_word_of_people_who_may_write(
    hub: SmallGitHub, world: World
) -> None:
    number = hub.add(BRANCH, user={"login": "author", "type": "User"})["number"]
    writers = ("ana", "bo", "cy", "author", "promoter-bot", "helper[bot]", "di")
    hub.rights = {**dict.fromkeys(writers, "write"), "visitor": "read"}
    assert world.forge.approvals(number, HEAD) == ()
    for who in (*writers, "visitor"):
        hub.review(number, who, "APPROVED")
    hub.review(number, "ana", "COMMENTED")
    hub.review(number, "bo", "DISMISSED")
    hub.review(number, "cy", "APPROVED", OTHER)
    assert world.forge.approvals(number, HEAD) == ("ana", "di")
    assert world.forge.approvals(number, OTHER) == ("cy",)


def test_nothing_is_approved_while_a_writer_asks_for_changes(
    hub: SmallGitHub, world: World
) -> None:
    number = hub.add(BRANCH)["number"]
    hub.rights = {"ana": "write", "bo": "admin", "visitor": "read"}
    hub.review(number, "ana", "APPROVED")
    hub.review(number, "visitor", "CHANGES_REQUESTED")
    assert world.forge.approvals(number, HEAD) == ("ana",)
    hub.review(number, "bo", "CHANGES_REQUESTED", OTHER)
    assert world.forge.approvals(number, HEAD) == ()
    hub.review(number, "bo", "APPROVED")
    assert world.forge.approvals(number, HEAD) == ("ana", "bo")


def test_a_workflows_token_may_not_ask_who_it_is(hub: SmallGitHub, world: World) -> None:
    hub.me = None
    number = hub.add(BRANCH, user={"login": "github-actions[bot]", "type": "Bot"})["number"]
    hub.end(hub.pulls[0], "github-actions[bot]")
    (found,) = world.forge.find("main", "promoter/")
    assert (found.number, found.closed_by_bot) == (number, True)


def test_who_the_bot_is_stays_open_while_github_does_not_say(
    hub: SmallGitHub, world: World
) -> None:
    """Else what the bot itself closed would be read as a person's word, for as long as it runs."""
    hub.end(hub.add(BRANCH), hub.me)
    hub.rights = {"promoter-bot": "write"}
    closed = {"event": "closed", "actor": hub.closers[1], "created_at": hub.at()}
    told: Script = [(200, {}, []), (200, {}, list(hub.pulls)), (200, {}, [closed])]
    hub.scripted = [*told, (401, {}, {"message": "Bad credentials"})]
    (found,) = world.forge.find("main", "promoter/")
    assert (found.closed_by, found.closed_by_bot) == (None, False)
    assert "can't tell who it is" in found.unread
    (found,) = world.forge.find("main", "promoter/")
    assert (found.closed_by, found.closed_by_bot, found.unread) == ("promoter-bot", True, "")


def test_a_merge_pins_the_head_and_tells_the_record(hub: SmallGitHub, world: World) -> None:
    hub.branches[BRANCH] = HEAD
    number = world.forge.open(draft()).number
    with pytest.raises(ConflictError, match="at aaaaaaaa, not at bbbbbbbb"):
        world.forge.merge(number, OTHER, TEXT)
    assert world.forge.merge(number, HEAD, TEXT) == "merged"
    (put,) = [each for each in hub.asked if each.method == "PUT"]
    assert put.body["sha"] == HEAD
    assert put.body["merge_method"] == "merge"
    assert put.body["commit_title"] == "web: 1.2 (#1)"
    assert Record.parse(put.body["commit_message"]) == RECORD
    assert BRANCH not in hub.branches
    assert world.forge.merge(number, HEAD, TEXT) == "merged"
    assert len([each for each in hub.asked if each.method == "PUT"]) == 1


@pytest.mark.parametrize(
    ("allowed", "refused", "method"),
    [
        ({"allow_merge_commit": False}, {}, "squash"),
        ({"allow_merge_commit": False, "allow_squash_merge": False}, {}, "rebase"),
        ({}, {"merge": (405, "Merge commits are not allowed on this repository.")}, "squash"),
    ],
)
def test_the_way_to_merge_is_one_that_the_repository_allows(
    hub: SmallGitHub,
    world: World,
    allowed: dict[str, bool],
    refused: dict[str, tuple[int, str]],
    method: str,
) -> None:
    hub.settings, hub.merge_refusals = allowed, refused
    assert world.forge.merge(hub.add(BRANCH)["number"], HEAD, TEXT) == "merged"
    (*_, last) = [each for each in hub.asked if each.method == "PUT"]
    assert last.body["merge_method"] == method


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (409, "Head branch was modified. Review and try the merge again.", ConflictError),
        (405, "Base branch was modified. Review and try the merge again.", ConflictError),
        (405, "At least 1 approving review is required.", TransientError),
    ],
)
def test_what_github_says_to_a_merge_is_told(
    hub: SmallGitHub, world: World, status: int, said: str, kind: type[PromoterError]
) -> None:
    hub.merge_refusals["merge"] = (status, said)
    number = hub.add(BRANCH)["number"]
    with pytest.raises(kind) as caught:
        world.forge.merge(number, HEAD, TEXT)
    assert said in str(caught.value)
    assert hub.branches[BRANCH] == HEAD


def test_a_request_that_conflicts_or_was_closed_is_a_lost_race(
    hub: SmallGitHub, world: World
) -> None:
    pull = hub.add(BRANCH, mergeable_state="dirty")
    with pytest.raises(ConflictError, match="conflicts with main"):
        world.forge.merge(pull["number"], HEAD, TEXT)
    hub.end(pull, "ana")
    for act in (
        lambda: world.forge.merge(pull["number"], HEAD, TEXT),
        lambda: world.forge.update(pull["number"], draft()),
    ):
        with pytest.raises(ConflictError, match="closed already"):
            act()


def test_a_body_of_any_length_fits_and_keeps_its_record(hub: SmallGitHub, world: World) -> None:
    hub.branches[BRANCH] = HEAD
    opened = world.forge.open(draft(title="t" * 300, body="x" * 100_000 + BODY))
    assert Record.parse(opened.body) == RECORD
    assert opened.approvals == 2
    assert "cut" in opened.body


def test_a_post_is_never_repeated_and_a_get_is(hub: SmallGitHub, world: World) -> None:
    hub.branches[BRANCH] = HEAD
    trouble: tuple[int, dict[str, str], Any] = (502, {}, "<html>bad gateway</html>")
    hub.scripted = [trouble, (200, {}, []), trouble]
    with pytest.raises(TransientError, match=r"can't open .* in trouble \(502\)"):
        world.forge.open(draft())
    assert [each.split()[0] for each in hub.calls] == ["GET", "GET", "POST"]
    hub.scripted = [(200, {}, []), (0, {}, None)]
    with pytest.raises(TransientError, match="broke off"):
        world.forge.open(draft())
    assert [each["head"]["ref"] for each in hub.pulls] == [BRANCH]  # the work was done
    assert len(world.forge.find("main", "promoter/")) == 1


def test_a_short_limit_is_waited_for_and_a_long_one_is_later(
    hub: SmallGitHub, world: World
) -> None:
    secondary = {"message": "You have exceeded a secondary rate limit."}
    hub.scripted = [(403, {"Retry-After": "7"}, secondary)]
    assert world.forge.find("main", "promoter/") == []
    assert world.slept == [7]

    reset = world.now + timedelta(minutes=40)
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset.timestamp()))}
    hub.scripted = [(403, spent, {"message": "API rate limit exceeded for user ID 1."})]
    asked = len(hub.asked)
    for _ in range(2):
        with pytest.raises(TransientError) as caught:
            world.forge.find("main", "promoter/")
        assert caught.value.retry_after == timedelta(minutes=40, seconds=1)
    assert len(hub.asked) == asked + 1  # nobody asks while limited
    assert world.slept == [7]


def test_a_limit_does_not_last_longer_where_the_clock_is_wrong(
    hub: SmallGitHub, world: World
) -> None:
    secondary = {"message": "You have exceeded a secondary rate limit."}
    world.now += timedelta(hours=5)  # it runs ahead
    hub.scripted = [(403, {"Retry-After": "60"}, secondary)]
    with pytest.raises(TransientError):
        world.forge.find("main", "promoter/")
    world.now -= timedelta(hours=5) - timedelta(seconds=1)
    assert world.forge.find("main", "promoter/") == []

    reset = world.now + timedelta(hours=5)  # it is behind
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset.timestamp()))}
    hub.scripted = [(403, spent, {"message": "API rate limit exceeded for user ID 1."})]
    with pytest.raises(TransientError) as caught:
        world.forge.find("main", "promoter/")
    assert caught.value.retry_after == timedelta(hours=1, seconds=1)


def test_what_may_not_be_done_names_what_is_needed_and_no_secret(
    hub: SmallGitHub, world: World
) -> None:
    needs = {"X-Accepted-GitHub-Permissions": "pull_requests=write"}
    hub.scripted = [(403, needs, {"message": "Resource not accessible by personal access token"})]
    with pytest.raises(InputError) as caught:
        world.forge.find("main", "promoter/")
    assert "it needs pull_requests=write" in str(caught.value)
    assert "the token of the credentials file promoter.yaml:3" in str(caught.value)
    hub.name = "other/name"
    with pytest.raises(InputError, match=r"shop/manifests: .*may not see it"):
        world.forge.find("main", "promoter/")


def test_a_token_that_was_rotated_is_read_again(hub: SmallGitHub) -> None:
    tokens = ["ghp_old", "ghp_old", "ghp_first"]
    world = World(hub, lambda: tokens.pop(0) if len(tokens) > 1 else tokens[0])
    with pytest.raises(InputError, match="does not accept the token of the credentials file"):
        world.forge.find("main", "promoter/")
    assert world.forge.find("main", "promoter/") == []
    assert {each.token for each in hub.asked} == {"ghp_old", "ghp_first"}
    world.talk.close()


def test_no_token_at_all_says_where_to_put_one(hub: SmallGitHub) -> None:
    url = f"{hub.base}/shop/manifests"
    forge = connect(url, credentials=Credentials(), now=lambda: START)
    with pytest.raises(InputError, match=f"add the entry '{GitHubPlace.of(url).host}'"):
        forge.find("main", "promoter/")
    assert hub.asked == []


def test_the_token_of_the_host_is_what_is_shown(hub: SmallGitHub) -> None:
    url = f"{hub.base}/shop/manifests"
    host = GitHubPlace.of(url).host
    known = Credentials({host: Credential("git", "ghp_first"), "github.com": Credential("", "x")})
    forge = connect(url, credentials=known, now=lambda: START, api=f"{hub.base}/api/v3/")
    assert forge.find("main", "promoter/") == []
    assert {each.token for each in hub.asked} == {"ghp_first"}


def test_a_repository_that_was_renamed_is_told(hub: SmallGitHub, world: World) -> None:
    moved = hub.add(BRANCH)
    moved["base"]["repo"] = {"id": 1, "full_name": "shop/gitops"}
    with pytest.raises(InputError, match="write its new address"):
        world.forge.find("main", "promoter/")
    # A write is not led on; PyGithub takes the notice for what was made.
    hub.pulls.clear()
    hub.scripted = [(200, {}, []), (307, {"Location": "/r/1"}, {"message": "Moved Permanently"})]
    with pytest.raises(InputError, match=r"something else \(Moved Permanently\).*new address"):
        world.forge.open(draft())


@pytest.mark.parametrize(
    "answer", ["<html>sign in</html>", "{broken", [], "null", {"message": "no pull"}]
)
def test_an_answer_of_another_kind_is_told_as_one(
    hub: SmallGitHub, world: World, answer: Any
) -> None:
    hub.add(BRANCH)
    hub.scripted = [(200, {}, answer)]
    with pytest.raises(PromoterError, match="can't read #1"):
        world.forge.merge(1, HEAD, TEXT)
    hub.scripted = [(200, {}, answer if answer != [] else "")]
    with pytest.raises(PromoterError, match="can't list the open merge requests"):
        world.forge.find("main", "promoter/")


def test_a_server_that_is_away_is_transient(hub: SmallGitHub) -> None:
    with small_github() as gone:
        away = World(gone)
    with pytest.raises(TransientError, match="can't be reached"):
        away.forge.find("main", "promoter/")
    away.talk.close()


def test_many_threads_share_one_forge(hub: SmallGitHub, world: World) -> None:
    numbers = [hub.add(f"promoter/dev/app-{each}")["number"] for each in range(8)]
    hub.rights = {f"ana-{number}": "write" for number in numbers}
    for number in numbers:
        hub.review(number, f"ana-{number}", "APPROVED")
    found: dict[int, object] = {}

    def ask(number: int) -> None:
        found[number] = world.forge.approvals(number, HEAD)

    threads = [threading.Thread(target=ask, args=(number,)) for number in numbers]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {number: (f"ana-{number}",) for number in numbers}
