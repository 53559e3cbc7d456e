"""`promoter wait`: time passes in the test, and things happen while the job sleeps."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from promoter.app import build, read_clock
from promoter.cli.call import read_words
from promoter.cli.demo_world import HOST, DemoWorld
from promoter.cli.wait import wait
from promoter.errors import InputError, TransientError
from promoter.settings import load_settings
from tests.cli.ci import clear_ci, read_github
from tests.services.git_server import refs
from tests.stories.shop import ALICE, Terminal

PROMOTER = (sys.executable, "-m", "promoter")
IMAGE = f"{HOST}/shop/web"
Happening = Callable[[], object]


def nothing() -> None:
    """A quiet while."""


@dataclass
class Job:
    """A CI job that waits: each time it sleeps the next thing happens. `slept` are its naps."""

    promoter: Terminal
    capture: pytest.CaptureFixture[str]
    now: datetime = field(default_factory=read_clock)
    slept: list[float] = field(default_factory=list)
    out: str = ""
    err: str = ""

    def waits(self, *words: str, while_: Sequence[Happening] = ()) -> int:
        """The exit code of `promoter wait`."""
        happenings: Iterator[Happening] = iter(while_)

        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.now += timedelta(seconds=seconds)
            next(happenings, nothing)()

        self.capture.readouterr()
        arguments = read_words("wait", words)
        settings = load_settings({"output": getattr(arguments, "output", None)})
        code = wait(build(settings, lambda: self.now), arguments, sleep)
        self.out, self.err = self.capture.readouterr()
        assert next(happenings, None) is None, "it ended before all of this happened"
        return code

    def says(self, *words: str, expect: int = 0) -> Happening:
        """Somebody calls the product meanwhile."""
        return lambda: self.promoter(*words, expect=expect)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Job:
    clear_ci(monkeypatch)
    return Job(Terminal(), capsys)


@pytest.fixture
def proposed(job: Job, world: DemoWorld) -> DemoWorld:
    """1.1.0 of web runs in dev, and its merge request 2 for staging is open."""
    job.promoter("promote", "web", "--to", "dev")
    job.promoter("promote", "web", "--to", "staging")
    return world


@pytest.mark.usefixtures("proposed")
class TestMerged:
    def test_until_a_person_merges(self, job: Job) -> None:
        merge = job.says("mr", "merge", "2", "--as", ALICE)
        assert job.waits("web", "staging", while_=(nothing, merge)) == 0
        assert job.slept == [15.0, 15.0]
        assert job.out.splitlines()[0].startswith("web in staging: current 1.1.0 (release ")
        assert job.err == ""

    def test_it_looks_and_touches_nothing(self, job: Job, world: DemoWorld) -> None:
        before = refs(world.folder / "manifests.git")
        assert job.waits("web", "staging", "--timeout", "1m") == 3
        assert refs(world.folder / "manifests.git") == before

    def test_what_runs_already_is_answered_at_once(self, job: Job) -> None:
        assert job.waits("web", "dev") == 0
        assert job.slept == []

    def test_a_person_who_closes_it_ends_the_wait(self, job: Job) -> None:
        close = job.says("mr", "close", "2", "--as", ALICE)
        assert job.waits("web", "staging", while_=(close,)) == 3
        assert job.slept == [15.0]
        assert job.out.startswith("web in staging: rejected\n")
        assert job.err.startswith("error: 1.1.0 is not merged in staging: alice@example.com closed")

    def test_time_is_up(self, job: Job) -> None:
        assert job.waits("web", "staging", "--timeout", "40s", "--every", "20s") == 3
        assert job.slept == [20.0, 20.0]
        assert job.out.startswith("web in staging: proposed\n")
        assert "requested" not in job.out, "nobody asked for it: the job looks on"
        assert job.err.startswith("error: 1.1.0 is not merged in staging within 40s: merge request")

    def test_a_later_one_that_is_merged_will_do(self, job: Job, world: DemoWorld) -> None:
        """The request is updated in place while the job waits for what it was first."""

        def a_newer_build() -> None:
            world.publish("web", "1.2.0")
            job.promoter("run", expect=0)

        merge = job.says("mr", "merge", "2", "--as", ALICE)
        assert job.waits("web", "staging", while_=(a_newer_build, nothing, merge)) == 0
        assert len(job.slept) == 3
        assert job.out.startswith("web in staging: held-back, nothing to do for 1.1.0")

    def test_a_later_one_that_runs_will_do_while_the_next_is_open(
        self, job: Job, world: DemoWorld
    ) -> None:
        job.promoter("mr", "merge", "2", "--as", ALICE)
        world.publish("web", "1.2.0")
        job.promoter("run", expect=3)
        assert job.waits("web", "staging", "--image", f"{IMAGE}:1.0.0") == 0
        assert job.waits("web", "staging", "--image", f"{IMAGE}:1.1.0") == 0
        assert job.slept == []
        assert job.waits("web", "staging", "--timeout", "1m") == 3, "1.2.0 is what is offered"

    def test_a_release_by_its_id(self, job: Job) -> None:
        shown = job.promoter("why", "web", "staging", "--output", "json").json["decision"]
        release = shown["offered"]["id"]
        merge = job.says("mr", "merge", "2", "--as", ALICE)
        assert job.waits("web", "staging", "--release", release, while_=(merge,)) == 0
        assert job.waits("web", "staging", "--release", release) == 0
        assert len(job.slept) == 1

    def test_an_id_that_nothing_has_is_a_slip(self, job: Job) -> None:
        shown = job.promoter("why", "web", "staging", "--output", "json").json["decision"]
        offered, running = shown["offered"]["id"], shown["running"]["id"]
        with pytest.raises(InputError) as caught:
            job.waits("web", "staging", "--release", "0" * 8)
        known = f"known: 1.1.0 ({offered}), 1.0.0 ({running})"
        assert str(caught.value) == f"no release 00000000 is known in staging; {known}"
        assert job.slept == []

    def test_an_id_whose_merge_request_has_ended_is_known(self, job: Job, world: DemoWorld) -> None:
        words = ("why", "web", "staging", "--output", "json")
        first = job.promoter(*words).json["decision"]["offered"]["id"]
        world.publish("web", "1.2.0")
        job.promoter("run")
        job.promoter("mr", "merge", "2", "--as", ALICE)
        assert job.waits("web", "staging", "--release", first) == 0
        assert job.out.startswith("web in staging: held-back, nothing to do for 1.1.0 (release ")

    def test_an_id_that_runs_upstream_only_may_come_yet(self, job: Job) -> None:
        shown = job.promoter("why", "web", "staging", "--output", "json").json["decision"]
        release = shown["offered"]["id"]
        assert job.waits("web", "production", "--release", release, "--timeout", "1m") == 3
        assert job.err.startswith("error: 1.1.0 is not merged in production within 1m: ")

    def test_what_it_answers_is_handed_on(
        self, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
        merge = job.says("mr", "merge", "2", "--as", ALICE)
        assert job.waits("web", "staging", "--output", "json", while_=(merge,)) == 0
        assert '"reached": true' in job.out
        told = read_github((tmp_path / "output").read_text())
        assert (told["state"], told["merge-request-number"]) == ("current", "2")


class TestNobodyAsked:
    """What `wait` names is no wish: it says what is so, not what would be if somebody asked."""

    def test_is_told_and_waited_out(self, job: Job, world: DemoWorld) -> None:
        world.publish("web", "1.2.0-rc.1")
        words = ("web", "dev", "--image", f"{IMAGE}:1.2.0-rc.1", "--timeout", "30s")
        assert job.waits(*words, "--for", "opened") == 3
        assert job.slept == [15.0, 15.0]
        assert job.err == (
            "error: 1.2.0-rc.1 is not opened in dev within 30s: nobody asked for 1.2.0-rc.1 here,"
            " and the rule offers 1.1.0; `promoter promote web --to dev --image ...` asks for it\n"
        )
        assert job.out.startswith("web in dev: promoting\n"), "of 1.1.0, as `why` has it"

    def test_until_somebody_does(self, job: Job, world: DemoWorld) -> None:
        job.promoter("promote", "web", "--to", "dev")
        world.publish("web", "1.2.0-rc.1")
        image = ("--image", f"{IMAGE}:1.2.0-rc.1")
        assert job.waits("web", "dev", *image, "--timeout", "15s", "--output", "json") == 3
        told = json.loads(job.out)["promotion"]
        assert (told["state"], told["merge_request"]) == ("waiting", None)
        assert told["why"].startswith("nobody asked for 1.2.0-rc.1 here, and the rule does not")
        asks = job.says("promote", "web", "--to", "dev", *image)
        assert job.waits("web", "dev", *image, while_=(nothing, asks)) == 0
        assert job.out.startswith("web in dev: current 1.2.0-rc.1 ")


class TestOtherGoals:
    def test_opened(self, job: Job, world: DemoWorld) -> None:
        job.promoter("promote", "web", "--to", "dev")
        opens = job.says("promote", "web", "--to", "staging")
        assert job.waits("web", "staging", "--for", "opened", while_=(nothing, opens)) == 0
        assert job.out.startswith("web in staging: proposed 1.1.0")

    def test_current_is_merged_with_nothing_newer_on_its_way(
        self, job: Job, world: DemoWorld
    ) -> None:
        job.promoter("promote", "web", "--to", "dev")
        world.publish("web", "1.2.0")
        words = ("web", "dev", "--image", f"{IMAGE}:1.1.0")
        assert job.waits(*words, "--for", "merged") == 0
        run = job.says("promote", "web", "--to", "dev")
        assert job.waits(*words, "--for", "current", while_=(nothing, run)) == 0

    def test_a_release_that_comes_only_later(self, job: Job, world: DemoWorld) -> None:
        """Nothing is offered to production at the first look."""
        job.promoter("promote", "web", "--to", "dev")
        job.promoter("promote", "web", "--to", "staging")
        words = ("web", "production", "--image", f"{IMAGE}:1.1.0", "--for", "opened")
        merge = job.says("mr", "merge", "2", "--as", ALICE)
        assert job.waits(*words, "--timeout", "1m", while_=(merge,)) == 3
        assert "staging has run 1.1.0 for" in job.out or "0 of 1" in job.out


class TestTrouble:
    def test_a_repository_that_is_away_for_a_while_is_waited_out(
        self, job: Job, proposed: DemoWorld
    ) -> None:
        registry = proposed.folder / "registry"
        away = proposed.folder / "away"

        def goes() -> None:
            shutil.move(registry, away)

        def comes() -> None:
            shutil.move(away, registry)
            job.promoter("mr", "merge", "2", "--as", ALICE)

        assert job.waits("web", "staging", while_=(goes, nothing, comes)) == 0

    def test_what_is_down_at_the_end_is_75(
        self, job: Job, world: DemoWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rule = world.folder / "rules/shop.yaml"
        rule.write_text(rule.read_text().replace(world.repository, "http://127.0.0.1:9/shop.git"))
        with pytest.raises(TransientError):
            job.waits("web", "dev", "--timeout", "1m")
        assert sum(job.slept) == 60

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("wbe", "dev"), "did you mean 'web'?"),
            (("web", "dev", "--image", "quay.io/x:1"), "follows no image quay.io/x"),
            (("web", "dev", "--release", "1.1.0"), "--release: write the eight digits"),
            (("web", "dev", "--timeout", "30"), "'30' has no unit: write 30s, 30m, 30h or 30d"),
            (("web", "dev", "--for", "merge"), "argument --for: invalid choice: 'merge'"),
        ],
    )
    @pytest.mark.usefixtures("world")
    def test_slips_are_told_at_once(self, job: Job, words: tuple[str, ...], message: str) -> None:
        with pytest.raises(InputError) as caught:
            job.waits(*words)
        assert message in str(caught.value)
        assert job.slept == []

    def test_a_signal_ends_it(self, proposed: DemoWorld) -> None:
        root = Path(__file__).resolve().parents[2]
        process = subprocess.Popen(
            [*PROMOTER, "wait", "web", "staging", "--debug", "--every", "1h"],
            env={**os.environ, "PYTHONPATH": str(root)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "sleeping" in line:
                break
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert err.startswith("error: interrupted")
