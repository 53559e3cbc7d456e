"""What goes wrong for a while: each begins something, and gives what ends it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service.day import shelf, sky
from tests.service.day.behind import End
from tests.services.github.state import Protection
from tests.stories.forges import TOKEN

if TYPE_CHECKING:
    from tests.service.day.day import Day

Trouble = Callable[["Day"], tuple[str, End]]
"""What to tell of it, and what ends it."""

_REFUSE = """\
#!/bin/sh
[ ! -e {flag} ] || {{ echo "nothing is pushed during the audit" >&2; exit 1; }}
"""
_FULL = """\
#!/bin/sh
case "$GIT_DIR:$1" in
{folder}/cache-{machine}-*:fetch | {folder}/cache-{machine}-*:fast-import \\
| {folder}/cache-{machine}-*:init | {folder}/cache-{machine}-*:hash-object \\
| {folder}/cache-{machine}-*:unpack-objects | {folder}/cache-{machine}-*:commit-tree)
  echo "fatal: write error: No space left on device" >&2
  exit 128 ;;
esac
PATH={path} exec git "$@"
"""


def registry(day: Day) -> tuple[str, End]:
    mood = day.random.choice(shelf.MOODS)
    day.shelf.mood, day.shelf.wait = mood, day.random.choice((5, 60, 600))

    def end() -> None:
        day.shelf.mood = "well"

    return f"the registry is {mood}", end


def forge(day: Day) -> tuple[str, End]:
    mood = day.random.choice(sky.MOODS)
    day.sky.mood, day.sky.wait = mood, day.random.choice((5, 60, 600))
    day.behind.fail_git(503 if mood == "down" else None)

    def end() -> None:
        day.sky.mood = "well"
        day.behind.fail_git(None)

    return f"the forge is {mood}", end


def lag(day: Day) -> tuple[str, End]:
    """The forge's lists tell what was there before."""
    return "the forge's lists lag", day.behind.freeze_lists()


def push_refused(day: Day) -> tuple[str, End]:
    flag = day.world.folder / "audit"
    hook = day.world.repository / "hooks" / "pre-receive"
    hook.write_text(_REFUSE.format(flag=flag), "utf-8")
    hook.chmod(0o755)
    flag.touch()
    return "pushes are refused", lambda: flag.unlink(missing_ok=True)


def protected(day: Day) -> tuple[str, End]:
    """The base takes no merge without a review that nobody gives."""
    if day.world.kind != "github":
        return push_refused(day)
    day.behind.protect(Protection(reviews=2, enforce_admins=True))
    return "main is protected", lambda: day.behind.protect(None)


def forge_token(day: Day) -> tuple[str, End]:
    """The old one ends at once, and the new one is in the file later."""
    new = f"{TOKEN}-{day.next_number()}"
    day.behind.swap_token(new)
    file = day.world.folder / "forge.password"

    def end() -> None:
        replace_file(file, new)

    return "the forge's token has expired", end


def registry_password(day: Day) -> tuple[str, End]:
    day.shelf.password = f"of-the-robot-{day.next_number()}-4d1a"

    def end() -> None:
        replace_file(day.world.folder / "registry.password", day.shelf.password)

    return "the registry's password was changed", end


def clock(day: Day) -> tuple[str, End]:
    machine = day.random.choice(day.machines)
    minutes = day.random.choice((1, 9, 61, 300)) * day.random.choice((1, -1))
    machine.wall.skew = timedelta(minutes=minutes)
    day.soon(5, machine.beat)

    def end() -> None:
        machine.wall.skew = timedelta()
        day.soon(5, machine.beat)

    return f"the clock of {machine.name} jumps by {minutes} minutes", end


def disk(day: Day) -> tuple[str, End]:
    """What git would write there fails."""
    machine = day.random.choice(day.machines)
    folder = day.world.folder / "bin"
    folder.mkdir(exist_ok=True)
    path = os.environ["PATH"]
    text = _FULL.format(folder=day.world.folder, machine=machine.name, path=path)
    replace_file(folder / "git", text)
    (folder / "git").chmod(0o755)
    patch = pytest.MonkeyPatch()
    patch.setenv("PATH", f"{folder}{os.pathsep}{path}")
    return f"the disk of {machine.name} is full", patch.undo


def rules(day: Day) -> tuple[str, End]:
    file = day.world.folder / "rules" / "shop.yaml"
    right = file.read_text("utf-8")
    wrong = day.random.choice(
        (
            right.replace("semver", "server"),
            "version: [",
            right.replace("soak: 30m", "soak: 10m"),
            right.replace("staging: {after: dev}", "staging: {after: dev, merge: automatic}"),
        )
    )
    replace_file(file, wrong)
    return "the rules are other ones", lambda: replace_file(file, right)


def replace_file(file: Path, text: str) -> None:
    """At once, as editors and Kubernetes do."""
    draft = file.with_suffix(".new")
    draft.write_text(text, "utf-8")
    draft.replace(file)


TROUBLES: dict[str, Trouble] = {
    "registry": registry,
    "forge": forge,
    "lists": lag,
    "push": push_refused,
    "protected": protected,
    "forge's token": forge_token,
    "registry's password": registry_password,
    "clock": clock,
    "disk": disk,
    "rules": rules,
}
