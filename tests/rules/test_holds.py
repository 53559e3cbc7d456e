"""Hold files: what they say, what is wrong with them, and how they are written without touching
another byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.errors import Where
from promoter.model.hold import EVERYTHING, Hold, Holds
from promoter.rules.hold_edits import append_hold, remove_hold, replace_hold
from promoter.rules.holds import parse_until, path_of, read_holds

WEB = ".promoter/holds/production/web.yaml"
ALL = ".promoter/holds/_all.yaml"
SIMPLE = "by: ann\nreason: the sale\n"


def one(path: str, text: str) -> Hold:
    (hold,) = read_holds(path, text.encode()).standing
    return hold


def problems(path: str, text: str) -> list[str]:
    holds = read_holds(path, text.encode())
    assert not holds.standing
    return [str(each) for broken in holds.broken for each in broken.problems]


@pytest.mark.parametrize(
    ("path", "applications", "environments"),
    [
        ("production/web.yaml", ("web",), ("production",)),
        ("production/web.yml", ("web",), ("production",)),
        ("production/_all.yaml", ("*",), ("production",)),
        ("_all/web.yaml", ("web",), ("*",)),
        ("_all.yaml", ("*",), ("*",)),
        ("_all/_all.yaml", ("*",), ("*",)),
        ("prod-*/web.v2.yaml", ("web.v2",), ("prod-*",)),
    ],
)
def test_the_path_says_whom_it_concerns(
    path: str, applications: tuple[str, ...], environments: tuple[str, ...]
) -> None:
    hold = one(f".promoter/holds/{path}", SIMPLE)
    assert (hold.applications, hold.environments) == (applications, environments)
    assert (hold.by, hold.reason, hold.until, hold.releases) == ("ann", "the sale", None, ())


def test_the_content_goes_before_the_path() -> None:
    hold = one(WEB, f'{SIMPLE}application: ["web-*", api]\nenvironment: "*"\n')
    assert hold.covers("web-eu", "dev")
    assert hold.covers("api", "staging")
    assert not hold.covers("web", "production")
    assert not hold.covers("WEB-EU", "dev"), "names are case-sensitive"


def test_a_file_elsewhere_must_say_it_all() -> None:
    assert one(".promoter/holds/a/b/c.yaml", f"{SIMPLE}application: web\nenvironment: dev\n")
    assert problems(".promoter/holds/web.yaml", SIMPLE)[0] == (
        ".promoter/holds/web.yaml:1:1: application: is missing: give it, or move the file to"
        " .promoter/holds/ENVIRONMENT/APPLICATION.yaml"
    )
    (broken,) = read_holds(".promoter/holds/web.yaml", SIMPLE.encode()).broken
    assert broken.covers("api", "dev"), "nothing tells whom it concerns: it may be everybody"


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("2026-12-24", datetime(2026, 12, 25, tzinfo=UTC)),
        ("2026-12-24T18:00:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24t18:00:00.5+02:00", datetime(2026, 12, 24, 16, 0, 0, 500000, tzinfo=UTC)),
        ("2026-12-24 18:00-01:30", datetime(2026, 12, 24, 19, 30, tzinfo=UTC)),
    ],
)
def test_until(text: str, until: datetime) -> None:
    hold = one(WEB, f'{SIMPLE}until: "{text}"\n')
    assert hold.until == until
    assert not hold.is_over(until - timedelta(microseconds=1))
    assert hold.is_over(until)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("until: tomorrow", "3:8: until: 'tomorrow' is no time: write a time such as"),
        ('until: "2026-02-30"', "3:8: until: '2026-02-30' is no time"),
        ('until: "9999-12-31"', "3:8: until: '9999-12-31' is no time"),
        ('until: "2026-12-24T18:00:00"', "3:8: until: '2026-12-24T18:00:00' is no time"),
        ("until: 2026-12-24", "3:8: until: '2026-12-24' is a number or a date to some readers"),
        ("release: 1.4", '3:10: release: expected a version such as "1.4.0", found the number'),
        ("release: [1.4.0, 5]", "3:18: release[1]: expected a version"),
        ("release: []", '3:1: release: expected a version such as "1.4.0", or a list of them'),
        ("release: ghcr.io/shop/web", "3:10: release: 'ghcr.io/shop/web' names no version"),
        ("release: a b c", "3:10: release: 'a b c' is no version"),
        ("relase: 1.4.0", "3:1: relase: unknown key; did you mean 'release'?"),
        ("expires: x", "3:1: expires: unknown key; did you mean 'until'?"),
        ("application:", "3:1: application: expected a name or a glob, found nothing"),
        ('environment: ""', "3:1: environment: '' is no name"),
        ("by: bob", "3:1: by: stands twice, first in line 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(line: str, problem: str) -> None:
    (told,) = problems(WEB, f"{SIMPLE}{line}\n")
    assert told.startswith(f"{WEB}:{problem}"), told


def test_what_is_missing_is_told() -> None:
    assert problems(WEB, "until: '2026-12-24'\n") == [
        f"{WEB}:1:1: by: is missing (who holds it)",
        f"{WEB}:1:1: reason: is missing (why it is held)",
    ]
    assert problems(WEB, "# nothing\n---\n...\n") == [
        f"{WEB}: holds no hold: give 'by' and 'reason', or delete the file"
    ]
    assert "a hold is a mapping with 'by' and 'reason', found a list" in problems(WEB, "- a\n")[0]
    (broken,) = read_holds(WEB, b"by: \xff").broken
    assert str(broken.problems[0]) == f"{WEB}: is not UTF-8 text: save it as UTF-8, or delete it"


def test_a_broken_document_holds_what_it_may_concern_and_no_other() -> None:
    """One document that can't be read leaves the others as they are."""
    text = f"{SIMPLE}release: 1.4.0\n---\nby: bob\nenvironment: [staging, 5]\n---\nby: [\n"
    holds = read_holds(WEB, text.encode())
    assert [each.releases for each in holds.standing] == [("1.4.0",)]
    second, third = holds.broken
    assert second.where.line == 5
    assert second.covers("web", "anywhere"), "its list of environments can't be read"
    assert not second.covers("api", "production")
    assert third.where.line == 9, "where the bracket is open"
    assert third.covers("web", "production")
    assert not third.covers("web", "staging")


def test_documents_are_told_apart_by_their_markers() -> None:
    text = (
        'by: ann\r\nreason: >\r\n  a\r\n  --- b\r\n--- # c\r\n{by: bob, reason: "---"}\r\n---\r\n'
    )
    first, second = read_holds(WEB, f"\ufeff{text}".encode()).standing
    assert (first.by, first.reason, first.where.line) == ("ann", "a --- b", 1)
    assert (second.by, second.reason, second.where.line) == ("bob", "---", 6)


def test_thousands_of_documents_are_refused_at_once() -> None:
    assert "more than 500 holds" in problems(WEB, "---\nby: a\n" * 50_000)[0]


# -- writing ----------------------------------------------------------------------------------


BAN = Hold(("web",), ("production",), "ann", "crashes", Where(WEB), ("1.4.0",))
FREEZE = Hold(EVERYTHING, EVERYTHING, "ben", "it moves", Where(ALL))


def test_a_hold_is_written_short_where_its_path_says_the_rest() -> None:
    assert append_hold(b"", FREEZE, ALL) == (
        b'# Taken away by: promoter release-hold --all\nby: "ben"\nreason: "it moves"\n'
    )
    made = append_hold(b"", replace(BAN, applications=("web-*",)), path_of(("web-*",), ("dev",)))
    assert b'application: "web-*"\nenvironment: "production"\nrelease: "1.4.0"\n' in made
    assert path_of(("web-*",), ("dev",)) == ".promoter/holds/dev/web-_.yaml"
    assert path_of(("../../x",), ("_all",)) == ".promoter/holds/_/_.._x.yaml"


def test_a_ban_is_added_in_the_style_of_the_file() -> None:
    before = b"by: ann\r\nreason: the sale   # every year\r\n"
    after = append_hold(before, BAN, WEB)
    assert after == before + (
        b"---\r\n# Taken away by: promoter release-hold web production --release 1.4.0\r\n"
        b'release: "1.4.0"\r\nby: "ann"\r\nreason: "crashes"\r\n'
    )
    hold, ban = read_holds(WEB, after).standing
    assert remove_hold(after, ban) == before
    assert remove_hold(before, hold) is None
    changed = replace_hold(after, ban, replace(ban, reason="loses carts"))
    assert changed == after.replace(b"crashes", b"loses carts")


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: text.split() != []
)
HOLDS = st.builds(
    Hold,
    *(
        st.lists(st.sampled_from(["web", "*", "a-*", "é[ü]", "_all"]), min_size=1, unique=True).map(
            tuple
        )
        for _ in range(2)
    ),
    WORDS.map(lambda text: " ".join(text.split())),
    WORDS.map(lambda text: " ".join(text.split())),
    st.just(Where("")),
    st.lists(st.sampled_from(["1.4.0", "0", "1e5", "ghcr.io/a:b"]), unique=True).map(tuple),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)
LINES = st.lists(
    st.sampled_from(
        [
            "---",
            "...",
            "by: a",
            "reason: b",
            "  - x",
            "release: 'c'",
            "# d",
            "[",
            "\t",
            "until: x",
            "&a *a",
            "%YAML 1.2",
            "é: \U0001f600",
            "\u2028",
            "? |+",
        ]
    )
    | st.text(max_size=8),
).flatmap(lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(lines)))


@given(
    st.binary()
    | st.text().map(lambda t: t.encode("utf-8", "replace"))
    | LINES.map(lambda t: t.encode("utf-8", "replace")),
    st.sampled_from([WEB, ALL, ".promoter/holds/x.yaml", ".promoter/holds//.yaml"]),
)
def test_any_bytes_are_a_hold_or_hold_what_they_may_concern(content: bytes, path: str) -> None:
    holds = read_holds(path, content)
    assert holds != Holds(), "a file that says nothing is a mistake that is told"
    for broken in holds.broken:
        assert broken.problems
        assert all(each.where and each.where.file == path for each in broken.problems)


@given(LINES, HOLDS, st.sampled_from([WEB, ALL]))
def test_what_is_appended_keeps_every_byte_before(text: str, hold: Hold, path: str) -> None:
    before = text.encode("utf-8", "replace")
    after = append_hold(before, hold, path)
    assert after.startswith(before)
    standing = read_holds(path, before).standing
    made = read_holds(path, after).standing
    assert made[: len(standing)] == standing
    if len(made) > len(standing):
        written = replace(made[-1], where=hold.where)
        assert written == hold
        gone = remove_hold(after, made[-1])
        assert gone is None or read_holds(path, gone).standing == standing
    else:
        assert before, "only what stands there can be in the way"


@given(HOLDS, HOLDS, st.booleans())
def test_what_is_written_is_read_back(one: Hold, other: Hold, first: bool) -> None:
    content = append_hold(append_hold(b"", one, WEB), other, WEB)
    held = read_holds(WEB, content)
    assert [replace(each, where=one.where) for each in held.standing] == [one, other]
    chosen, kept = held.standing if first else reversed(held.standing)
    left = remove_hold(content, chosen)
    assert left is not None
    assert [replace(e, where=kept.where) for e in read_holds(WEB, left).standing] == [kept]
    changed = replace_hold(content, chosen, replace(chosen, reason="else"))
    reasons = {each.reason for each in read_holds(WEB, changed).standing}
    assert reasons == {"else", kept.reason}


@given(st.text())
def test_any_text_is_a_time_or_an_error_that_says_what_to_write(text: str) -> None:
    try:
        until = parse_until(text)
    except ValueError as error:
        told = str(error)
    else:
        told = f"{until.tzinfo}"
    assert told == "UTC" or 'write a time such as "2026-12-24T18:00:00Z"' in told
