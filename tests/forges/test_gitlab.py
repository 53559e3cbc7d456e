"""Merge requests on a GitLab: what the bot and people see of each other."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.gitlab import server
from promoter.model.ports import Comment, Readiness
from promoter.model.record import Record
from tests.forges.gitlab_shop import BRANCH, RECORD, TEXT, Shop, find_one
from tests.services.git_server import git


def test_a_request_is_opened_and_found_as_it_was_meant(shop: Shop) -> None:
    draft = shop.draft()

    opened = shop.forge().open(draft)

    found = find_one(shop.forge())
    assert found == opened
    assert (found.number, found.state, found.head) == (1, "open", draft.head)
    assert (found.title, found.body, found.approvals) == (draft.title, draft.body, 1)
    assert Record.parse(found.body) == RECORD
    assert found.url == f"{shop.gitlab.base}/platform/shop/-/merge_requests/1"


def test_the_bots_branches_are_found_as_long_as_asked_and_others_while_open(shop: Shop) -> None:
    forge = shop.forge()
    for number in range(1, 4):
        forge.open(shop.draft(branch=f"promoter/staging/app{number}"))
    for branch in ("feature/x", "feature/y"):
        forge.open(shop.draft(branch=branch))
    close = shop.gitlab.world.close
    close(shop.project, 1, shop.people["ann"])
    since = shop.gitlab.world.now()
    close(shop.project, 2, shop.people["ann"])
    close(shop.project, 5, shop.people["ann"])

    found = forge.find("main", "promoter/")
    assert [(each.number, each.foreign) for each in found] == [
        (4, True),
        (3, False),
        (2, False),
        (1, False),
    ]
    assert (found[0].body, found[0].head) == ("", shop.project.tip("feature/x"))
    assert [each.number for each in forge.find("main", "promoter/", since)] == [4, 3, 2]
    assert forge.find("other", "promoter/") == []


def test_a_look_takes_as_many_calls_with_many_applications_as_with_one(shop: Shop) -> None:
    forge = shop.forge()
    forge.open(shop.draft())
    before = len(shop.gitlab.calls)
    forge.find("main", "promoter/", shop.gitlab.world.now())
    with_one = len(shop.gitlab.calls) - before
    for number in range(20):
        forge.open(shop.draft(branch=f"promoter/staging/app{number}"))
    forge.open(shop.draft(branch="feature/x"))
    shop.gitlab.world.arm(shop.project, 1, shop.people["ann"])
    before = len(shop.gitlab.calls)

    found = forge.find("main", "promoter/", shop.gitlab.world.now())

    assert len(found) == 22
    assert len(shop.gitlab.calls) - before == with_one == 2


def test_every_page_is_read(shop: Shop) -> None:
    shop.gitlab.most_per_page = 2
    forge = shop.forge()
    for number in range(5):
        forge.open(shop.draft(branch=f"promoter/staging/app{number}"))

    assert len(forge.find("main", "promoter/")) == 5


def test_what_others_write_never_hides_the_bots_own(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may open requests of a megabyte each; a page of a hundred is read up to a limit."""
    monkeypatch.setattr(server, "_LARGEST_ANSWER", 200_000)
    forge = shop.forge()
    forge.open(shop.draft())
    for number, letters in enumerate([20_000] * 5 + [0] * 10 + [45_000]):
        shop.push(b"%d" % number, f"feature/{number}")
        made = shop.gitlab.world.open(
            shop.project, shop.people["ben"], f"feature/{number}", "main", "Mine"
        )
        made.description = "\N{ROCKET}" * letters

    found = forge.find("main", "promoter/")

    assert len(found) == 17
    assert [each.number for each in found if not each.foreign] == [1]


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


def test_a_push_that_gitlab_has_not_taken_in_yet_is_no_reason_to_write_again(shop: Shop) -> None:
    """Its workers take in a push a while later; until then it names the older head."""
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    newer = replace(draft, head=shop.push(b"tag: 1.3.0\n"))
    shop.request.lags_at = draft.head
    forge.update(1, newer)

    assert find_one(forge).head == newer.head
    assert forge.approvals(1, newer.head) == ()
    assert forge.readiness(1, newer.head).state == "wait"
    with pytest.raises(TransientError, match="not taken in"):
        forge.merge(1, newer.head, TEXT)

    shop.request.lags_at = None
    assert forge.merge(1, newer.head, TEXT) == "merged"


def test_what_a_body_brings_along_is_no_command(shop: Shop) -> None:
    draft = replace(shop.draft(), body="Moves.\n/approve\n  /merge\n")

    shop.forge().open(draft)

    assert "\n\\/approve\n  \\/merge\n" in shop.project.requests[1].description


SAID = Comment(
    "Closed: 1.3.0 is newer.\n/merge\n\n<!-- promoter:closed:1.3.0 -->", "promoter:closed:1.3.0"
)


def test_a_comment_is_said_once_and_commands_nothing(shop: Shop) -> None:
    forge = shop.forge()
    forge.open(shop.draft())
    shop.gitlab.world.comment(shop.request, shop.people["stranger"], SAID.mark)
    shop.gitlab.drop_reply("POST", "/notes$")
    with pytest.raises(TransientError):
        forge.comment(1, SAID)

    shop.forge().comment(1, SAID)

    (body,) = [each.body for each in shop.request.notes if each.author == shop.people["bot"]]
    assert body.startswith("Closed: 1.3.0 is newer.\n\\/merge\n")


def test_a_mark_that_is_not_in_the_text_is_added_out_of_sight(shop: Shop) -> None:
    forge = shop.forge()
    forge.open(shop.draft())

    forge.comment(1, Comment("Left alone.", "promoter:left-alone"))
    forge.comment(1, Comment("Left alone.", "promoter:left-alone"))

    assert [each.body for each in shop.request.notes] == [
        "Left alone.\n\n<!-- promoter:left-alone -->"
    ]


@pytest.mark.parametrize("dropped", [False, True])
def test_a_close_is_done_once_and_keeps_the_branch(shop: Shop, dropped: bool) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    if dropped:
        shop.gitlab.drop_reply("PUT", "/merge_requests/1$")
    with contextlib.suppress(TransientError):
        forge.close(1, "1.3.0 is newer")

    forge.close(1, "1.3.0 is newer")

    found = find_one(forge)
    assert (found.state, found.closed_by_bot, found.ended_at is None) == ("closed", True, False)
    assert (shop.did("note"), shop.did("close")) == (0, 1)
    assert shop.project.tip(BRANCH) == draft.head


def test_a_label_is_added_to_those_that_stand_there(shop: Shop) -> None:
    forge = shop.forge()
    forge.open(replace(shop.draft(), labels=("promoter", "a,b")))

    forge.label(1, "promoter/left-alone")
    writes = shop.calls_of(lambda: forge.label(1, "promoter/left-alone"))

    assert find_one(forge).labels == ("promoter", "promoter/left-alone")
    assert not [each for each in writes if not each.startswith("GET ")]


def test_a_draft_becomes_ready_and_back_and_its_title_is_told_without_the_word(shop: Shop) -> None:
    forge = shop.forge()
    draft = replace(shop.draft(), draft=True)
    opened = forge.open(draft)
    assert shop.request.title == f"Draft: {draft.title}"
    assert (opened.draft, opened.title) == (True, draft.title)
    assert forge.readiness(1, draft.head) == Readiness("wait", "it is a draft")

    assert not forge.update(1, replace(draft, draft=False)).draft
    assert shop.request.title == draft.title

    forge.update(1, replace(draft, title=f"Draft: {draft.title}"))
    assert shop.request.title == f"Draft: {draft.title}"
    assert find_one(forge) == opened


def test_everything_is_given_with_the_opening(shop: Shop) -> None:
    draft = replace(
        shop.draft(), labels=("promoter", "web"), reviewers=("Ann", "ben"), assignees=("ben",)
    )

    opened = shop.forge().open(draft)

    assert (opened.labels, opened.complete, opened.warnings) == (("promoter", "web"), True, ())
    assert [each.username for each in shop.request.reviewers] == ["ann", "ben"]
    assert [each.username for each in shop.request.assignees] == ["ben"]
    assert len(shop.writes) == 1


def test_who_is_not_known_or_no_member_is_a_warning(shop: Shop) -> None:
    draft = replace(shop.draft(), reviewers=("nobody", "stranger", "ben"))

    opened = shop.forge().open(draft)

    host = shop.place.host
    assert opened.warnings == (
        f"reviewer nobody is not known to {host}: left out",
        f"reviewer stranger is no member of {host}/platform/shop: left out",
    )
    assert [each.username for each in shop.request.reviewers] == ["ben"]


def test_the_free_edition_takes_one_reviewer_and_the_rest_is_a_warning(shop: Shop) -> None:
    shop.project.premium = False

    opened = shop.forge().open(replace(shop.draft(), reviewers=("ann", "ben")))

    assert opened.warnings == ("reviewer ben: GitLab left out; its Free edition takes one only",)


def test_an_update_takes_nobody_away(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(replace(draft, reviewers=("ann",), labels=("mine",)))

    told = forge.update(1, replace(draft, reviewers=("ben",), labels=("promoter",)))

    assert [each.username for each in shop.request.reviewers] == ["ann", "ben"]
    assert told == find_one(forge)
    assert told.labels == ("mine", "promoter")


def test_what_ended_meanwhile_is_neither_updated_nor_closed_nor_merged(shop: Shop) -> None:
    forge, draft = shop.forge(), shop.draft()
    forge.open(draft)
    shop.gitlab.world.close(shop.project, 1, shop.people["ann"])

    with pytest.raises(ConflictError, match="is closed already"):
        forge.update(1, draft)
    with pytest.raises(ConflictError, match="is closed already"):
        forge.merge(1, draft.head, TEXT)
