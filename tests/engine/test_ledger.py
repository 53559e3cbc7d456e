"""The ledger, on a real bare repository."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.engine.ledger import (
    REF,
    draft_notes,
    read_ended,
    read_journeys,
    read_listed,
    read_published,
    read_queued,
    read_sightings,
    read_wishes,
)
from promoter.engine.ledger_journeys import add_journeys, parse_journeys
from promoter.errors import ConflictError
from promoter.model.image import ImageName, ImageReference
from promoter.model.ledger import (
    Journey,
    Listed,
    Note,
    Published,
    Queued,
    RequestEnd,
    Sighting,
    Wish,
    WishEnd,
)
from promoter.model.ports import MergeRequest
from promoter.model.record import Record
from promoter.model.release import Release
from promoter.model.target import Target
from promoter.repositories.git import GitRepository
from tests.decisions.rules import digest
from tests.engine.shop import NOW, WEB, kustomization, opened
from tests.services.git_server import commit, create_repository, git, refs

API = ImageName.parse("localhost:5000/shop/web/api")
SEEN = Sighting(WEB, "1.0.0", digest("1.0.0"), NOW)
RELEASE = Release.of([ImageReference(WEB, "1.1.0", digest("1.1.0"))])
ASKED = Wish("web", "dev", RELEASE, NOW, "Ada <ada@example.com>")


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = create_repository(tmp_path / "shop.git")
    commit(folder, {"apps/web/dev/kustomization.yaml": kustomization("1.0.0")})
    return folder


@pytest.fixture
def repository(remote: Path, tmp_path: Path) -> GitRepository:
    return opened(remote, tmp_path / "cache")


def keep(repository: GitRepository, *notes: Note) -> bool:
    """Whether there was anything to write."""
    draft = draft_notes(repository, notes)
    if draft is None:
        return False
    (made,) = repository.commit([draft.commit])
    repository.push([draft.move(made)])
    return True


def test_what_is_noted_is_read_by_a_process_with_an_empty_cache(
    repository: GitRepository, remote: Path, tmp_path: Path
) -> None:
    other = Sighting(API, "v2", digest("v2"), NOW + timedelta(hours=1))
    assert keep(repository, SEEN, other, ASKED)
    fresh = opened(remote, tmp_path / "other cache")
    nobody = ImageName.parse("ghcr.io/shop/nobody")
    assert read_sightings(fresh, [WEB, API, nobody]) == {WEB: (SEEN,), API: (other,), nobody: ()}
    assert read_wishes(fresh) == (ASKED,)


def test_the_ledger_is_one_commit_apart_from_the_branches(
    repository: GitRepository, remote: Path
) -> None:
    main = refs(remote)["refs/heads/main"]
    keep(repository, SEEN)
    keep(repository, ASKED)
    assert refs(remote)["refs/heads/main"] == main
    assert git(remote, "rev-list", "--count", REF).strip() == "1"
    assert git(remote, "ls-tree", "-r", "--name-only", REF).split() == [
        "sightings/ghcr.io/shop/web/TAGS",
        "wishes/dev/web",
    ]


def test_a_note_is_written_once(repository: GitRepository) -> None:
    keep(repository, SEEN, ASKED)
    later = Sighting(WEB, "1.0.0", digest("1.0.0"), NOW + timedelta(days=1))
    assert not keep(repository, later, ASKED)
    assert read_sightings(repository, [WEB])[WEB] == (SEEN,)


def test_a_tag_that_was_taken_knowingly_is_known_under_both_digests(
    repository: GitRepository,
) -> None:
    keep(repository, SEEN)
    moved = Sighting(WEB, "1.0.0", digest("other"), NOW + timedelta(days=1))
    keep(repository, moved)
    assert read_sightings(repository, [WEB])[WEB] == (SEEN, moved)


def test_a_newer_wish_takes_the_place_of_an_older_one(repository: GitRepository) -> None:
    keep(repository, ASKED)
    newer = Release.of([ImageReference(WEB, "1.2.0", digest("1.2.0"))])
    again = Wish("web", "dev", newer, NOW + timedelta(hours=1), "ci")
    keep(repository, again)
    assert read_wishes(repository) == (again,)


def test_what_was_asked_for_other_images_stays_beside_it(repository: GitRepository) -> None:
    keep(repository, ASKED)
    worker = Release.of([ImageReference(API, "v2", digest("v2"))])
    beside = Wish("web", "dev", worker, NOW, "another job")
    keep(repository, beside)
    assert read_wishes(repository) == (ASKED, beside)


def test_what_came_to_its_end_is_forgotten_and_nothing_else(repository: GitRepository) -> None:
    elsewhere = Wish("web", "staging", RELEASE, NOW, "ci")
    keep(repository, ASKED, elsewhere)
    end = WishEnd("web", "dev", RELEASE)
    assert keep(repository, end)
    assert read_wishes(repository) == (elsewhere,)
    assert not keep(repository, end)


def test_a_ref_that_names_no_commit_is_an_empty_ledger(
    repository: GitRepository, remote: Path
) -> None:
    blob = git(remote, "rev-parse", "main:apps/web/dev/kustomization.yaml").strip()
    git(remote, "update-ref", REF, blob)
    repository.refresh()
    assert read_wishes(repository) == ()
    assert keep(repository, ASKED)
    assert read_wishes(repository) == (ASKED,)


RECORD = Record("shop", "web", "dev", RELEASE, "registry", "ada")
CLOSED = MergeRequest(
    7,
    "closed",
    "promoter/dev/web",
    "main",
    "a" * 40,
    "Promote web to dev: 1.1.0",
    f"Long text.\n\n<!--\n{chr(10).join(RECORD.trailers())}\n-->\n",
    "https://git.example.com/shop/pull/7",
    closed_by="ada",
    ended_at=NOW,
)


def test_how_a_merge_request_ended_is_told_without_asking_its_forge(
    repository: GitRepository,
) -> None:
    keep(repository, RequestEnd(CLOSED))
    (known,) = read_ended(repository, "main")
    assert known == replace(CLOSED, body="\n".join(RECORD.trailers()))
    assert (Record.parse(known.body), known.kept) == (RECORD, True)
    assert read_ended(repository, "release") == ()
    assert not keep(repository, RequestEnd(CLOSED)), "the same again is nothing new"
    keep(repository, RequestEnd(replace(CLOSED, state="merged", closed_by=None)))
    assert [each.state for each in read_ended(repository, "main")] == ["merged"]


def test_who_merged_it_is_kept_and_an_entry_from_before_has_none(
    repository: GitRepository, remote: Path
) -> None:
    merged = replace(CLOSED, state="merged", closed_by=None, merged_by="ada")
    keep(repository, RequestEnd(merged))
    (known,) = read_ended(repository, "main")
    assert known.merged_by == "ada"
    path = "requests/dev/web"
    (told,) = json.loads(git(remote, "show", f"{REF}:{path}"))
    for odd in (None, 7, "", ["ada"]):
        entry = told | {"merged_by": odd} if odd is not None else dict(told)
        if odd is None:
            del entry["merged_by"]
        data: dict[str, bytes | None] = {path: json.dumps([entry]).encode()}
        commit(remote, data, branch="before")
        git(remote, "update-ref", REF, "refs/heads/before")
        repository.refresh()
        (known,) = read_ended(repository, "main")
        assert (known.number, known.merged_by) == (7, None)


def test_how_a_group_ended_is_kept_with_each_of_its_targets(repository: GitRepository) -> None:
    """A release of the quiet one is known as rejected however often the other one moves."""
    quiet = replace(RECORD, application="quiet")
    group = replace(CLOSED, branch="promoter/dev/all=shop")
    both = "\n".join([*quiet.trailers(), *RECORD.trailers()])
    keep(repository, RequestEnd(replace(group, body=f"Text.\n\n<!--\n{both}\n-->\n")))
    (known,) = read_ended(repository, "main")
    assert (known.body, known.number) == (both, group.number)
    busy = "\n".join(RECORD.trailers())
    later = [replace(group, number=100 + count, body=busy) for count in range(60)]
    keep(repository, *map(RequestEnd, later))
    ended = {each.number: each for each in read_ended(repository, "main")}
    assert Record.parse_all(ended[group.number].body) == (quiet,)
    assert len(ended) == 51


@pytest.mark.parametrize(
    ("key", "value"), [("branch", ["x"]), ("number", "7"), ("state", "open"), ("title", None)]
)
def test_a_merge_request_that_is_damaged_there_is_asked_for_again(
    repository: GitRepository, remote: Path, key: str, value: object
) -> None:
    keep(repository, RequestEnd(CLOSED))
    path = "requests/dev/web"
    (told,) = json.loads(git(remote, "show", f"{REF}:{path}"))
    data = json.dumps([{**told, key: value}, "\x1b[31m"]).encode()
    commit(remote, {path: data}, branch="damaged")
    git(remote, "update-ref", REF, "refs/heads/damaged")
    repository.refresh()
    assert read_ended(repository, "main") == ()


def test_an_image_has_no_more_than_200_lines(repository: GitRepository) -> None:
    keep(repository, *(Sighting(WEB, f"1.{n}.0", digest(str(n)), NOW) for n in range(230)))
    kept = read_sightings(repository, [WEB])[WEB]
    assert [kept[0].tag, kept[-1].tag, len(kept)] == ["1.30.0", "1.229.0", 200]


def test_of_two_writers_one_loses_and_adds_to_what_the_other_wrote(
    repository: GitRepository, remote: Path, tmp_path: Path
) -> None:
    other = opened(remote, tmp_path / "other cache")
    late = draft_notes(other, [ASKED])
    assert late is not None
    keep(repository, SEEN)
    (made,) = other.commit([late.commit])
    with pytest.raises(ConflictError):
        other.push([late.move(made)])
    other.refresh()
    assert keep(other, ASKED)
    assert read_sightings(other, [WEB])[WEB] == (SEEN,)
    assert read_wishes(other) == (ASKED,)


def test_what_is_damaged_is_as_if_it_were_not_there(
    repository: GitRepository, remote: Path
) -> None:
    keep(repository, SEEN, ASKED)
    line = b"2026-02-30T99:00:00Z 1.0.0 sha256:1\nnonsense\n\xff\xfe\n"
    good = f"2026-02-04T09:00:00Z 1.0.0 {SEEN.digest}\n".encode()
    damaged: dict[str, bytes | None] = {
        "sightings/ghcr.io/shop/web/TAGS": line + good,
        "wishes/dev/web": b"[1, 2",
        "wishes/dev/api": b'[{"artifacts": ["ghcr.io/shop/web:1"], "at": 3}, 7]',
        "wishes/dev/object": b"{}",
    }
    commit(remote, damaged, branch="damaged")
    git(remote, "update-ref", REF, "refs/heads/damaged")
    repository.refresh()
    assert [each.digest for each in read_sightings(repository, [WEB])[WEB]] == [SEEN.digest]
    assert read_wishes(repository) == ()


def test_what_was_said_and_queued_and_listed_is_read_again(repository: GitRepository) -> None:
    web = Published("promoter/dev/web", "a" * 40, "pending", "soak: 1h: opens later")
    theirs = Published("", "b" * 40, "success", "not a promotion")
    queued = Queued("promoter/dev/web", "a" * 40, "c" * 40)
    assert keep(repository, web, theirs, queued, Listed("main", NOW))
    assert set(read_published(repository)) == {web, theirs}
    assert read_queued(repository) == (queued,)
    assert (read_listed(repository, "main"), read_listed(repository, "other")) == (NOW, None)
    assert not keep(repository, web, theirs, queued, Listed("main", NOW))


def test_the_last_word_counts(repository: GitRepository) -> None:
    first = Published("promoter/dev/web", "a" * 40, "pending", "waits")
    last = Published("promoter/dev/web", "b" * 40, "success", "all gates pass")
    keep(repository, first, Queued("promoter/dev/web", "a" * 40, "c" * 40))
    keep(repository, last, Queued("promoter/dev/web", "", ""))
    assert read_published(repository) == (last,)
    assert read_queued(repository) == (), "the bot took it out itself"


def test_others_statuses_are_bounded(repository: GitRepository) -> None:
    keep(repository, *(Published("", f"{n:040x}", "success", "theirs") for n in range(600)))
    kept = read_published(repository)
    assert (len(kept), kept[-1].head) == (500, f"{599:040x}")


STAGING = Target("web", "staging", "apps/web/staging")
OFFERED = Journey("web", "staging", RELEASE, NOW)


def after(**time: float) -> datetime:
    return NOW + timedelta(**time)


def test_when_a_release_was_offered_and_each_gate_opened_is_told_by_any_process(
    repository: GitRepository, remote: Path, tmp_path: Path
) -> None:
    production = replace(OFFERED, environment="production", passed=(("soak: 1d", after(days=1)),))
    assert keep(repository, OFFERED, production)
    fresh = opened(remote, tmp_path / "other cache")
    elsewhere = Target("web", "production", "somewhere/else")
    nobody = Target("api", "staging", "apps/api/staging")
    assert read_journeys(fresh, [STAGING, elsewhere, nobody]) == {
        STAGING: (OFFERED,),
        elsewhere: (production,),
        nobody: (),
    }


def test_the_first_time_of_each_step_of_a_journey_wins(repository: GitRepository) -> None:
    keep(repository, OFFERED)
    late = replace(OFFERED, offered_at=after(days=3), passed=(("soak: 1d", after(days=1)),))
    assert keep(repository, late)
    later = replace(late, passed=(("soak: 1d", after(days=2)), ("approvals: 1", after(days=2))))
    assert keep(repository, later)
    assert not keep(repository, later, late, OFFERED), "nothing of it is new"
    steps = (("soak: 1d", after(days=1)), ("approvals: 1", after(days=2)))
    assert read_journeys(repository, [STAGING])[STAGING] == (replace(OFFERED, passed=steps),)


def test_a_target_has_no_more_than_30_journeys(repository: GitRepository) -> None:
    releases = [Release.of([ImageReference(WEB, f"1.{n}.0", digest(str(n)))]) for n in range(35)]
    keep(repository, *(replace(OFFERED, release=each) for each in releases))
    kept = read_journeys(repository, [STAGING])[STAGING]
    assert [each.release for each in kept] == releases[5:]


def test_a_journey_that_is_damaged_is_as_if_it_were_not_there(
    repository: GitRepository, remote: Path
) -> None:
    keep(repository, replace(OFFERED, passed=(("soak: 1d", NOW),)))
    path = "journeys/staging/web"
    (good,) = json.loads(git(remote, "show", f"{REF}:{path}"))
    bad: list[object] = [
        {**good, "offered": "yesterday"},
        {**good, "artifacts": []},
        {**good, "artifacts": "ghcr.io/shop/web"},
        {**good, "passed": 7},
        {**good, "passed": [["soak: 1d"]]},
        {key: value for key, value in good.items() if key != "environment"},
        *("text", None, 7, []),
    ]
    whole = {**good, "passed": [["soak: 1d", "never"], ["approvals: 1", good["offered"]]]}
    for content, expected in (
        (bad, ()),
        ([*bad, whole, good], (replace(OFFERED, passed=(("approvals: 1", NOW),)),)),
        ({"a": good}, ()),
    ):
        data: dict[str, bytes | None] = {path: json.dumps(content).encode()}
        commit(remote, data, branch="damaged")
        git(remote, "update-ref", REF, "refs/heads/damaged")
        repository.refresh()
        assert read_journeys(repository, [STAGING])[STAGING] == expected


@given(st.binary(max_size=60))
def test_no_bytes_in_the_place_of_journeys_stop_anything(data: bytes) -> None:
    assert parse_journeys(data) == []
    assert parse_journeys(add_journeys(data, [OFFERED])) == [OFFERED]


_GATES = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
_TIMES = st.integers(0, 10**8).map(lambda seconds: NOW + timedelta(seconds=seconds))
_SEEN = st.builds(
    Journey,
    st.just("web"),
    st.just("staging"),
    st.sampled_from(
        [Release.of([ImageReference(WEB, f"1.{n}.0", digest(str(n)))]) for n in range(4)]
    ),
    _TIMES,
    st.dictionaries(_GATES, _TIMES, max_size=3).map(lambda gates: tuple(gates.items())),
)


@given(st.lists(_SEEN, max_size=8), st.integers(0, 8))
def test_looks_in_any_batches_leave_the_same_journeys(seen: list[Journey], cut: int) -> None:
    at_once = add_journeys(b"", seen) if seen else b""
    first, rest = seen[:cut], seen[cut:]
    apart = add_journeys(b"", first) if first else b""
    apart = add_journeys(apart, rest) if rest else apart
    assert apart == at_once
    for each in seen:
        assert add_journeys(at_once, [each]) == at_once
        (kept,) = (one for one in parse_journeys(at_once) if one.release == each.release)
        earliest = next(one for one in seen if one.release == each.release)
        assert kept.offered_at == earliest.offered_at
        assert dict(kept.passed).keys() >= dict(each.passed).keys()
