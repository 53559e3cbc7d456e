"""The manifest repository's stories, over real bare repositories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from promoter.access.mirror import Mirror
from promoter.errors import ConflictError, InputError
from promoter.model.image import ImageReference
from promoter.model.ports import BlobChange, CommitDraft, RefMove, Repository
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.repositories.git import GitRepository
from tests.services.git_server import DATE, commit, create_repository, git, refs

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EMAIL = "promoter@example.com"
RECORD = Record(
    "shop", "web", "dev", Release.of([ImageReference.parse("ghcr.io/shop/web:1.2")]), "registry"
)
MESSAGE = "Promote web to 1.2\n\n" + "\n".join(RECORD.trailers()) + "\n"

WEB = "apps/web/values.yaml"
ODD = 'apps/wéb "x"/a b\\c.yaml'
FILES = {
    WEB: b"tag: 1.1\r\nname: web\r\n",
    ODD: b"\xef\xbb\xbfa: 1",
    "apps/web-api/values.yaml": b"tag: 1\n",
    "run.sh": b"#!/bin/sh\n",
    ".gitattributes": b"* text=auto eol=lf ident filter=evil\n",
}


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = create_repository(tmp_path / "shop.git")
    commit(folder, FILES, message="first", modes={"run.sh": "100755"})
    return folder


@pytest.fixture
def repository(remote: Path, tmp_path: Path) -> GitRepository:
    mirror = Mirror(str(remote), tmp_path / "cache")
    return GitRepository(mirror, name="Promoter", email=EMAIL, now=lambda: NOW)


def tip(repository: Repository) -> str:
    return repository.refresh()["refs/heads/main"]


def test_a_tree_is_listed_and_read_byte_for_byte(repository: GitRepository) -> None:
    port: Repository = repository
    tree = port.tree(tip(repository))
    assert [entry.path for entry in tree.list()] == sorted(FILES)
    assert {entry.path: entry.mode for entry in tree.list()}["run.sh"] == "100755"
    assert [entry.path for entry in tree.list("apps/web")] == [WEB]
    assert [entry.path for entry in tree.list("apps/web/")] == [WEB]
    assert [entry.path for entry in tree.list(WEB)] == [WEB]
    assert tree.list("apps/we") == []
    assert tree.read([*FILES, "none", "apps"]) == FILES
    blobs = {entry.path: entry.blob for entry in tree.list()}
    assert port.blobs(blobs.values()) == {blobs[path]: FILES[path] for path in FILES}


def test_links_and_submodules_are_not_read_as_files(
    repository: GitRepository, remote: Path
) -> None:
    first = refs(remote)["refs/heads/main"]
    commit(remote, {"link.yaml": b"run.sh"}, modes={"link.yaml": "120000"})
    index = {"GIT_INDEX_FILE": str(remote / "i")}
    git(remote, "read-tree", "main", environment=index)
    git(
        remote,
        *("update-index", "--add", "--cacheinfo", f"160000,{first},sub"),
        environment=index,
    )
    made = git(remote, "write-tree", environment=index)
    who = {f"GIT_{r}_{k}": "a@b" for r in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
    new = git(remote, "commit-tree", made, "-p", "main", "-m", "sub", environment=who)
    git(remote, "update-ref", "refs/heads/main", new)
    tree = repository.tree(tip(repository))
    assert {entry.path: entry.mode for entry in tree.list()}["link.yaml"] == "120000"
    assert "sub" not in [entry.path for entry in tree.list()]
    assert tree.read(["link.yaml", "sub"]) == {}
    for path, what in (("link.yaml", "symbolic link"), ("sub", "submodule"), ("sub/x", "sub is")):
        with pytest.raises(InputError, match=what):
            repository.commit([CommitDraft(new, {path: b"x"}, "m")])


def test_a_commit_keeps_modes_bytes_and_everything_else(
    repository: GitRepository, remote: Path
) -> None:
    base = tip(repository)
    files = {WEB: b"tag: 1.2\r\nname: web\r\n", "run.sh": b"#!/bin/sh\r\n", "new é/f": b"\x00\n"}
    (made,) = repository.commit([CommitDraft(base, {**files, ODD: FILES[ODD]}, MESSAGE)])
    assert refs(remote) == {"refs/heads/main": base}, "nothing is visible before the push"
    repository.push([RefMove("refs/heads/promoter/web", None, made)])
    modes = {
        line.split("\t")[1]: line.split(" ")[0]
        for line in git(remote, "ls-tree", "-r", "-z", made).split("\0")
        if line
    }
    assert modes == {
        **dict.fromkeys([*FILES, *files], "100644"),
        "run.sh": "100755",
    }
    assert repository.tree(made).read(modes) == {**FILES, **files}
    shown = git(remote, "show", "-s", "--format=%an <%ae>|%cn <%ce>|%ct|%P|%B", made)
    assert shown == (
        f"Promoter <{EMAIL}>|Promoter <{EMAIL}>|{int(NOW.timestamp())}|{base}|{MESSAGE}"
    )
    git(remote, "fsck", "--strict")


def test_many_drafts_are_one_write_and_one_push(repository: GitRepository, remote: Path) -> None:
    base = tip(repository)
    drafts = [CommitDraft(base, {WEB: b"tag: %d" % n}, f"n{n}") for n in range(30)]
    made = repository.commit(drafts)
    assert len(set(made)) == 30
    repository.push([RefMove(f"refs/heads/p/{n}", None, new) for n, new in enumerate(made)])
    for number, new in enumerate(made):
        assert git(remote, "show", f"refs/heads/p/{number}:{WEB}") == f"tag: {number}"
        assert refs(remote)[f"refs/heads/p/{number}"] == new
    assert repository.commit([]) == ()


def test_the_commits_of_a_whole_reconcile_are_one_pack(
    repository: GitRepository, tmp_path: Path
) -> None:
    """`fast-import` keeps what it wrote as one pack where there are 100 objects or more."""
    base = tip(repository)
    before = set(tmp_path.glob("cache/*.git/objects/pack/*.pack"))
    repository.commit([CommitDraft(base, {WEB: b"tag: %d" % n}, f"n{n}") for n in range(110)])
    assert len(set(tmp_path.glob("cache/*.git/objects/pack/*.pack")) - before) == 1


def test_an_author_signs_and_the_bot_still_knows_its_commit(
    repository: GitRepository, remote: Path
) -> None:
    base = tip(repository)
    draft = CommitDraft(base, {WEB: b"new"}, MESSAGE, author="Réné of Release <r@shop.example>")
    (made,) = repository.commit([draft])
    repository.push([RefMove("refs/heads/promoter/web", None, made)])
    shown = git(remote, "show", "-s", "--format=%an <%ae>|%cn <%ce>", made)
    assert shown == f"Réné of Release <r@shop.example>|Promoter <{EMAIL}>"
    branch = repository.branch("promoter/web", base)
    assert branch is not None
    assert branch.own
    git(remote, "fsck", "--strict")


@pytest.mark.parametrize("author", ["Release", "r@shop.example", "<r@x>", "R <r@x> <s@x>", "R <>"])
def test_an_author_that_is_no_person_is_refused(repository: GitRepository, author: str) -> None:
    with pytest.raises(InputError, match="write 'NAME <EMAIL>'"):
        repository.commit([CommitDraft(tip(repository), {WEB: b"x"}, "m", author=author)])


def test_the_same_draft_at_the_same_time_is_the_same_commit(repository: GitRepository) -> None:
    draft = CommitDraft(tip(repository), {WEB: b"x"}, "m")
    assert repository.commit([draft]) == repository.commit([draft])


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("../up", "no path"),
        ("/abs", "no path"),
        ("a//b", "no path"),
        (".git/config", "no path"),
        ("apps/.GIT/x", "no path"),
        ("apps", "is a directory"),
        ("run.sh/x", "run.sh is no directory"),
    ],
)
def test_a_path_that_takes_no_file_is_refused(
    repository: GitRepository, path: str, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        repository.commit([CommitDraft(tip(repository), {path: b"x"}, "m")])
    assert str(caught.value).startswith(path)


def test_a_draft_that_changes_nothing_is_a_mistake_of_the_caller(repository: GitRepository) -> None:
    base = tip(repository)
    with pytest.raises(ValueError, match="would change nothing"):
        repository.commit([CommitDraft(base, {WEB: FILES[WEB]}, "m")])


def test_a_lost_race_is_a_conflict_and_nothing_moved(
    repository: GitRepository, remote: Path
) -> None:
    base = tip(repository)
    (made,) = repository.commit([CommitDraft(base, {WEB: b"x"}, "m")])
    theirs = commit(remote, {"other": b""})
    with pytest.raises(ConflictError):
        repository.push(
            [RefMove("refs/heads/a", None, made), RefMove("refs/heads/main", base, made)]
        )
    assert refs(remote) == {"refs/heads/main": theirs}
    assert tip(repository) == theirs


def test_history_tells_merges_squashes_and_direct_commits(
    repository: GitRepository, remote: Path
) -> None:
    first = refs(remote)["refs/heads/main"]
    topic = commit(remote, {WEB: b"2"}, branch="topic", parents=(first,), date=at(1))
    commit(remote, {WEB: b"3"}, branch="topic", date=at(2))
    commit(remote, {"elsewhere": b"1"}, date=at(3), message="elsewhere")
    top = refs(remote)["refs/heads/topic"]
    main = refs(remote)["refs/heads/main"]
    commit(remote, {WEB: b"3"}, parents=(main, top), date=at(4), message="Merge topic")
    commit(remote, {WEB: b"4", ODD: b"4"}, date=at(5), message="Squash (#2)\n\nbody\x01\n")
    commit(remote, {WEB: None, "apps/web-api/values.yaml": b"9"}, date=at(6), message="direct")
    told = list(repository.landings(tip(repository), ["apps/web", ODD]))
    assert [(each.subject, each.at) for each in told] == [
        ("direct", at(6)),
        ("Squash (#2)", at(5)),
        ("Merge topic", at(4)),
        ("first", DATE),
    ]
    assert topic not in [each.commit for each in told]
    changes = {
        each.subject: {c.path: (text(repository, c.before), text(repository, c.after)) for c in
                       each.changes}
        for each in told
    }  # fmt: skip
    assert changes["direct"] == {WEB: (b"4", None)}
    assert changes["Squash (#2)"] == {WEB: (b"3", b"4"), ODD: (FILES[ODD], b"4")}
    assert changes["Merge topic"] == {WEB: (FILES[WEB], b"3")}
    assert changes["first"] == {WEB: (None, FILES[WEB]), ODD: (None, FILES[ODD])}


def at(hours: int) -> datetime:
    return DATE + timedelta(hours=hours)


def text(repository: GitRepository, blob: str | None) -> bytes | None:
    return repository.blobs([blob])[blob] if blob else None


def test_history_of_the_root_is_everything_and_may_be_left_early(
    repository: GitRepository, remote: Path
) -> None:
    for number in range(5):
        commit(remote, {f"f{number}": b""}, message=f"n{number}")
    head = tip(repository)
    for under in ([], [""], ["."], ["apps", "/"]):
        assert len(list(repository.landings(head, under))) == 6
    assert next(iter(repository.landings(head, []))).subject == "n4"
    assert list(repository.landings(head, ["none"])) == []


def test_a_path_in_history_is_not_a_pattern(repository: GitRepository, remote: Path) -> None:
    commit(remote, {"apps/*/x": b"1"}, message="star")
    commit(remote, {":(top)y": b"1"}, message="magic")
    head = tip(repository)
    assert [each.subject for each in repository.landings(head, ["apps/*"])] == ["star"]
    assert [each.subject for each in repository.landings(head, [":(top)y"])] == ["magic"]


def test_a_change_of_mode_alone_changes_no_blob(repository: GitRepository, remote: Path) -> None:
    commit(remote, {"run.sh": FILES["run.sh"]}, modes={"run.sh": "100644"}, message="chmod")
    told = next(iter(repository.landings(tip(repository), ["run.sh"])))
    assert (told.subject, told.changes) == ("chmod", ())


def test_a_branch_of_the_bots_is_its_own(repository: GitRepository, remote: Path) -> None:
    base = tip(repository)
    (made,) = repository.commit([CommitDraft(base, {WEB: b"new"}, MESSAGE)])
    repository.push([RefMove("refs/heads/promoter/web", None, made)])
    moved = commit(remote, {"elsewhere": b""})
    repository.refresh()
    for against in (base, moved):
        branch = repository.branch("promoter/web", against)
        assert branch is not None
        assert (branch.name, branch.head, branch.own) == ("promoter/web", made, True)
        assert branch.files == ((WEB, b"new"),)
        assert branch.fork == base, "where it left, also when the base went on"
        assert Record.parse(branch.message) == RECORD


Touch = Callable[[Path, str], object]


def by_a_person(remote: Path, base: str) -> None:
    commit(remote, {"notes": b""}, branch="promoter/web")


def without_record(remote: Path, base: str) -> None:
    commit(remote, {"notes": b""}, branch="promoter/web", email=EMAIL)


def merge_of_the_base(remote: Path, base: str) -> None:
    """What "update branch" makes on a forge."""
    moved = commit(remote, {"elsewhere": b""})
    head = refs(remote)["refs/heads/promoter/web"]
    commit(remote, {"elsewhere": b""}, branch="promoter/web", parents=(head, moved))


def merge_with_a_word_of_its_own(remote: Path, base: str) -> None:
    moved = commit(remote, {"elsewhere": b""})
    head = refs(remote)["refs/heads/promoter/web"]
    files = {"elsewhere": b"", "notes": b"slipped in"}
    commit(remote, files, branch="promoter/web", parents=(head, moved))


@pytest.mark.parametrize(
    ("touch", "files"),
    [
        (by_a_person, ((WEB, b"new"), ("notes", b""))),
        (without_record, ((WEB, b"new"), ("notes", b""))),
        (merge_with_a_word_of_its_own, ((WEB, b"new"), ("notes", b"slipped in"))),
    ],
)
def test_a_branch_that_a_person_touched_is_not(
    repository: GitRepository,
    remote: Path,
    touch: Touch,
    files: tuple[tuple[str, bytes], ...],
) -> None:
    base = tip(repository)
    (made,) = repository.commit([CommitDraft(base, {WEB: b"new"}, MESSAGE)])
    repository.push([RefMove("refs/heads/promoter/web", None, made)])
    touch(remote, base)
    branch = repository.branch("promoter/web", tip(repository))
    assert branch is not None
    assert not branch.own
    assert branch.files == files
    taken_in = touch is merge_with_a_word_of_its_own
    assert branch.fork == (tip(repository) if taken_in else base)


def test_a_branch_that_somebody_brought_up_to_date_is_still_the_bots(
    repository: GitRepository, remote: Path
) -> None:
    base = tip(repository)
    (made,) = repository.commit([CommitDraft(base, {WEB: b"new"}, MESSAGE)])
    repository.push([RefMove("refs/heads/promoter/web", None, made)])
    merge_of_the_base(remote, base)
    branch = repository.branch("promoter/web", tip(repository))
    assert branch is not None
    assert (branch.own, branch.files, branch.fork) == (True, ((WEB, b"new"),), tip(repository))
    assert Record.parse(branch.message) == RECORD


def test_two_commits_of_the_bots_and_a_deleted_file(
    repository: GitRepository, remote: Path
) -> None:
    base = tip(repository)
    commit(remote, {WEB: None}, branch="b", parents=(base,), email=EMAIL.upper(), message=MESSAGE)
    commit(remote, {"x": b"1"}, branch="b", email=EMAIL, message=MESSAGE)
    repository.refresh()
    branch = repository.branch("b", base)
    assert branch is not None
    assert (branch.files, branch.own) == (((WEB, None), ("x", b"1")), True)


LINES = b"".join(b"line %d\n" % number for number in range(20))


def test_what_a_merge_would_bring_is_told_without_merging(
    repository: GitRepository, remote: Path
) -> None:
    """Both sides changed one file, far apart: what comes is neither side's content."""
    start = commit(remote, {"shared": LINES})
    changed = LINES.replace(b"line 18\n", b"branch\n")
    files = {"shared": changed, ODD: None, "new": b"1"}
    head = commit(remote, files, branch="topic", parents=(start,))
    base = commit(remote, {"shared": LINES.replace(b"line 1\n", b"base\n"), "run.sh": b"2"})
    before = refs(remote)
    repository.refresh()
    port: Repository = repository
    both = changed.replace(b"line 1\n", b"base\n")
    assert port.merged(base, head) == ((ODD, None), ("new", b"1"), ("shared", both))
    assert port.merged(start, head) == ((ODD, None), ("new", b"1"), ("shared", changed))
    assert port.merged(base, start) == ()
    assert refs(remote) == before


def test_two_that_conflict_bring_nothing_and_are_compared_once(
    repository: GitRepository, remote: Path, tmp_path: Path
) -> None:
    start = tip(repository)
    head = commit(remote, {WEB: b"ours"}, branch="topic", parents=(start,))
    gone = commit(remote, {WEB: None}, branch="gone", parents=(start,))
    base = commit(remote, {WEB: b"theirs"})
    repository.refresh()
    assert [repository.merged(base, each) for each in (head, gone)] == [None, None]
    for cache in tmp_path.glob("cache/*.git"):
        cache.rename(cache.with_suffix(".away"))
    assert repository.merged(base, head) is None, "nobody is asked again"


def test_branches_that_are_gone_merged_or_unrelated(
    repository: GitRepository, remote: Path
) -> None:
    base = tip(repository)
    assert repository.branch("none", base) is None
    commit(remote, {"x": b"1"}, branch="alien", parents=(), email=EMAIL, message=MESSAGE)
    git(remote, "update-ref", "refs/heads/merged", base)
    repository.refresh()
    merged = repository.branch("merged", base)
    assert merged is not None
    assert (merged.files, merged.own, merged.message.strip()) == ((), True, "first")
    assert merged.fork == base
    alien = repository.branch("alien", base)
    assert alien is not None
    assert not alien.own
    assert alien.fork is None
    git(remote, "update-ref", "-d", "refs/heads/merged")
    repository.refresh()
    assert repository.branch("merged", base) is None


def test_an_empty_repository(tmp_path: Path) -> None:
    remote = create_repository(tmp_path / "empty.git")
    mirror = Mirror(str(remote), tmp_path / "cache")
    repository = GitRepository(mirror, name="Promoter", email=EMAIL, now=lambda: NOW)
    assert repository.refresh() == {}
    with pytest.raises(InputError, match="is empty"):
        repository.default_branch()


def test_a_name_that_would_forge_a_commit_is_refused(tmp_path: Path) -> None:
    mirror = Mirror(str(tmp_path / "r.git"), tmp_path / "cache")
    with pytest.raises(InputError, match="can't sign"):
        GitRepository(mirror, name="x> 0 +0000\nfrom", email=EMAIL, now=lambda: NOW)


def test_names_that_are_no_utf_8_survive(repository: GitRepository, remote: Path) -> None:
    odd = b"apps/web/\xff.yaml".decode("utf-8", "surrogateescape")
    commit(remote, {odd: b"1"})
    base = tip(repository)
    assert repository.tree(base).read([odd]) == {odd: b"1"}
    (made,) = repository.commit([CommitDraft(base, {odd: b"2"}, "m")])
    assert repository.tree(made).read([odd]) == {odd: b"2"}
    (told, *_) = repository.landings(base, ["apps/web"])
    assert told.changes == (BlobChange(odd, None, repository.tree(base).list(odd)[0].blob),)
