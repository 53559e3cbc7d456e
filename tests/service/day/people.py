"""What people and builds do in a day, and what they said that the bot must heed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from promoter.cli.demo_world import HOST
from promoter.service.webhooks.nudge import ImagePushed, Nudge, RepositoryChanged
from tests.service.day.shelf import Shelf
from tests.services.git_server import git
from tests.services.github.state import GitHubError
from tests.stories.forges import APPLICATIONS, NOW, Seen, World, file_of

NOTES = "notes.txt"
STAGES = ("dev", "staging", "production")
Branch = str
"""A target as its branch is called: `staging/web`."""
Version = tuple[int, ...]

_IMAGE = re.compile(rb"^(  - image: )(\S+)(.*)$", re.MULTILINE)
_HOLD = 'by: ann\nreason: not now\nuntil: "{until:%Y-%m-%dT%H:%M:%SZ}"\n'


def version_of(text: bytes) -> Version:
    found = _IMAGE.search(text)
    assert found, text
    tag = found[2].decode().removeprefix(f"{HOST}/shop/").partition(":")[2].partition("@")[0]
    return tuple(int(each) for each in tag.split("."))


def image_line(text: bytes) -> str:
    found = _IMAGE.search(text)
    assert found, text
    return found[0].decode()


def spell(version: Version) -> str:
    return ".".join(map(str, version))


@dataclass
class People:
    """`tell` sends a webhook, if it comes through; `say` writes the log."""

    world: World
    shelf: Shelf
    random: Random
    say: Callable[[str, str], None]
    tell: Callable[[Nudge], None]
    rejected: set[tuple[Branch, Version]] = field(default_factory=set)
    pushed: set[str] = field(default_factory=set)
    """Commits of people on main."""
    ended: set[int] = field(default_factory=set)
    """Requests that ended because somebody deleted their branch."""
    holds: list[str] = field(default_factory=list)
    closed_at: dict[Branch, datetime] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    """Requests whose branch somebody pushed to."""
    builds: int = 0

    # -- builds ------------------------------------------------------------------------------

    def versions(self, name: str) -> list[Version]:
        """Those that a rule may take."""
        tags = self.shelf.tags[f"shop/{name}"]
        return sorted(tuple(map(int, each.split("."))) for each in tags if "-" not in each)

    def build(self) -> None:
        name = self.random.choice(APPLICATIONS)
        newest = self.versions(name)[-1]
        chance = self.random.random()
        if chance < 0.1:  # a fix of what is old
            tag = spell((*newest[:1], max(newest[1] - 1, 0), newest[2] + 50))
            if tag in self.shelf.tags[f"shop/{name}"] or newest[1] == 0:
                return
        elif chance < 0.2:
            tag = f"{spell((newest[0], newest[1] + 1, 0))}-rc.{self.builds}"
        elif chance < 0.5:
            tag = spell((newest[0], newest[1] + 1, 0))
        else:
            tag = spell((*newest[:2], newest[2] + 1))
        self.publish(name, tag)

    def publish(self, name: str, tag: str) -> None:
        self.builds += 1
        at = NOW - timedelta(days=30) + timedelta(minutes=self.builds)
        self.shelf.put(f"shop/{name}", tag, at)
        self.say("build", f"pushed {name}:{tag}")
        self.tell(ImagePushed(f"shop/{name}"))

    # -- people ------------------------------------------------------------------------------

    def act(self) -> None:
        """Somebody does something that can be done now, or changes their mind."""
        acts = (
            *(self.merge,) * 6,
            *(self.approve,) * 6,
            *(self.close, self.reopen, self.delete_branch, self.revert, self.be_faster),
            self.push_to_branch,
            *(self.hold, self.hold, self.release, self.write, self.write),
        )
        self.attempt(self.random.choice(acts))

    def attempt(self, act: Callable[..., str | None], *about: Seen) -> None:
        """Do it, if the forge lets them; the bot hears of it."""
        try:
            done = act(*about)
        except (AssertionError, GitHubError) as error:
            done = f"could not {act.__name__}: {str(error)[:60]}"
        if done:
            self.say("ann", done)
            self.tell(RepositoryChanged((self.world.url,)))

    def opened(self, *stages: str) -> list[Seen]:
        found = [e for e in self.world.requests() if e.state == "open"]
        return [each for each in found if not stages or each.branch.partition("/")[0] in stages]

    def _pick(self, *stages: str) -> Seen | None:
        found = self.opened(*stages)
        return self.random.choice(found) if found else None

    def merge(self) -> str | None:
        found = self._pick("dev", "staging")
        return self.merge_it(found) if found else None

    def approve(self) -> str | None:
        found = self._pick("production")
        return self.approve_it(found) if found else None

    def close(self) -> str | None:
        found = self._pick()
        return self.close_it(found) if found else None

    def merge_it(self, request: Seen) -> str:
        """Who finds that what they wrote themselves collides gives it up."""
        try:
            self.world.merge(request.number, "ann")
        except (AssertionError, GitHubError):
            if request.number not in self.touched:
                raise
            return self.close_it(request)
        return f"merged {request.branch} {self.version_at(request)}"

    def approve_it(self, request: Seen) -> str:
        self.world.approve(request.number, "ann")
        return f"approved {request.branch} {self.version_at(request)}"

    def close_it(self, request: Seen) -> str:
        version = self.version_at(request)
        self.world.close(request.number, "ann")
        self.rejected.add((request.branch, version))
        self.closed_at[request.branch] = self.world.clock.at
        return f"closed {request.branch} {version}"

    def reopen(self) -> str | None:
        """What somebody closed, as long as its branch is there and nothing else comes from it."""
        opened = {each.branch for each in self.opened()}
        tips = self.world.tips()
        for each in reversed(self.world.requests()):
            word = (each.branch, self.version_at(each))
            is_there = tips.get(f"promoter/{each.branch}") == each.head
            if each.state == "closed" and word in self.rejected and is_there:
                if each.branch in opened:
                    return None
                self.world.reopen(each.number, "ann")
                self.rejected.discard(word)
                return f"opened {word[0]} {word[1]} again"
        return None

    def push_to_branch(self) -> str | None:
        """From then on it is theirs."""
        found = self._pick()
        if not found:
            return None
        self.world.push(f"promoter/{found.branch}", {NOTES: b"mine\n"})
        self.touched.add(found.number)
        return f"pushed to the branch of {found.branch}"

    def delete_branch(self) -> str | None:
        found = self._pick()
        if not found:
            return None
        self.world.delete_branch(f"promoter/{found.branch}", "ann")
        self.ended.add(found.number)
        return f"deleted the branch of {found.branch} {self.version_at(found)}"

    def revert(self) -> str | None:
        """What ran before the last landing runs again."""
        branch = self._a_target()
        path = self._path(branch)
        commits = git(
            self.world.repository, "log", "--first-parent", "--format=%H", "main", "--", path
        )
        before = [self.world.file(path, at=each) for each in commits.split()[:2]]
        if len(before) < 2 or version_of(before[1]) >= version_of(before[0]):
            return None
        self.push({path: before[1]}, f"Revert {branch}")
        self.rejected.add((branch, version_of(before[0])))
        return f"took {branch} back from {version_of(before[0])} to {version_of(before[1])}"

    def be_faster(self) -> str | None:
        """Brings by hand what runs upstream."""
        environment, _, name = self._a_target().partition("/")
        at = STAGES.index(environment)
        if at == 0:
            return None
        here, there = file_of(name, environment), file_of(name, STAGES[at - 1])
        old, new = self.world.file(here), self.world.file(there)
        if version_of(new) <= version_of(old):
            return None
        image = _IMAGE.search(new)
        assert image
        text = _IMAGE.sub(lambda found: found[1] + image[2] + found[3], old)
        self.push({here: text}, f"Bring {name} to {environment}")
        return f"brought {environment}/{name} to {version_of(new)} by hand"

    def hold(self) -> str | None:
        environment, _, name = self._a_target().partition("/")
        path = f".promoter/holds/{environment}/{name}.yaml"
        if path in self.holds:
            return None
        until = self.world.clock.at + timedelta(minutes=self.random.choice((7, 45, 200)))
        self.push({path: _HOLD.format(until=until).encode()}, "Hold")
        self.holds.append(path)
        return f"holds {environment}/{name} until {until:%H:%M:%S}"

    def release(self) -> str | None:
        if not self.holds:
            return None
        path = self.holds.pop(self.random.randrange(len(self.holds)))
        self.push({path: None}, "Release")
        return f"released {path}"

    def write(self) -> str | None:
        """Changes something beside the image."""
        branch = self._a_target()
        path = self._path(branch)
        self.push(
            {
                path: b"# "
                + spell((self.random.randrange(100),)).encode()
                + b"\n"
                + self.world.file(path)
            }
        )
        return f"wrote into {path}"

    def push(self, files: Any, message: str = "change") -> None:
        self.pushed.add(self.world.push("main", files, message))

    def _a_target(self) -> Branch:
        return f"{self.random.choice(STAGES)}/{self.random.choice(APPLICATIONS)}"

    def _path(self, branch: Branch) -> str:
        environment, _, name = branch.partition("/")
        return file_of(name, environment)

    def version_at(self, request: Seen) -> Version:
        """What a request brings."""
        return version_of(self.world.file(self._path(request.branch), at=request.head))
