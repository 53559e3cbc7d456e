"""Ten days of one shop: three environments, two regions, and all that people do to releases.

The whole story stands in golden/ten_days.txt: what people did (`*`), what the bot did at each look,
and where everything stood at the end of each day. Where it is another on purpose,
PROMOTER_TEST_WRITE_GOLDEN=1 writes it anew, to be read and reviewed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from promoter.cli.demo_world import HOST
from promoter.registries.layout_writer import write_image
from tests.services.git_server import commit, create_repository, git
from tests.stories.local_world import LocalWorld

GOLDEN = Path(__file__).parent / "golden" / "ten_days.txt"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PLACES = ("dev", "staging", "production-eu", "production-us")
PATHS = {
    "dev": "apps/{}/dev.yaml",
    "staging": "apps/{}/staging.yaml",
    "production-eu": "apps/{}/production/eu.yaml",
    "production-us": "apps/{}/production/us.yaml",
}
ENVIRONMENTS = """\
  dev: {merge: automatic}
  staging:
    after: dev
    merge: automatic
    require: [{soak: 1h}]
  production:
    after: staging
    path: apps/{application}/production/{region}.yaml
    each: {region: [eu, us]}
    waves: [{region: eu}, {region: us, require: [{soak: 4h}]}]
    merge: automatic
    require:
      - soak: 12h
      - approvals: 1
      - window: {allow: "0 8 * * mon-fri", for: 9h, timezone: Europe/Berlin}
"""
_POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
  - image: {host}/shop/{name}:1.0.0   # moved by the bot
"""
_COMMIT = re.compile(r"\b[0-9a-f]{8,40}\b")
_URL = re.compile(r"file://\S+?#(\d+)")


@dataclass
class Story:
    world: LocalWorld
    told: list[str] = field(default_factory=list)

    # -- time -------------------------------------------------------------------------------

    def day(self, number: int, what: str) -> None:
        if self.told:
            self.told += ["", *self._standing()]
        at = MONDAY + timedelta(days=number - 1)
        self.told += ["", f"== day {number}, {at:%A}: {what}"]
        self._today = at

    def at(self, time: str) -> None:
        """The clock; it never goes back."""
        hours, _, minutes = time.partition(":")
        at = self._today + timedelta(hours=int(hours), minutes=int(minutes or 0))
        assert at >= self.world.clock.at, f"{time} is over"
        self.world.clock.at = at

    # -- what people do -----------------------------------------------------------------------

    def builds(self, version: str) -> None:
        write_image(
            self.world.folder / "registry",
            "shop/web",
            version,
            created=self.world.clock.at,
            labels={"of": version},
        )
        self._tell(f"* a build pushes {version}")

    def approves(self, place: str, who: str = "ann") -> None:
        number = self._number(place)
        self.world.approve(number, who)
        self._tell(f"* {who} approves #{number}, {self.world.request(place + '/web').title}")

    def closes(self, place: str, who: str) -> None:
        number = self._number(place)
        self.world.close(number, who)
        self._tell(f"* {who} closes #{number}, {self.world.request(place + '/web').title}")

    def reverts(self, place: str, who: str) -> None:
        """The last commit that touched the file, as `git revert` does."""
        path = PATHS[place].format("web")
        last = git(self.world.repository, "log", "-1", "--format=%H", "main", "--", path).strip()
        before = git(self.world.repository, "show", f"{last}^:{path}").encode() + b"\n"
        date = self.world.clock.tick()
        commit(self.world.repository, {path: before}, message="Revert", date=date, branch="main")
        self._tell(f"* {who} reverts the last change of {place} in Git")

    def says(self, *words: str, expect: int = 0) -> None:
        """A command on somebody's machine."""
        shown = " ".join(f"'{word}'" if " " in word else word for word in words)
        self._tell(f"* $ promoter {shown}")
        said = self.world.promoter(*words, expect=expect)
        for line in said.out.splitlines():
            if line and line.startswith(("opened", "updated", "merged", "closed", "COMMITTED")):
                self._tell(f"    {self._masked(line)}")

    # -- what the bot does ----------------------------------------------------------------------

    def look(self, time: str = "") -> None:
        """`promoter run`, as every few minutes; told where it does something."""
        if time:
            self.at(time)
        self.world.clock.pass_by(minutes=1)
        said = self._run()
        done, _, _ = said.partition("\n\n")
        lines = [] if done.startswith("nothing") else done.splitlines()
        for line in lines or ["nothing to do"]:
            self._tell(f"  {self._masked(line)}")

    def _run(self) -> str:
        """Ends with 0, or 3 where something waits; anything else is no part of this story."""
        terminal = self.world.promoter
        try:
            return terminal("run").out
        except AssertionError:
            assert terminal.said[-1].code == 3, terminal.said[-1].text
            return terminal.said[-1].out

    def why(self, place: str) -> None:
        said = self.world.promoter("plan", "--output", "json").json
        (found,) = (each for each in said["decisions"] if each["environment"] == place)
        self._tell(f"  {place} is {found['state']}: {self._masked(found['why'])}")

    # -- the text ------------------------------------------------------------------------------

    def _tell(self, line: str) -> None:
        self.told.append(f"{self.world.clock.at:%H:%M} {line}".rstrip())

    def _standing(self) -> list[str]:
        """Where everything stands, and what is open."""
        runs = ", ".join(f"{place} {self._version(place)}" for place in PLACES)
        opened = ", ".join(f"#{each.number} {each.title}" for each in self.world.open().values())
        return [f"   runs: {runs}", *([f"   open: {opened}"] if opened else [])]

    def _version(self, place: str) -> str:
        text = self.world.file(PATHS[place].format("web")).decode()
        return text.partition("shop/web:")[2].partition("@")[0].split()[0]

    def _number(self, place: str) -> int:
        return self.world.open()[f"{place}/web"].number

    def _masked(self, text: str) -> str:
        return _COMMIT.sub("COMMIT", _URL.sub(r"#\1", text).replace(self.world.url, "the shop"))


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    files = {
        path.format("web"): _POD.format(name="web", host=HOST).encode() for path in PATHS.values()
    }
    create_repository(tmp_path / "manifests.git", files)
    world = LocalWorld(tmp_path, monkeypatch)
    world.clock.at = MONDAY
    world.prepare()
    world.write_rules(ENVIRONMENTS)
    return Story(world)


def chapters() -> list[Callable[[Story], None]]:
    return [
        *(_first_release, _two_overtake, _freeze, _the_freeze_ends, _weekend, _sunday),
        *(_rollback, _hotfix, _no, _revert),
    ]


def _first_release(story: Story) -> None:
    story.day(1, "a release begins its way")
    story.at("8:00")
    story.look()
    story.at("9:00")
    story.builds("1.1.0")
    story.look()
    story.look("9:30")
    story.why("staging")
    story.look("10:05")
    story.look("22:10")
    story.why("production-eu")


def _two_overtake(story: Story) -> None:
    story.day(2, "two releases, and the second one overtakes the first")
    story.look("7:30")
    story.approves("production-eu")
    story.look("9:00")
    story.at("9:10")
    story.builds("1.2.0")
    story.look()
    story.at("9:40")
    story.builds("1.3.0")
    story.look()
    story.why("staging")
    story.look("10:45")
    story.look("13:05")
    story.why("production-us")
    story.approves("production-us", "ben")
    story.look()


def _freeze(story: Story) -> None:
    story.day(3, "a freeze of everything")
    story.look("8:00")
    story.approves("production-eu")
    story.at("8:10")
    story.says(
        *("hold", "--all", "--reason", "the data center moves", "--until", "26h", "--as", "carol")
    )
    story.look("9:00")
    story.at("10:00")
    story.builds("1.4.0")
    story.look()
    story.why("dev")
    story.why("production-eu")


def _the_freeze_ends(story: Story) -> None:
    story.day(4, "the freeze ends by itself, in the middle of the window")
    story.look("9:00")
    story.look("10:11")
    story.look("11:20")
    story.look("14:30")
    story.why("production-us")
    story.approves("production-us", "ben")
    story.look()


def _weekend(story: Story) -> None:
    story.day(6, "the weekend: what is approved waits for the window")
    story.look("9:00")
    story.approves("production-eu")
    story.look("12:00")
    story.why("production-eu")


def _sunday(story: Story) -> None:
    story.day(7, "nothing happens")
    story.look("12:00")


def _rollback(story: Story) -> None:
    story.day(8, "it goes wrong, goes back, and a hotfix goes past staging")
    story.look("8:30")
    story.at("9:30")
    story.says(
        *("rollback", "web", "production-eu", "--now"),
        *("--reason", "carts are lost", "--as", "ann"),
    )
    story.look()
    story.why("production-eu")
    story.why("production-us")


def _hotfix(story: Story) -> None:
    story.at("10:00")
    story.builds("1.3.1")
    story.says(
        *("promote", "web", "--to", "production-eu", "--image", f"{HOST}/shop/web:1.3.1"),
        *("--skip", "dev", "--skip", "staging", "--reason", "carts are lost", "--as", "ann"),
        expect=3,
    )
    story.look()
    story.approves("production-eu", "ben")
    story.look()
    story.look("13:30")
    story.why("production-us")
    story.look("14:05")
    story.approves("production-us", "ann")
    story.look()
    story.why("staging")


def _no(story: Story) -> None:
    story.day(9, "a person says no")
    story.look("8:00")
    story.at("9:00")
    story.builds("1.5.0")
    story.look()
    story.look("10:10")
    story.look("22:30")
    story.closes("production-eu", "ben")
    story.look()
    story.why("production-eu")


def _revert(story: Story) -> None:
    story.day(10, "a person takes something back in Git")
    story.at("9:00")
    story.reverts("staging", "ann")
    story.look()
    story.why("staging")
    story.why("production-eu")
    story.look("10:00")
    story.at("11:00")
    story.builds("1.6.0")
    story.look()
    story.look("12:10")
    story.told += ["", *story._standing()]


def test_ten_days(story: Story) -> None:
    for chapter in chapters():
        chapter(story)
    text = "\n".join(story.told).lstrip("\n") + "\n"
    if os.environ.get("PROMOTER_TEST_WRITE_GOLDEN"):
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")
    story.world.settle(expect=_last_code(story))


def _last_code(story: Story) -> int:
    return next(each.code for each in reversed(story.world.promoter.said) if each.words == ("run",))
