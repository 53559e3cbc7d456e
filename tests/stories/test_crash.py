"""Killed at every effect and run again: the same world as without the kill."""

from __future__ import annotations

import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from promoter.cli import main
from tests.services.git_server import git_server
from tests.stories.driver import PID_FILE, run_in_child, tell
from tests.stories.effects import Step
from tests.stories.two_shops import CHAPTERS, REPOSITORY, Chapter, TwoShops

LATER = timedelta(seconds=90)  # the second run comes later: its commits have other ids
KILLED = -signal.SIGKILL
LONG_IN_SOAK = [
    pytest.param(each, id=each.title, marks=[pytest.mark.soak] if each in CHAPTERS[1:] else [])
    for each in CHAPTERS
]

_HOOK = f"""\
#!/bin/sh
# Counts the pushes that arrive; at one of them the bot dies, and its push goes on without it.
count=$(( $(cat pushes 2>/dev/null || echo 0) + 1 ))
echo $count > pushes
[ $count -ne $(cat kill-at) ] || kill -KILL $(cat ../{PID_FILE})
"""


@pytest.mark.parametrize("chapter", LONG_IN_SOAK)
def test_a_kill_at_any_effect_leaves_no_trace(chapter: Chapter, tmp_path: Path) -> None:
    tale = tell(chapter, tmp_path)

    def kill_and_run_again(step: Step) -> dict[str, Any]:
        shops = tale.before.copy(tmp_path / f"{step.moment}-{step.number}")
        assert run_in_child(shops, chapter.now, step) == KILLED, step
        if step.moment == "after":
            shutil.rmtree(shops.folder / "cache")  # the next run starts on an empty disk
        assert run_in_child(shops, chapter.now + LATER) == 0, step
        return shops.contents()

    with ThreadPoolExecutor(2) as pool:
        for step, contents in zip(
            tale.steps, pool.map(kill_and_run_again, tale.steps), strict=True
        ):
            assert contents == tale.contents, step


@pytest.mark.parametrize(
    "chapter", [pytest.param(each, id=each.title, marks=pytest.mark.soak) for each in CHAPTERS[:3]]
)
def test_a_push_that_outlives_the_bot_leaves_no_trace(chapter: Chapter, tmp_path: Path) -> None:
    tale = tell(chapter, tmp_path)

    def kill_within_push(number: int) -> dict[str, Any]:
        shops = tale.before.copy(tmp_path / f"within-{number}")
        hook = shops.repository / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK, "utf-8")
        hook.chmod(0o755)
        (shops.repository / "kill-at").write_text(f"{number}\n", "utf-8")
        assert run_in_child(shops, chapter.now) == KILLED, number
        assert run_in_child(shops, chapter.now + LATER) == 0, number
        return shops.contents()

    numbers = range(1, tale.pushes + 1)
    with ThreadPoolExecutor(2) as pool:
        for number, contents in zip(numbers, pool.map(kill_within_push, numbers), strict=True):
            assert contents == tale.contents, f"killed within push {number}"


@pytest.mark.soak
@pytest.mark.parametrize("releases", [("1.1.0",), ("1.1.0", "1.2.0")], ids=["open", "update"])
def test_a_server_that_drops_its_reply_after_the_work_changes_nothing(
    releases: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the command line; production waits for its soak time all the while (exit 3)."""
    *earlier, last = releases
    with git_server(tmp_path) as server:

        def run(shops: TwoShops) -> int:
            code = main(["run", *shops.arguments()])
            capsys.readouterr()
            return code

        before = TwoShops.make(tmp_path / "before", server.url(f"before/{REPOSITORY}"))
        for release in earlier:
            before.publish(release)
            assert run(before) == 3
        before.publish(last)
        calm = before.copy(tmp_path / "calm", server.url(f"calm/{REPOSITORY}"))
        server.pushes.clear()
        assert run(calm) == 3
        pushes = len(server.pushes)
        assert pushes > 5
        for number in range(pushes):
            name = f"dropped-{number}"
            shops = before.copy(tmp_path / name, server.url(f"{name}/{REPOSITORY}"))
            server.drop_next_reply(after=number)
            assert run(shops) in (3, 75), f"the reply to push {number} was dropped"
            assert not server._drops
            assert run(shops) == 3
            assert shops.contents() == calm.contents(), f"the reply to push {number} was dropped"
