"""The step after a build in three CI systems: the files of deploy/, used as docs/promote.md shows,
promote what was built, hand on the answer, and take no word of a stranger for a command."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from tests.deploy import ci_systems
from tests.deploy.ci_systems import Ran
from tests.services.git_server import commit
from tests.stories.kiosk import IMAGE, open_kiosk
from tests.stories.shop import GIT_PASSWORD, REGISTRY_PASSWORD, Shop

BUILD = {"image": "needs.build.outputs.image", "digest": "needs.build.outputs.digest"}


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The rule lies in the manifest repository."""
    with open_kiosk(tmp_path, monkeypatch) as opened:
        rule = (opened.folder / "rules/shop.yaml").read_bytes()
        commit(opened.repository, {".promoter/rules/shop.yaml": rule})
        yield opened


class System:
    """A CI system after a build of 1.1.0; its job promotes that to dev, as the docs have it."""

    def __init__(self, folder: Path, digest: str, repository: str) -> None:
        self.folder = folder
        self.image, self.digest = f"{IMAGE}:1.1.0", digest
        self.given = {"repository": repository}
        self.credentials = Path(os.environ["PROMOTER_CREDENTIALS"])
        self.job = {
            "PROMOTER_REGISTRIES": os.environ["PROMOTER_REGISTRIES"],
            "PROMOTER_CACHE": str(folder / "cache of the job"),
        }

    @classmethod
    def of(cls, kiosk: Shop, folder: Path) -> Self:
        return cls(folder, kiosk.digests["web", "1.1.0"], kiosk.git.url("shop.git"))

    def run(self, **given: str) -> Ran:
        raise NotImplementedError


class GitHub(System):
    def run(self, **given: str) -> Ran:
        step = ci_systems.github_step()
        assert step["uses"].partition("@")[0] == "tools/promoter/deploy/github"
        values = {**step["with"], **self.given, **given}
        context = {
            BUILD["image"]: self.image,
            BUILD["digest"]: self.digest,
            "secrets.PROMOTER_CREDENTIALS": self.credentials.read_text("utf-8"),
        }
        job = {
            **self.job,
            "GITHUB_ACTOR": "octocat",
            "GITHUB_SERVER_URL": "https://github.example.com",
            "GITHUB_REPOSITORY": "shop/web",
            "GITHUB_RUN_ID": "77",
        }
        return ci_systems.run_github(values, self.folder / "github", job, context)


class GitLab(System):
    def run(self, **given: str) -> Ran:
        (include,) = ci_systems.gitlab_pipeline()["include"]
        job = {
            **self.job,
            "PROMOTER_CREDENTIALS": str(self.credentials),  # a variable of type "file"
            "GITLAB_USER_LOGIN": "ada",
            "IMAGE": self.image,
            "DIGEST": self.digest,
        }
        inputs = {**include["inputs"], **self.given, **given}
        return ci_systems.run_gitlab(inputs, self.folder / "gitlab", job)


class Tekton(System):
    def run(self, **given: str) -> Ran:
        results = {"IMAGE_URL": self.image, "IMAGE_DIGEST": self.digest}
        params = {**ci_systems.tekton_params(results), **self.given, **given}
        secret = self.folder / "secret"
        secret.mkdir(exist_ok=True)
        (secret / "promoter.yaml").write_text(self.credentials.read_text("utf-8"))
        return ci_systems.run_tekton(params, self.folder / "tekton", self.job, secret)


class Jenkins(System):
    def run(self, **given: str) -> Ran:
        assert not given, "its script stands in the docs as it is"
        job = {
            **self.job,
            "PROMOTER_CREDENTIALS": str(self.credentials),
            "BUILD_USER_ID": "ada",
            "MANIFESTS": self.given["repository"],
            "IMAGE": self.image,
            "DIGEST": self.digest,
        }
        script = ci_systems.jenkins_script()
        return ci_systems.run_with_dotenv(script, self.folder / "jenkins", job, "promotion.env")


SYSTEMS = pytest.mark.parametrize(
    "system", [GitHub, GitLab, Tekton], ids=lambda each: each.__name__
)


def check(ran: Ran) -> Mapping[str, str]:
    """It proposed what was built, the job knows it, and no secret is anywhere."""
    assert (ran.code, ran.err) == (0, ""), ran
    assert (ran.told["state"], ran.told["release"]) == ("proposed", "1.1.0")
    written = "\n".join([ran.out, *ran.told.values()])
    for secret in (GIT_PASSWORD, REGISTRY_PASSWORD):
        assert secret not in written
    return ran.told


def test_four_systems_ask_for_one_release_and_there_is_one_merge_request(
    kiosk: Shop, tmp_path: Path
) -> None:
    told = check(GitHub.of(kiosk, tmp_path).run())
    assert told["merge-request-url"] == kiosk.requests()["dev/web"]["url"]
    asked = "octocat (https://github.example.com/shop/web/actions/runs/77)"
    assert f"requested by {asked}" in (tmp_path / "github/summary").read_text()
    shown = kiosk.promoter("mr", "show", told["merge-request-number"]).out
    assert f"Requested by {asked}." in shown
    assert not list((tmp_path / "github/job").iterdir()), "it leaves no file behind"
    assert not list((tmp_path / "github/temporary").iterdir())
    before, pushes = kiosk.refs(), len(kiosk.git.pushes)
    for system in (GitLab, Tekton, Jenkins):
        assert told.items() <= check(system.of(kiosk, tmp_path).run()).items()
    assert (kiosk.refs(), len(kiosk.git.pushes)) == (before, pushes)


@pytest.mark.soak
@SYSTEMS
class TestEachAlone:
    def test_proposes_what_was_built_and_a_second_run_changes_nothing(
        self, kiosk: Shop, tmp_path: Path, system: type[System]
    ) -> None:
        job = system.of(kiosk, tmp_path)
        told = check(job.run())
        before, pushes = kiosk.refs(), len(kiosk.git.pushes)
        assert check(job.run()) == told
        assert (kiosk.refs(), len(kiosk.git.pushes)) == (before, pushes)

    def test_tells_what_waits_and_fails_by_a_slip(
        self, kiosk: Shop, tmp_path: Path, system: type[System]
    ) -> None:
        job = system.of(kiosk, tmp_path)
        ran = job.run(environment="staging")
        assert ran.code == (3 if system is GitLab else 0), ran  # GitLab: allow_failure
        assert ran.told["state"] == "waiting"
        assert "dev runs no 1.1.0" in ran.told["why"]
        for name in ("wbe", "--help"):
            assert job.run(application=name).code == 64

    def test_waits_where_it_is_asked_to(
        self, kiosk: Shop, tmp_path: Path, system: type[System]
    ) -> None:
        if system is not Tekton:  # a task of its own waits there
            job = system.of(kiosk, tmp_path)
            check(job.run(wait="opened"))
            assert job.run(wait="merged", **{"wait-timeout": "1s"}).code == 3


_STUB = """\
#!/bin/sh
printf '%s\\0' "$@" END >> "$ASKED"
cp "${PROMOTER_CREDENTIALS:-/dev/null}" "$ASKED.credentials"
[ "$1" = promote ] || exit "$WAIT_ENDS"
before=
for each in "$@"; do
  [ "$before" != --dotenv ] || printf 'PROMOTION_%s\\n' STATE=waiting RELEASE_ID=0a1b2c3d > "$each"
  before=$each
done
exit "$PROMOTE_ENDS"
"""
_INSTALL = """\
#!/bin/sh -e
[ "$1" = install ] || exit 0
mkdir -p "$3/bin"
cp "$STUB" "$3/bin/promoter"
"""


class TestTheScript:
    """What it asks of the product, which is a stub here, and what it makes of the answer."""

    @pytest.fixture(autouse=True)
    def settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (known := tmp_path / "credentials.yaml").write_text("git.example.com: {password-env: X}\n")
        monkeypatch.setenv("PROMOTER_CREDENTIALS", str(known))
        monkeypatch.setenv("PROMOTER_REGISTRIES", "")

    def run(
        self,
        system: type[System],
        folder: Path,
        given: Mapping[str, str] | None = None,
        *,
        promoted: int = 0,
        waited: int = 0,
    ) -> tuple[Ran, list[list[str]]]:
        """How it ended, and the words of each call; the two are how the product's calls end."""
        (programs := folder / "stub").mkdir(exist_ok=True)
        (programs / "promoter").write_text(_STUB)
        (programs / "promoter").chmod(0o755)
        job = system(folder, "sha256:0d1e", "https://git.example.com/x.git")
        asked = folder / "asked"
        job.job |= {"PATH": f"{programs}:{os.environ['PATH']}", "ASKED": str(asked)}
        job.job |= {"PROMOTE_ENDS": str(promoted), "WAIT_ENDS": str(waited)}
        ran = job.run(**(given or {}))
        calls = asked.read_text().removesuffix("END\0").split("END\0")
        asked.unlink()
        return ran, [each.split("\0")[:-1] for each in calls]

    @SYSTEMS
    def test_takes_no_word_of_a_stranger_for_a_command(
        self, tmp_path: Path, system: type[System]
    ) -> None:
        pwned = tmp_path / "pwned"
        words = f"x\"; touch {pwned}; '`touch {pwned}`$(touch {pwned}) *\\ --skip=dev"
        names = ("application", "environment", "repository", "rules")
        hostile = {name: f"-{name}{words}" for name in names}
        _, (call,) = self.run(system, tmp_path, hostile)
        assert not pwned.exists()
        assert call[0] == "promote"
        assert call[-2:] == ["--", hostile["application"]]
        flags = {f"--{name}={hostile[name]}" for name in ("repository", "rules")}
        assert flags | {f"--to={hostile['environment']}"} <= set(call)
        assert f"--image={IMAGE}:1.1.0@sha256:0d1e" in call
        assert "--skip=dev" not in call

    @pytest.mark.parametrize("system", [GitHub, GitLab])
    def test_takes_several_images_and_none(self, tmp_path: Path, system: type[System]) -> None:
        between = " " if system is GitLab else "\n"
        images = ["a/b:1@sha256:1", "*", "--skip=dev", "$(id)"]
        for given in (images, []):
            _, (call,) = self.run(system, tmp_path, {"images": between.join(given)})
            assert [each for each in call if each.startswith("--image=")] == [
                f"--image={each}" for each in given
            ]
            assert not {"--skip=dev", "*"} & set(call)

    @SYSTEMS
    def test_ends_as_the_product_did(self, tmp_path: Path, system: type[System]) -> None:
        for code in (0, 64, 75):
            ran, _ = self.run(system, tmp_path, promoted=code)
            assert ran.code == code

    @pytest.mark.parametrize("system", [GitHub, Tekton])
    def test_fails_for_what_waits_only_where_that_is_asked_for(
        self, tmp_path: Path, system: type[System]
    ) -> None:
        strict = {"fail-when-waiting": "true"}
        ran, _ = self.run(system, tmp_path, promoted=3)
        assert ran.code == 0
        if system is GitHub:
            warning = "::warning::The release is waiting; the job's summary tells why."
            assert ran.out.splitlines()[-1] == warning
        assert self.run(system, tmp_path, strict, promoted=3)[0].code == 3

    @pytest.mark.parametrize("system", [GitHub, GitLab])
    @pytest.mark.parametrize(("promoted", "waited"), [(0, 0), (3, 0), (0, 3), (3, 75)])
    def test_waits_for_that_very_release(
        self, tmp_path: Path, system: type[System], promoted: int, waited: int
    ) -> None:
        given = {"wait": "merged", "rules": "r"}
        ran, (_, call) = self.run(system, tmp_path, given, promoted=promoted, waited=waited)
        assert ran.code == waited, "what was waited for in vain is no success"
        assert call[:4] == ["wait", "--for=merged", "--timeout=30m", "--release=0a1b2c3d"]
        assert "--rules=r" in call
        assert call[-3:] == ["--", "web", "dev"]

    def test_what_others_wrote_is_no_command_to_githubs_runner(self, tmp_path: Path) -> None:
        firsts = set()
        for _ in range(2):
            first, *_, last = self.run(GitHub, tmp_path)[0].out.splitlines()
            assert first.startswith("::stop-commands::")
            assert last == f"::{first.removeprefix('::stop-commands::')}::"
            firsts.add(first)
        assert len(firsts) == 2, "nobody can know the word that ends it"

    def test_github_installs_the_product_where_it_is_not(self, tmp_path: Path) -> None:
        """The installation itself is tests/deploy/test_image.py's; here one that takes no time."""
        install = tmp_path / "promoter/deploy/install.sh"
        (install.parent / "github").mkdir(parents=True)
        install.write_text(_INSTALL)
        install.chmod(0o755)
        (stub := tmp_path / "stub.sh").write_text(_STUB)
        stub.chmod(0o755)
        job = GitHub(tmp_path, "sha256:0d1e", "https://git.example.com/x.git")
        job.job |= {"GITHUB_ACTION_PATH": str(install.parent / "github"), "STUB": str(stub)}
        job.job |= {"ASKED": str(tmp_path / "asked"), "PATH": "/usr/bin:/bin", "PROMOTE_ENDS": "0"}
        assert job.run().code == 0
        assert (tmp_path / "asked").read_text().startswith("promote\0")

    def test_a_token_alone_is_for_this_github(self, tmp_path: Path) -> None:
        self.run(GitHub, tmp_path, {"token": "canary-of-the-token", "credentials": ""})
        assert (tmp_path / "asked.credentials").read_text() == "".join(
            f"{host}: {{username: x-access-token, password-env: PROMOTE_TOKEN}}\n"
            for host in ("github.example.com", "ghcr.io")
        )


def test_what_gitlab_does_with_the_answer() -> None:
    required = dict.fromkeys(("application", "environment", "repository"), "x")
    name, job = ci_systems.gitlab_job(required)
    assert job["allow_failure"] == {"exit_codes": [3]}
    assert job["artifacts"]["when"] == "always"
    assert job["image"]["entrypoint"] == [""], "the runner starts a shell"
    pipeline = ci_systems.gitlab_pipeline()
    assert name in pipeline, "the docs add to it under its name"
    assert "$PROMOTION_MERGE_REQUEST_URL" in pipeline["announce"]["script"][0]
