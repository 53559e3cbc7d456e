"""Who acts with `promoter mr`: a person, and never by accident the bot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from promoter.cli.demo_world import DemoWorld
from tests.services.git_server import git
from tests.stories.shop import Terminal


@pytest.fixture
def promoter(world: DemoWorld) -> Terminal:
    """Number 3 is open: api waits for a person before staging."""
    del world
    terminal = Terminal()
    terminal("run")
    return terminal


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user: no name in the environment, no entry in the system's list, no home."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)


@pytest.mark.parametrize(
    "who", ["promoter", "Promoter@LocalHost", "Me <promoter@localhost>"], ids=["login", "-", "as"]
)
def test_a_person_with_the_bots_address_is_refused(
    promoter: Terminal, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    if who == "promoter":
        monkeypatch.setenv("LOGNAME", who)
        said = promoter("mr", "close", "3", expect=64)
    else:
        said = promoter("mr", "close", "3", "--as", who, expect=64)
    said.line("error: promoter mr:", "is the bot's own", "--as 'NAME <EMAIL>'")
    assert promoter("mr", "close", "3", "--as", "ann").line("!3 closed")


@pytest.mark.usefixtures("nobody")
def test_a_user_without_a_name_says_who_acts(promoter: Terminal) -> None:
    said = promoter("mr", "close", "3", expect=64)
    said.line("error: promoter mr: this user has no login name: say who you are with --as")
    assert promoter("mr", "close", "3", "--as", "ann").line("!3 closed")


@pytest.mark.usefixtures("nobody", "world")
def test_a_user_without_a_home_says_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMOTER_CACHE")
    said = Terminal()("status", expect=64)
    said.line("error: this user has no home directory: set PROMOTER_CACHE, or give --cache DIR")


def test_another_branch_in_the_rule_moves_what_is_open(
    promoter: Terminal, world: DemoWorld
) -> None:
    git(Path(world.repository.removeprefix("file://")), "branch", "release", "main")
    rules = Path(world.environment["PROMOTER_RULES"]) / "shop.yaml"
    rules.write_text(rules.read_text().replace("branch: main", "branch: release"))
    promoter("run")
    promoter("mr", "show", "3").line("merges into release instead of main")
    assert promoter("run").out.startswith("nothing to do")


ANN = ("--as", "Ann <ann@example.com>")


def test_labels_are_put_on_listed_and_taken_away(promoter: Terminal) -> None:
    promoter("mr", "label", "3", "promoter/hold", *ANN).line("!3 labels: promoter/hold: ")
    promoter("mr", *ANN, "label", "3", "looks  good").line("!3 labels: promoter/hold, looks good: ")
    promoter("mr", "list").line("!3", "open", "[promoter/hold, looks good]")
    requests = promoter("mr", "list", "--output", "json").json["merge_requests"]
    assert {each["number"]: (each["labels"], each["draft"]) for each in requests}[3] == (
        *(["promoter/hold", "looks good"], False),
    )
    promoter("mr", "show", "3").line("labels: promoter/hold, looks good")
    promoter("mr", "unlabel", "3", "promoter/hold", *ANN)
    promoter("mr", "unlabel", *ANN, "3", "looks good").line("!3 labels: none: ")
    said = promoter("mr", "unlabel", "3", "gone", *ANN, expect=64)
    said.line("error: !3 has no label 'gone'; its labels: none")


def test_a_draft_is_shown_as_one_and_merged_when_it_is_ready(promoter: Terminal) -> None:
    promoter("mr", "draft", "3", *ANN).line("!3 is a draft: ")
    promoter("mr", "list").line("!3", "draft")
    promoter("mr", "show", "3").line("draft, promoter/staging/api at ")
    said = promoter("mr", "merge", "3", *ANN, expect=64)
    said.line("error: !3 is a draft: make it ready by `promoter mr ready 3`")
    promoter("mr", "ready", "3", *ANN).line("!3 is ready: ")
    promoter("mr", "merge", "3", *ANN).line("!3 merged: ")
    said = promoter("mr", "draft", "3", *ANN, expect=64)
    said.line("error: !3 is merged already: only an open one can be changed")


def test_what_people_and_pipelines_said_is_shown(promoter: Terminal) -> None:
    promoter("mr", "comment", "3", "After the sale, please.\n\n<!-- mark -->\nAnn", *ANN)
    words = ("3", "smoke test", "failure", "--text", "2 of 12", "--url", "https://ci.example.com/7")
    promoter("mr", "check", *words, *ANN).line("!3 smoke test is failure at ")
    promoter("mr", "check", "3", "lint", "success", *ANN)
    shown = promoter("mr", "show", "3").out
    assert "checks:\n  lint        success\n  smoke test  failure  2 of 12  https://ci.exa" in shown
    assert "ann@example.com said:\n  After the sale, please.\n\n\n  Ann\n" in shown
    assert "mark" not in shown
    told = promoter("mr", "show", "3", "--output", "json").json
    assert [each["name"] for each in told["checks"]] == ["lint", "smoke test"]
    assert told["checks"][1]["url"] == "https://ci.example.com/7"
    (comment,) = told["comments"]
    assert (comment["by"], comment["text"][:9]) == ("ann@example.com", "After the")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "required: ACTION"),
        (("shwo",), "invalid choice: 'shwo'"),
        (("show",), "required: NUMBER"),
        (("label", "3"), "required: NAME"),
        (("label", "3", " "), "NAME: is empty"),
        (("comment", "3", "not", "quoted"), "unknown argument quoted"),
        (("check", "3", "ci", "fine"), "invalid choice: 'fine' (choose from 'success'"),
        (("list", "--outptu", "json"), "did you mean --output?"),
        (("show", "7"), "has no merge request !7"),
    ],
)
def test_a_wrong_word_is_told(promoter: Terminal, words: tuple[str, ...], told: str) -> None:
    promoter("mr", *words, expect=64).line("error: ", told)


def test_a_password_in_what_is_said_stays_secret(promoter: Terminal) -> None:
    url = "https://ann:s3cret-pw@ci.example.com/7"
    promoter("mr", "comment", "3", f"see {url}", *ANN)
    promoter("mr", "check", "3", "ci", "success", "--url", url, *ANN)
    told = promoter("mr", "show", "3", "--output", "json")
    assert "ci.example.com/7" in told.json["checks"][0]["url"]
    assert "s3cret-pw" not in told.text
