"""The service beside a forge: it looks when somebody says so, and by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from promoter.errors import InputError
from tests.service.bot import HandBot
from tests.stories.github_shop import GitHubShop, open_github_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[GitHubShop]:
    with open_github_shop(tmp_path) as opened:
        yield opened


@pytest.fixture
def bot(shop: GitHubShop) -> HandBot:
    made = HandBot(shop)
    made.start()
    # The rules, and the repository.
    assert made.look() == 2
    return made


def branches(shop: GitHubShop) -> list[str]:
    return sorted(each.branch.removeprefix("promoter/") for each in shop.shop.pulls())


def test_a_push_of_an_image_is_one_look_at_its_application_alone(
    shop: GitHubShop, bot: HandBot
) -> None:
    assert branches(shop) == []
    shop.publish("1.1.0")
    for _ in range(1000):
        assert bot.pushed("shop/api") == 1
    # The first of them began a look, and all that came meanwhile make exactly one more.
    assert bot.look() == 2
    assert branches(shop) == ["dev/api"]
    # The others are found by the poll.
    assert bot.forward(minutes=2, seconds=1) >= 1
    assert branches(shop) == ["dev/api", "dev/cart", "staging/web"]


def test_nobody_follows_another_image(shop: GitHubShop, bot: HandBot) -> None:
    assert bot.pushed("shop/other") == 0
    assert bot.look() == 0


def test_the_forge_says_that_somebody_merged(shop: GitHubShop, bot: HandBot) -> None:
    shop.publish("1.1.0", "api")
    bot.pushed("shop/api")
    bot.look()
    (pull,) = shop.shop.pulls()
    shop.shop.merge(pull.number, "ann")
    assert bot.forge_says() == 1
    bot.forward(minutes=1)
    assert branches(shop) == []


def test_a_rule_file_that_changes_is_in_force_within_seconds(
    shop: GitHubShop, bot: HandBot, caplog: pytest.LogCaptureFixture
) -> None:
    shop.publish("1.1.0")
    file = shop.folder / "rules/services.yaml"
    right = file.read_text("utf-8")
    file.write_text(right.replace("semver", "server"), "utf-8")
    with caplog.at_level(logging.WARNING):
        bot.forward(seconds=11)
    assert "services.yaml:5:" in caplog.text
    assert branches(shop) == []
    # The old version is in force still: by the poll all is found.
    bot.forward(minutes=2)
    assert branches(shop) == ["dev/api", "dev/cart", "staging/web"]
    file.write_text(right.replace("dev: {}", "dev: {merge: automatic}"), "utf-8")
    bot.forward(seconds=11)
    bot.forward(minutes=1)
    assert branches(shop) == ["staging/web"]


def test_without_any_rule_that_is_right_it_does_not_start(shop: GitHubShop) -> None:
    for file in (shop.folder / "rules").iterdir():
        file.write_text("version: 7\n", "utf-8")
    with pytest.raises(InputError, match=r"no rule file can be used: .*services\.yaml"):
        HandBot(shop).start()


def test_a_forge_that_is_down_is_told_once_and_asked_again_soon(
    shop: GitHubShop, bot: HandBot, caplog: pytest.LogCaptureFixture
) -> None:
    shop.publish("1.1.0", "api")
    shop.limit(30)
    with caplog.at_level(logging.INFO):
        assert bot.pushed("shop/api") == 1
        bot.look()
        told = caplog.text.count("127.0.0.1")
        assert told
        bot.forward(seconds=1)
    assert branches(shop) == []
    shop.lift_limits()
    bot.forward(seconds=40)
    assert branches(shop) == ["dev/api"]


def test_a_repository_that_was_down_at_the_last_look_is_looked_at_at_the_next_push(
    shop: GitHubShop, bot: HandBot
) -> None:
    """Which applications follow an image is known from the looks before."""
    away = shop.repository.with_name("away")
    shop.repository.rename(away)
    bot.forward(minutes=2, seconds=1)
    away.rename(shop.repository)
    shop.publish("1.1.0", "api")
    assert bot.pushed("shop/api") == 1
    bot.look()
    assert branches(shop) == ["dev/api"]


def test_it_is_ready_once_it_has_rules_and_until_it_stops(shop: GitHubShop) -> None:
    bot = HandBot(shop)
    bot.start()
    assert bot.service.ready() == (True, "ok")
    assert bot.service.alive() == (True, "ok")
    bot.service.stop(0.0)
    assert bot.service.ready() == (False, "stopping")


def test_two_of_it_at_once_open_one_request(shop: GitHubShop, bot: HandBot) -> None:
    other = HandBot(shop, cache="other")
    other.start()
    other.look()
    shop.publish("1.1.0", "api")
    for each in (bot, other):
        each.pushed("shop/api")
    other.look()
    bot.look()
    assert branches(shop) == ["dev/api"]
    assert [each.what for each in shop.hub.journal].count("opened") == 1


def test_a_look_at_one_application_says_nothing_of_the_others(
    shop: GitHubShop, bot: HandBot, caplog: pytest.LogCaptureFixture
) -> None:
    """The trouble of cart is told once, and not taken back by a look at api."""
    (shop.folder / "registry/shop/cart").rename(shop.folder / "gone")
    with caplog.at_level(logging.INFO, "promoter.service.looks"):
        bot.forward(minutes=3)
        assert caplog.text.count("cart in dev") == 1
        shop.publish("1.1.0", "api")
        bot.pushed("shop/api")
        bot.look()
        bot.forward(minutes=3)
    assert caplog.text.count("cart in dev") == 1
    assert "all is well again" not in caplog.text
