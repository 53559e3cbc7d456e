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
    """Number 3 is open: web waits for a person before staging."""
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
