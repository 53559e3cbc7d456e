"""The promotion graph from the rule file to the merge: several repositories and branches, regions
in waves, other names of images, lockstep, and how much is open at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.git_server import git
from tests.stories.graph_shop import HOST, HOST2, GraphShop, open_graph_shop, pod

WEB = f"{HOST}/shop/web:1.0.0"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphShop]:
    with open_graph_shop(tmp_path, monkeypatch) as opened:
        yield opened


class TestSeveralRepositories:
    RULE = """\
applications: apps/{{application}}/{{environment}}.yaml
environments:
  dev: {{merge: automatic}}
  staging: {{after: dev, merge: automatic}}
  production:
    after: staging
    merge: automatic
    path: "{{application}}/pod.yaml"
    repository: {{url: {production}, branch: main, forge: local}}
    require: [soak: 1h]
"""

    @pytest.fixture
    def two(self, shop: GraphShop) -> GraphShop:
        """dev and staging in one repository, production in another."""
        shop.create("manifests", {f"apps/web/{each}.yaml": pod(WEB) for each in ("dev", "staging")})
        shop.create("production", {"web/pod.yaml": pod(WEB)})
        shop.rule(self.RULE.format(production=shop.url("production")))
        return shop

    def test_a_release_goes_from_one_to_the_other(self, two: GraphShop) -> None:
        two.publish("1.1.0")
        two.run(expect=3)
        assert two.running() == {
            "dev/web": "1.1.0",
            "staging/web": "1.1.0",
            "production/web": "1.0.0",
        }
        assert two.requests("production") == {}
        two.settle(expect=3)
        two.clock.pass_by(hours=1)
        two.run()
        assert two.running()["production/web"] == "1.1.0"
        image = f"{HOST}/shop/web:1.1.0@{two.digests['web:1.1.0']}"
        assert two.file("production", "web/pod.yaml") == pod(image).decode().rstrip("\n")
        landed = git(two.repository("production"), "log", "-1", "--format=%B", "main")
        assert "Promoter-From: staging" in landed
        assert set(two.requests("production", "merged")) == {"production/web"}
        assert set(two.requests("manifests", "merged")) == {"dev/web", "staging/web"}
        two.settle()

    def test_where_the_last_one_is_down_the_others_go_on(self, two: GraphShop) -> None:
        two.take_down("production")
        two.publish("1.1.0")
        said = two.run(expect=64)
        said.line("error: ", two.url("production"))
        assert two.file("manifests", "apps/web/staging.yaml").count(":1.1.0@") == 1
        two.publish("1.2.0")
        two.promoter("promote", "web", "--to", "dev").line("merged", "web in dev", "1.2.0")
        two.promoter("promote", "web", "--to", "production", expect=64)
        two.bring_back("production")
        two.run(expect=3)
        two.clock.pass_by(hours=1)
        two.run()
        assert set(two.running().values()) == {"1.2.0"}
        two.settle()

    def test_where_the_first_one_is_down_what_depends_on_it_waits(self, two: GraphShop) -> None:
        two.publish("1.1.0")
        two.run(expect=3)
        two.take_down("manifests")
        two.clock.pass_by(hours=2)
        before = two.file("production", "web/pod.yaml")
        two.run(expect=64)
        plan = two.promoter("plan", "--output", "json", expect=64).json
        (decision,) = plan["decisions"]
        assert (decision["environment"], decision["state"]) == ("production", "unknown")
        assert (two.file("production", "web/pod.yaml"), two.requests("production")) == (before, {})

    def test_a_target_in_either_is_promoted_by_its_name(self, two: GraphShop) -> None:
        two.publish("1.1.0")
        two.run(expect=3)
        said = two.promoter("promote", "web", "--to", "production", expect=3)
        said.line("staging has run 1.1.0 for ")
        two.clock.pass_by(hours=2)
        assert two.promoter("promote", "web", "--to", "production").line("merged", "1.1.0")
        two.promoter("wait", "web", "production", "--for", "current", "--timeout", "1s")


def test_one_branch_for_each_environment(shop: GraphShop) -> None:
    """The same path on all of them."""
    for each in ("dev", "staging", "production"):
        shop.create("manifests", {"web/pod.yaml": pod(WEB, comment=each)}, branch=f"env/{each}")
    shop.rule(
        """\
applications: "{application}/pod.yaml"
environments:
  dev: {merge: automatic}
  staging: {after: dev, repository: {branch: env/staging}}
  production:
    after: staging
    merge: automatic
    repository: {branch: env/production}
    require: [soak: 1h]
""",
        branch="env/dev",
    )
    assert set(shop.running()) == {"dev/web", "staging/web", "production/web"}
    shop.publish("1.1.0")
    shop.run()
    assert shop.requests() == {"staging/web": 2}
    shop.settle()
    shop.clock.pass_by(hours=3)
    shop.people("manifests", "merge", "2")
    shop.run(expect=3)
    assert shop.running() == {"dev/web": "1.1.0", "staging/web": "1.1.0", "production/web": "1.0.0"}
    shop.settle(expect=3)
    shop.clock.pass_by(hours=1)
    shop.run()
    image = f"{HOST}/shop/web:1.1.0@{shop.digests['web:1.1.0']}"
    for each in ("dev", "staging", "production"):
        told = shop.file("manifests", "web/pod.yaml", f"env/{each}")
        assert told == pod(image, comment=each).decode().rstrip("\n")
    shop.settle()


def test_one_region_goes_before_the_rest(shop: GraphShop) -> None:
    regions = ("eu", "us", "ap")
    files = {f"apps/web/production/{each}.yaml": pod(WEB) for each in regions}
    shop.create("manifests", {"apps/web/staging.yaml": pod(WEB), **files})
    shop.rule("""\
applications: apps/{application}/{environment}.yaml
environments:
  staging: {merge: automatic}
  production:
    after: staging
    merge: automatic
    path: apps/{application}/production/{region}.yaml
    each: {region: [us, eu, ap]}
    waves:
      - {region: eu}
      - {region: "*", require: [{soak: 2h}]}
    require: [soak: 1h]
""")
    eu, us, ap = (f"production-{each}/web" for each in regions)
    shop.publish("1.1.0")
    shop.run(expect=3)
    assert shop.decisions()[us]["state"] == "current", "nothing ran in the wave before"
    shop.clock.pass_by(hours=1)
    shop.run(expect=3)
    assert [shop.running()[each] for each in (eu, us, ap)] == ["1.1.0", "1.0.0", "1.0.0"]
    waits = shop.decisions()[ap]
    assert [(each["gate"], each["judgement"]) for each in waits["gates"]] == [
        ("soak: 1h", "pass"),
        ("soak: 2h", "wait"),
    ]
    shop.promoter("why", "web", "production-ap", expect=3).line("~ soak: 2h", "production-eu has")
    shop.settle(expect=3)
    # The first region goes back: the rest never gets it.
    shop.publish("1.2.0")
    shop.clock.pass_by(hours=2)
    shop.run(expect=3)
    assert shop.running() == {"staging/web": "1.2.0", eu: "1.1.0", us: "1.1.0", ap: "1.1.0"}
    shop.settle(expect=3)


def test_an_image_waits_until_it_is_copied_to_the_other_registry(shop: GraphShop) -> None:
    shop.copy("web", "1.0.0")
    shop.create(
        "manifests",
        {"apps/web/dev.yaml": pod(WEB), "apps/web/production.yaml": pod(f"{HOST2}/shop/web:1.0.0")},
    )
    shop.rule(f"""\
applications: apps/{{application}}/{{environment}}.yaml
environments:
  dev: {{merge: automatic}}
  production:
    after: dev
    merge: automatic
    images: {{{HOST}/: {HOST2}/}}
""")
    shop.publish("1.1.0")
    shop.run(expect=3)
    decision = shop.decisions()["production/web"]
    missing = f"{HOST2}/shop/web@{shop.digests['web:1.1.0']}"
    assert decision["why"] == f"not there yet: {missing} (images)"
    shop.promoter("why", "web", "production", expect=3).line("opened by whoever copies it there")
    shop.settle(expect=3)
    shop.copy("web", "1.1.0")
    shop.run()
    image = f"{HOST2}/shop/web:1.1.0@{shop.digests['web:1.1.0']}"
    assert shop.file("manifests", "apps/web/production.yaml") == pod(image).decode().rstrip("\n")
    shop.settle()


def test_two_images_move_together(shop: GraphShop) -> None:
    shop.publish("1.0.0", "worker")
    both = pod(WEB, f"{HOST}/shop/worker:1.0.0")
    shop.create("manifests", {f"apps/web/{each}.yaml": both for each in ("dev", "production")})
    shop.rule(f"""\
  - image: {HOST}/shop/worker
    select: {{semver: ">=1.0"}}
lockstep: true
applications: apps/{{application}}/{{environment}}.yaml
environments:
  dev: {{merge: automatic}}
  production: {{after: dev, merge: automatic}}
""")
    shop.publish("1.1.0", "web", "worker")
    shop.publish("1.2.0", "web")
    shop.run()
    assert shop.running() == {"dev/web": "1.1.0", "production/web": "1.1.0"}
    shop.settle()
    said = shop.promoter(
        *("promote", "web", "--to", "dev", "--image", f"{HOST}/shop/web:1.2.0"), expect=3
    )
    said.line("all images move together (lockstep): name registry.shop.example/shop/worker, too")
    shop.publish("1.2.0", "worker")
    shop.run()
    for each in ("dev", "production"):
        text = shop.file("manifests", f"apps/web/{each}.yaml")
        assert [text.count(f"/shop/{name}:1.2.0@") for name in ("web", "worker")] == [1, 1]
    shop.settle()


class TestHowManyAtOnce:
    NAMES = tuple(f"app{number:02}" for number in range(12))

    @pytest.fixture
    def twelve(self, shop: GraphShop) -> GraphShop:
        """Twelve applications with a new release each; the last one has run longest."""
        shop.publish("1.0.0", *self.NAMES)
        for name in reversed(self.NAMES):
            image = f"{HOST}/shop/{name}:1.0.0"
            shop.create("manifests", {f"apps/{name}/dev.yaml": pod(image)})
            shop.clock.pass_by(hours=1)
        shop.rule("""\
applications: apps/{application}/{environment}.yaml
environments: {dev: {}}
""")
        shop.publish("1.1.0", *self.NAMES)
        return shop

    def test_ten_are_open_and_the_rest_waits_in_line(self, twelve: GraphShop) -> None:
        plan = twelve.promoter("plan")
        assert "10 to open; 2 waiting" in plan.out
        first, last = (twelve.decisions()[f"dev/app{number}"] for number in ("01", "00"))
        room = "waits for room: `limits.open` of "
        assert first["why"].startswith(room)
        assert first["why"].endswith("is 10, and 0 more wait before it")
        assert last["why"].endswith("is 10, and 1 more waits before it")
        twelve.run(expect=3)
        assert set(twelve.requests()) == {f"dev/{name}" for name in self.NAMES[2:]}
        twelve.settle(expect=3)

        twelve.people("manifests", "merge", str(twelve.requests()["dev/app07"]))
        twelve.run(expect=3)
        assert "dev/app01" in twelve.requests()
        assert len(twelve.requests()) == 10
        twelve.settle(expect=3)

    def test_who_names_one_gets_it(self, twelve: GraphShop) -> None:
        twelve.run(expect=3)
        twelve.promoter("promote", "app00", "--to", "dev").line("opened", "app00 in dev")
        image = f"{HOST}/shop/app01:1.1.0"
        said = twelve.promoter("promote", "app01", "--to", "dev", "--image", image)
        said.line("opened", "app01 in dev")
        assert len(twelve.requests()) == 12
        twelve.settle()


@pytest.mark.parametrize("how", ["unless-approved", "always"])
def test_what_somebody_approved_goes_first(shop: GraphShop, how: str) -> None:
    shop.create("manifests", {"apps/web/dev.yaml": pod(WEB)})
    shop.rule(f"""\
applications: apps/{{application}}/{{environment}}.yaml
environments:
  dev: {{merge: automatic, require: [approvals: 2], replace: {how}}}
""")
    shop.publish("1.1.0")
    shop.run(expect=3)
    shop.people("manifests", "approve", "1")
    shop.publish("1.2.0")
    shop.run(expect=3)
    offered = shop.decisions()["dev/web"]["offered"]["label"]
    assert offered == ("1.1.0" if how == "unless-approved" else "1.2.0")
    shop.settle(expect=3)
    if how == "unless-approved":
        said = shop.promoter("why", "web", "dev", expect=3)
        said.line("1.2.0", "approved 1.1.0 on", "it goes first")
        shop.promoter(
            "mr", "approve", "1", "--repository", shop.url("manifests"), "--as", "Bob <b@x>"
        )
        shop.run(expect=3)
        assert shop.running() == {"dev/web": "1.1.0"}
        assert set(shop.requests()) == {"dev/web"}, "and 1.2.0 comes after it"
        shop.settle(expect=3)
