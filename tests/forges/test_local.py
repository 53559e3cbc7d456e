"""Merge requests in a bare repository: what bots and people see of each other."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.git_errors import MirrorDamagedError
from promoter.access.mirror import Mirror
from promoter.access.objects import Person
from promoter.errors import ConflictError, InputError, TransientError
from promoter.forges.local import LocalForge
from promoter.forges.local_requests import PREFIX
from promoter.model.image import ImageReference
from promoter.model.ports import Check, Comment, Forge, MergeRequestDraft, MergeText, Readiness
from promoter.model.record import Record
from promoter.model.release import Release
from tests.services.git_server import (
    GitServer,
    commit,
    create_repository,
    git,
    git_server,
    refs,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOT = Person("Promoter", "promoter@example.com")
ANN = Person("Ann", "ann@example.com")
BOB = Person("Bob", "bob@example.com")
BRANCH = "promoter/web/dev"
RECORD = Record(
    "shop", "web", "dev", Release.of([ImageReference.parse("ghcr.io/shop/web:1.2")]), "registry"
)
BODY = "Promotes web.\n\n<!--\n" + "\n".join(RECORD.trailers()) + "\n-->\n"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return create_repository(tmp_path / "shop.git", {"web": b"1\n", "api": b"1\n"})


def forge_on(remote: Path, name: str = "cache") -> LocalForge:
    return LocalForge(Mirror(str(remote), remote.parent / name), bot=BOT, now=lambda: NOW)


@pytest.fixture
def forge(remote: Path) -> LocalForge:
    return forge_on(remote)


def proposed(remote: Path, branch: str = BRANCH, text: bytes = b"2\n") -> MergeRequestDraft:
    """A branch with a commit, and the draft of its merge request."""
    base = refs(remote)["refs/heads/main"]
    at = refs(remote).get(f"refs/heads/{branch}")
    head = commit(remote, {"web": text}, branch=branch, parents=(at or base,))
    return MergeRequestDraft(branch, "main", head, "web 1.2 to dev", BODY)


def test_one_is_opened_and_found_again(forge: LocalForge, remote: Path) -> None:
    port: Forge = forge
    draft = proposed(remote)
    opened = port.open(draft)
    assert (opened.number, opened.state, opened.head) == (1, "open", draft.head)
    assert opened.url == f"{remote}#1"
    assert (opened.title, opened.body) == (draft.title, BODY)
    assert port.open(replace(draft, title="again")) == opened
    assert list(forge_on(remote, "fresh").find("main", "promoter/")) == [opened]
    assert port.find("other", "promoter/") == []
    assert port.find("main", "other/") == [replace(opened, foreign=True, body="")]
    other = port.open(proposed(remote, "promoter/api/dev"))
    assert [each.number for each in port.find("main", "promoter/")] == [2, 1]
    assert other.number == 2


def test_an_update_keeps_approvals_with_their_head(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    forge.approve(1, draft.head, ANN)
    forge.approve(1, draft.head, Person("Ann again", "ANN@example.com"))
    forge.approve(1, draft.head, BOB)
    assert forge.approvals(1, draft.head) == (ANN.email, BOB.email)
    later = replace(proposed(remote, text=b"3\n"), title="web 1.3 to dev", approvals=1)
    assert forge.find("main", "")[0].head == later.head, "the branch itself tells its head"
    forge.update(1, later)
    assert forge.approvals(1, later.head) == ()
    assert forge.approvals(1, draft.head) == (ANN.email, BOB.email)
    shown = forge.find("main", "")[0]
    assert (shown.title, shown.head, shown.approvals) == ("web 1.3 to dev", later.head, 1)
    before = refs(remote)
    forge.update(1, later)
    assert refs(remote) == before, "nothing new to say, nothing written"


def test_nobody_approves_a_request_of_their_own(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    with pytest.raises(InputError, match="own"):
        forge.approve(1, draft.head, BOT)
    with pytest.raises(ConflictError, match="not at 00000000"):
        forge.approve(1, "0" * 40, ANN)
    assert forge.approvals(1, draft.head) == ()


def test_a_merge_waits_for_approvals_and_is_one_push(forge: LocalForge, remote: Path) -> None:
    draft = replace(proposed(remote), approvals=2)
    assert forge.open(draft).approvals == 2
    base = commit(remote, {"api": b"2\n"})
    with pytest.raises(InputError, match=r"needs 2 approvals.*has 0: 2 missing"):
        forge.merge(1, draft.head)
    forge.approve(1, draft.head, ANN)
    with pytest.raises(InputError, match="1 missing"):
        forge.merge(1, draft.head)
    forge.approve(1, draft.head, BOB)
    assert forge.merge(1, draft.head) == "merged"
    after = refs(remote)
    assert set(after) == {"refs/heads/main", f"{PREFIX}1"}
    main = after["refs/heads/main"]
    parents, message = git(remote, "show", "-s", "--format=%P%x00%B", main).split("\0")
    assert parents.split() == [base, draft.head]
    assert message.startswith("Merge !1: web 1.2 to dev\n\nPromoter-Rule: shop\n")
    assert Record.parse(message) == RECORD
    assert git(remote, "show", "main:web") == git(remote, "show", "main:api") == "2"
    shown = forge.find("main", BRANCH)[0]
    assert (shown.state, shown.head, shown.closed_by) == ("merged", draft.head, None)
    assert forge.show(1).document.merge_commit == main
    assert forge.merge(1, draft.head) == "merged", "done already is done"
    assert refs(remote) == after
    assert [each.what for each in forge.show(1).document.events] == [
        *("opened", "approved", "approved", "merged"),
    ]
    git(remote, "fsck", "--strict")


def test_a_merge_pins_the_head(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    proposed(remote, text=b"by hand\n")
    before = refs(remote)
    with pytest.raises(ConflictError, match=f"not at {draft.head[:8]}"):
        forge.merge(1, draft.head)
    git(remote, "update-ref", "-d", f"refs/heads/{BRANCH}")
    with pytest.raises(ConflictError, match="deleted"):
        forge.merge(1, draft.head)
    assert refs(remote)["refs/heads/main"] == before["refs/heads/main"]
    assert forge.find("main", "")[0].head == draft.head, "what it last was"


def test_a_conflict_names_the_file(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    commit(remote, {"web": b"other\n"})
    before = refs(remote)
    with pytest.raises(ConflictError, match="!1 conflicts with base in web"):
        forge.merge(1, draft.head)
    assert refs(remote) == before


def test_a_person_closes_and_is_remembered(forge: LocalForge, remote: Path) -> None:
    forge.open(proposed(remote))
    forge.close(1, "not this week", ANN)
    shown = forge.find("main", "")[0]
    assert (shown.state, shown.closed_by, shown.closed_by_bot) == ("closed", ANN.email, False)
    assert f"refs/heads/{BRANCH}" not in refs(remote)
    last = git(remote, "show", "-s", "--format=%an|%s", f"{PREFIX}1")
    assert last == "Ann|!1 closed by Ann <ann@example.com> because not this week"
    forge.close(1, "superseded")
    assert forge.find("main", "")[0].closed_by == ANN.email, "the first word counts"
    again = forge.open(proposed(remote))
    assert (again.number, again.state) == (2, "open")


def test_the_bot_closes_but_leaves_a_persons_work(forge: LocalForge, remote: Path) -> None:
    forge.open(proposed(remote))
    forge.open(proposed(remote, "promoter/api/dev"))
    by_hand = commit(remote, {"api": b"by hand"}, branch="promoter/api/dev")
    forge.close(1, "superseded")
    forge.close(2, "superseded")
    shown = forge.find("main", "")
    assert {(each.state, each.closed_by_bot) for each in shown} == {("closed", True)}
    heads = {ref: at for ref, at in refs(remote).items() if "promoter/" in ref and "heads" in ref}
    assert heads == {"refs/heads/promoter/api/dev": by_hand}


def test_an_ended_request_takes_no_more_words(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    forge.merge(1, draft.head, person=ANN)
    with pytest.raises(ConflictError, match="merged already"):
        forge.update(1, draft)
    with pytest.raises(ConflictError, match="merged already"):
        forge.approve(1, draft.head, BOB)
    with pytest.raises(ConflictError, match="merged already"):
        forge.close(1, "late")
    with pytest.raises(InputError, match="no merge request !7"):
        forge.approvals(7, draft.head)


def test_a_branch_has_one_open_request_also_where_its_base_changed(
    forge: LocalForge, remote: Path
) -> None:
    draft = proposed(remote)
    forge.open(draft)
    git(remote, "branch", "release", "main")
    elsewhere = replace(draft, base="release", title="web 1.2 to dev, on release")
    with pytest.raises(InputError, match="no branch gone to merge into"):
        forge.open(replace(draft, base="gone"))
    for _ in range(2):
        moved = forge.open(elsewhere)
        assert (moved.number, moved.base, moved.title) == (1, "release", elsewhere.title)
        assert list(forge.find("release", "promoter/")) == [moved]
        assert forge.find("main", "promoter/") == []
    last = forge.show(1).document.events[-1]
    assert (last.what, last.detail) == ("updated", "merges into release instead of main")
    assert len(forge.list()) == 1
    assert forge.merge(1, draft.head) == "merged"
    assert git(remote, "show", "release:web") == "2"


def test_labels_and_people_are_added_and_none_is_taken_away(
    forge: LocalForge, remote: Path
) -> None:
    draft = replace(proposed(remote), labels=("promotion", "dev"), reviewers=("ann",))
    opened = forge.open(draft)
    assert (opened.labels, opened.complete) == (("promotion", "dev"), True)
    forge.label(1, "promoter/hold", ANN)
    forge.unlabel(1, "dev", ANN)
    later = replace(draft, title="web 1.3", labels=("promotion",), reviewers=("ann", "bob"))
    updated = forge.update(1, replace(later, assignees=("ann",)))
    assert (updated.title, updated.labels) == ("web 1.3", ("promotion", "promoter/hold"))
    assert updated == forge.find("main", "promoter/")[0]
    document = forge.show(1).document
    assert (document.reviewers, document.assignees) == (("ann", "bob"), ("ann",))
    before = refs(remote)
    forge.label(1, "promoter/hold")
    assert refs(remote) == before, "it stands there already"
    assert [(each.what, each.detail) for each in document.events[1:3]] == [
        *(("labelled", "promoter/hold"), ("unlabelled", "dev")),
    ]
    with pytest.raises(InputError, match="no label 'dev'; its labels: promotion, promoter/hold"):
        forge.unlabel(1, "dev", ANN)
    with pytest.raises(InputError, match="needs a name"):
        forge.label(1, " ")


def test_a_draft_is_merged_by_nobody(forge: LocalForge, remote: Path) -> None:
    draft = replace(proposed(remote), draft=True)
    assert forge.open(draft).draft
    for person in (None, ANN):
        with pytest.raises(InputError, match="!1 is a draft: make it ready by `promoter mr ready"):
            forge.merge(1, draft.head, person=person)
    assert forge.readiness(1, draft.head) == Readiness("wait", "it is a draft")
    assert not forge.update(1, replace(draft, draft=False)).draft
    forge.mark(1, draft=True, person=ANN)
    forge.mark(1, draft=False, person=BOB)
    forge.mark(1, draft=False, person=ANN)
    assert forge.merge(1, draft.head) == "merged"
    assert [(each.what, each.person) for each in forge.show(1).document.events] == [
        ("opened", BOT.email),
        ("updated", BOT.email),
        ("marked draft", ANN.email),
        ("marked ready", BOB.email),
        ("merged", BOT.email),
    ]


def test_the_bot_says_a_thing_once_and_people_as_often_as_they_like(
    forge: LocalForge, remote: Path
) -> None:
    forge.open(proposed(remote))
    mark = "<!-- promoter superseded 1 -->"
    comment = Comment(f"1.2 is superseded by 1.3.\n\n{mark}\n", mark)
    forge.say(1, f"what does {mark} mean?", ANN)
    for _ in range(2):
        forge.comment(1, comment)
        forge_on(remote, "fresh").comment(1, comment)
    forge.say(1, "fine", ANN)
    forge.say(1, "fine", ANN)
    forge.close(1, "superseded")
    forge.comment(1, comment)
    assert [(each.person, each.detail) for each in forge.show(1).document.comments()] == [
        (ANN.email, f"what does {mark} mean?"),
        (BOT.email, comment.text),
        (ANN.email, "fine"),
        (ANN.email, "fine"),
    ]
    with pytest.raises(ConflictError, match="closed already"):
        forge.comment(1, Comment("late <!-- 2 -->", "<!-- 2 -->"))


def test_a_check_is_of_one_head_and_the_newest_of_its_name(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    running = Check("smoke", "pending", "running", "https://ci.example.com/1")
    waits = Check("promoter", "pending", "waits for staging")
    forge.publish(1, draft.head, running, ANN)
    forge.publish(1, draft.head, waits)
    assert forge.checks(1, draft.head) == (waits, running)
    passed = replace(running, state="success", text="12 passed")
    forge.publish(1, draft.head, passed, ANN)
    before = refs(remote)
    forge.publish(1, draft.head, waits)
    assert refs(remote) == before, "nothing new to say, nothing written"
    later = proposed(remote, text=b"3\n")
    forge.update(1, later)
    assert forge.checks(1, later.head) == ()
    forge.publish(1, later.head, replace(passed, state="failure"), ANN)
    assert forge_on(remote, "fresh").checks(1, draft.head) == (waits, passed), "its own word stays"
    assert forge.readiness(1, later.head).state == "ready", "gates look at checks"


def test_what_a_merge_made_is_spoken_of_in_its_request(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    passed = Check("test", "success", "12 passed")
    forge.publish(1, draft.head, passed, ANN)
    forge.merge(1, draft.head)
    merged = forge.show(1).document.merge_commit or ""
    assert forge.commit_checks(draft.head) == (passed,)
    assert forge.commit_checks(merged) == (), "it is another commit"
    failed = replace(passed, state="failure")
    forge.publish(1, merged, failed, ANN)
    assert forge_on(remote, "fresh").commit_checks(merged) == (failed,)
    with pytest.raises(ConflictError, match="merged already"):
        forge.publish(1, draft.head, failed, ANN)


def test_what_keeps_a_request_from_being_merged_is_told_before(
    forge: LocalForge, remote: Path
) -> None:
    draft = replace(proposed(remote), approvals=1)
    forge.open(draft)
    missing = f"it needs 1 approvals of {draft.head[:8]} and has 0: 1 missing"
    assert forge.readiness(1, draft.head) == Readiness("wait", missing)
    forge.approve(1, draft.head, ANN)
    assert forge.readiness(1, draft.head) == Readiness("ready")
    commit(remote, {"web": b"other\n"})
    assert forge.readiness(1, draft.head) == Readiness("conflict", "it conflicts with base in web")


def test_what_moved_or_ended_meanwhile_is_found_out_by_the_merge(
    forge: LocalForge, remote: Path
) -> None:
    draft = replace(proposed(remote), approvals=1)
    forge.open(draft)
    proposed(remote, text=b"by hand\n")
    assert forge.readiness(1, draft.head).state == "ready"
    with pytest.raises(ConflictError, match=f"not at {draft.head[:8]}"):
        forge.merge(1, draft.head)
    forge.close(1, "enough", ANN)
    assert forge.readiness(1, draft.head).state == "ready"
    with pytest.raises(ConflictError, match="closed already"):
        forge.merge(1, draft.head)


def test_the_bots_own_yes_is_none(forge: LocalForge, remote: Path) -> None:
    draft = replace(proposed(remote), approvals=1)
    forge.open(draft, ANN)
    forge.approve(1, draft.head, BOT)
    assert forge.approvals(1, draft.head) == ()
    with pytest.raises(InputError, match="1 missing"):
        forge.merge(1, draft.head, person=BOB)


def test_a_merge_carries_the_text_that_it_is_given(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    forge.merge(1, draft.head, MergeText("web goes out", "Promoter-Rule: shop"))
    message = git(remote, "show", "-s", "--format=%B", "main")
    assert message == "Merge !1: web goes out\n\nPromoter-Rule: shop\n"


def test_what_others_have_open_on_the_base_is_told_as_foreign(
    forge: LocalForge, remote: Path
) -> None:
    own = forge.open(proposed(remote))
    theirs = forge.open(proposed(remote, "feature/x"), ANN)
    assert forge.find("main", "promoter/") == [replace(theirs, foreign=True, body=""), own]
    forge.close(2, "not now", ANN)
    assert forge.find("main", "promoter/") == [own], "only while it is open"


def test_there_is_no_queue_no_protection_and_no_reader_of_statuses(
    forge: LocalForge, remote: Path
) -> None:
    forge.open(proposed(remote))
    before = refs(remote)
    forge.disarm(1)
    assert refs(remote) == before
    footing = forge.footing("main")
    assert (footing.rights.bot, footing.rights.merge, footing.rights.bypass) == (
        *(BOT.email, True, None),
    )
    assert (footing.protection.is_on, footing.statuses) == (False, False)


def test_a_request_of_an_older_version_is_read_and_goes_on(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    forge.open(draft)
    content = json.loads(git(remote, "show", f"{PREFIX}1:merge-request.json"))
    for name in ("draft", "labels", "reviewers", "assignees", "checks"):
        del content[name]
    harm(remote, 1, json.dumps(content).encode())
    shown = forge.find("main", "promoter/")[0]
    assert (shown.title, shown.draft, shown.labels) == (draft.title, False, ())
    assert forge.checks(1, draft.head) == ()
    forge.label(1, "promoter/hold", ANN)
    assert forge.show(1).document.labels == ("promoter/hold",)


def test_branches_must_be_there(forge: LocalForge, remote: Path) -> None:
    draft = proposed(remote)
    with pytest.raises(InputError, match="no branch production to merge into"):
        forge.open(replace(draft, base="production"))
    with pytest.raises(ConflictError, match="no branch gone"):
        forge.open(replace(draft, branch="gone"))


def test_six_bots_open_one_merge_request(remote: Path) -> None:
    draft = proposed(remote)
    gate = threading.Barrier(6)

    def race(number: int) -> int:
        # Each at another second: equal events would be equal commits, and no race.
        at = NOW.replace(second=number)
        mirror = Mirror(str(remote), remote.parent / f"cache{number % 3}")
        forge = LocalForge(mirror, bot=BOT, now=lambda: at)
        gate.wait()
        return forge.open(draft).number

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(race, range(6))) == [1] * 6
    assert [ref for ref in refs(remote) if ref.startswith(PREFIX)] == [f"{PREFIX}1"]


def test_people_at_once_lose_no_approval_and_no_number(remote: Path) -> None:
    branches = [f"promoter/app{number}/dev" for number in range(4)]
    drafts = [proposed(remote, branch) for branch in branches]
    gate = threading.Barrier(4)

    def act(number: int) -> int:
        forge = forge_on(remote, f"cache{number}")
        gate.wait()
        opened = forge.open(drafts[number])
        gate.wait()
        forge.approve(1, forge.show(1).document.head, Person("P", f"p{number}@example.com"))
        return opened.number

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(act, range(4))) == [1, 2, 3, 4]
    document = forge_on(remote).show(1).document
    assert len(document.approvers(document.head)) == 4


@pytest.mark.parametrize(
    "damage",
    [
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"state": "half"}',
        None,
    ],
)
def test_a_damaged_request_is_named(forge: LocalForge, remote: Path, damage: bytes | None) -> None:
    draft = proposed(remote)
    forge.open(draft)
    forge.open(proposed(remote, "promoter/api/dev"))
    harm(remote, 1, damage)
    with pytest.raises(InputError, match=f"^{PREFIX}1: .*git push REMOTE :{PREFIX}1"):
        forge.find("main", "promoter/")
    with pytest.raises(InputError, match=f"^{PREFIX}1: "):
        forge.merge(1, draft.head)
    assert forge.show(2).document.state == "open", "the others go on"


@pytest.mark.parametrize("lost", ["merge-request.json", ""])
def test_an_object_that_the_mirror_lost_is_no_damage_of_the_request(
    forge: LocalForge, remote: Path, lost: str
) -> None:
    opened = forge.open(proposed(remote))
    cache = remote.parent / "other"
    mirror = Mirror(str(remote), cache)
    mirror.refresh()
    blob = git(remote, "rev-parse", f"{PREFIX}1:{lost}")
    (file,) = cache.glob(f"*.git/objects/{blob[:2]}/{blob[2:]}")
    file.unlink()
    fresh = LocalForge(mirror, bot=BOT, now=lambda: NOW)
    with pytest.raises(MirrorDamagedError, match="made again at the next look"):
        fresh.find("main", "promoter/")
    assert fresh.find("main", "promoter/") == [opened]


def harm(remote: Path, number: int, damage: bytes | None) -> None:
    broken = commit(
        remote,
        {"other": b""} if damage is None else {"merge-request.json": damage},
        branch="broken",
        parents=(),
    )
    git(remote, "update-ref", f"{PREFIX}{number}", broken)
    git(remote, "update-ref", "-d", "refs/heads/broken")


def test_a_field_of_another_type_is_damage(forge: LocalForge, remote: Path) -> None:
    forge.open(proposed(remote))
    good = json.loads(git(remote, "show", f"{PREFIX}1:merge-request.json"))
    for name in good:
        harm(remote, 1, json.dumps({**good, name: [{"x": 1}]}).encode())
        with pytest.raises(InputError, match="damaged"):
            forge.show(1)
    for bad in (
        {"name": "ci", "head": "x", "state": "fine"},
        {"name": 1, "head": "x", "state": "success"},
    ):
        harm(remote, 1, json.dumps({**good, "checks": [bad]}).encode())
        with pytest.raises(InputError, match="damaged"):
            forge.show(1)
    harm(remote, 1, json.dumps(good).encode())
    assert forge.show(1).document.state == "open"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "served", user="bot", password="s3cret-pw") as running:
        yield running


def test_over_http_a_lost_reply_opens_nothing_twice(server: GitServer, tmp_path: Path) -> None:
    remote = server.create("shop.git", {"web": b"1\n", "api": b"1\n"})
    credentials = Credentials({server.host: Credential("bot", "s3cret-pw")})
    mirror = Mirror(server.url("shop.git"), tmp_path / "cache", credentials)
    forge = LocalForge(mirror, bot=BOT, now=lambda: NOW)
    draft = proposed(remote)
    server.drop_next_reply()
    with pytest.raises(TransientError):
        forge.open(draft)
    opened = forge.open(draft)
    assert (opened.number, opened.url) == (1, f"{server.url('shop.git')}#1")
    assert len(server.pushes) == 1
    server.drop_next_reply()
    with pytest.raises(TransientError):
        forge.merge(1, draft.head)
    assert forge.merge(1, draft.head) == "merged"
    (_, merge) = server.pushes
    assert [ref for ref, _, _ in merge] == [
        *("refs/heads/main", f"refs/heads/{BRANCH}", f"{PREFIX}1"),
    ]
