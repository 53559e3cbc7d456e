"""What a cluster is given: it renders, the API's own types take it, it keeps the strictest pod
security, and it says nothing that the product does not know."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from promoter.cli.call import read_words
from promoter.cli.demo_world import DemoWorld
from promoter.rules import load_rules
from promoter.rules.duration import parse_duration
from promoter.settings import ServeSettings, Settings
from promoter.version import VERSION
from tests.cli.conftest import world
from tests.deploy.kubernetes_schema import mistakes
from tests.deploy.places import DEPLOY, KUSTOMIZE, ROOT, documents
from tests.deploy.pod_security import violations
from tests.deploy.rendered import BASE, render, settings_of, the, the_pod, the_template
from tests.service.process import serving

__all__ = ["world"]  # a fixture

CRONJOB, EXAMPLE = KUSTOMIZE / "cronjob", KUSTOMIZE / "overlays/example"
RENDERED = pytest.mark.parametrize("folder", [BASE, CRONJOB, EXAMPLE], ids=lambda each: each.name)


@RENDERED
class TestEach:
    def test_the_api_takes_it(self, folder: Path) -> None:
        objects = render(folder)
        assert [line for each in objects for line in mistakes(each)] == []
        assert len({(each["kind"], each["metadata"]["name"]) for each in objects}) == len(objects)

    def test_its_pod_is_restricted(self, folder: Path) -> None:
        assert violations(the_pod(render(folder))) == []

    def test_it_asks_the_cluster_for_nothing(self, folder: Path) -> None:
        kinds = {each["kind"] for each in render(folder)}
        assert not {kind for kind in kinds if "Role" in kind}
        assert the("ServiceAccount", render(folder))["metadata"]["name"] == "promoter"

    def test_what_a_pod_names_is_there(self, folder: Path) -> None:
        objects = render(folder)
        pod = the_pod(objects)
        (container,) = pod["containers"]
        volumes = {each["name"]: each for each in pod["volumes"]}
        places = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert volumes.keys() == places.keys()
        name = the("ConfigMap", objects)["metadata"]["name"]
        assert volumes["rules"]["configMap"]["name"] == name
        assert all("subPath" not in each for each in container["volumeMounts"]), "never updated"
        settings = settings_of(pod)
        assert settings["PROMOTER_RULES"] == places["rules"]
        assert Path(settings["PROMOTER_CREDENTIALS"]).parent == Path(places["credentials"])
        assert settings["PROMOTER_CACHE"] == places["cache"]

    def test_its_settings_are_the_products(self, folder: Path) -> None:
        kind = Settings if folder is CRONJOB else ServeSettings
        known = {f"PROMOTER_{name.upper()}" for name in kind.model_fields}
        assert settings_of(the_pod(render(folder))).keys() <= known

    def test_its_rules_load(self, folder: Path) -> None:
        rules, errors = load_rules(the("ConfigMap", render(folder))["data"])
        assert errors == ()
        assert len(rules) == 1

    def test_its_command_is_one(self, folder: Path) -> None:
        (container,) = the_pod(render(folder))["containers"]
        verb, *words = container["args"]
        read_words(verb, words)


class TestServe:
    def test_there_is_one_at_a_time(self) -> None:
        spec = the("Deployment", render(BASE))["spec"]
        assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})

    def test_it_has_time_to_stop(self) -> None:
        pod = the_pod(render(BASE))
        bound = parse_duration(settings_of(pod)["PROMOTER_STOP_WITHIN"])
        grace = timedelta(seconds=pod["terminationGracePeriodSeconds"])
        assert grace >= bound + timedelta(seconds=10)

    def test_the_service_and_the_probes_lead_to_it(self) -> None:
        objects = render(BASE)
        template, service = the_template(objects), the("Service", objects)
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        (container,) = template["spec"]["containers"]
        (port,) = container["ports"]
        assert service["spec"]["ports"][0]["targetPort"] == port["name"]
        assert (
            settings_of(template["spec"])["PROMOTER_LISTEN"] == f"0.0.0.0:{port['containerPort']}"
        )
        probes = {name: each["httpGet"] for name, each in container.items() if "Probe" in name}
        assert {name: each["path"] for name, each in probes.items()} == {
            "startupProbe": "/healthz",
            "livenessProbe": "/healthz",
            "readinessProbe": "/readyz",
        }
        assert {each["port"] for each in probes.values()} == {port["name"]}

    def test_what_the_cluster_asks_the_product_answers(
        self, tmp_path: Path, world: DemoWorld
    ) -> None:
        """With the Deployment's environment, its volumes being folders of the test, and rules that
        need no network."""
        template = the_template(render(BASE))
        (container,) = template["spec"]["containers"]
        environment = {}
        for name, value in settings_of(template["spec"]).items():
            mounted = (each["mountPath"] for each in container["volumeMounts"])
            is_path = any(Path(value).is_relative_to(each) for each in mounted)
            environment[name] = f"{tmp_path}{value}" if is_path else value
        (rules,) = Path(world.environment["PROMOTER_RULES"]).glob("*.yaml")
        contents = {
            "rules": {"shop.yaml": rules.read_text("utf-8")},
            "credentials": {"promoter.yaml": "git.example.com: {password: x}\n"},
            "webhooks": {"harbor": "canary-of-the-hook\n"},
        }
        for each in container["volumeMounts"]:
            mount(tmp_path / each["mountPath"].lstrip("/"), contents.get(each["name"], {}))
        kept = {name: each for name, each in world.environment.items() if name not in environment}
        monitor = documents((KUSTOMIZE / "components/pod-monitor/pod-monitor.yaml").read_text())
        asked = {each["path"] for each in monitor[0]["spec"]["podMetricsEndpoints"]}
        asked |= {each["httpGet"]["path"] for name, each in container.items() if "Probe" in name}
        with serving({**kept, **environment}) as bot:
            deadline = time.monotonic() + 60
            while bot.get("/readyz").status != 200:  # as the startup probe does
                assert time.monotonic() < deadline, bot.lines
                time.sleep(0.05)
            assert {path: bot.get(path).status for path in asked} == dict.fromkeys(asked, 200)
            hooks = f"http://127.0.0.1:{bot.port}/webhooks"
            posts = [
                urllib3.request("POST", f"{hooks}/{each}").status for each in ("harbor", "quay")
            ]
            assert posts == [401, 404], "on by its file, and off without one"
            assert bot.end() == 0

    def test_only_webhooks_may_be_left_out(self) -> None:
        secrets = {
            each["name"]: each["secret"].get("optional", False)
            for each in the_pod(render(BASE))["volumes"]
            if "secret" in each
        }
        assert secrets == {"credentials": False, "webhooks": True}


class TestTheCronJob:
    def test_what_waits_is_no_failure_and_what_a_person_must_mend_is_not_repeated(self) -> None:
        spec = the("CronJob", render(CRONJOB))["spec"]
        assert spec["concurrencyPolicy"] == "Forbid"
        job = spec["jobTemplate"]["spec"]
        assert the_pod([job])["restartPolicy"] == "Never", "a podFailurePolicy asks for it"
        (container,) = the_pod([job])["containers"]
        assert container["args"] == ["run", "--waiting-is-done"]
        by_code = job["podFailurePolicy"]["rules"][0]
        assert by_code["action"] == "FailJob"
        assert by_code["onExitCodes"]["containerName"] == container["name"]
        assert by_code["onExitCodes"]["values"] == [1, 64]

    def test_it_runs_as_the_deployment_does(self) -> None:
        """Two files say the same; here is who notices when one forgets it."""
        served, run = the_pod(render(BASE)), the_pod(render(CRONJOB))
        only_served = {"webhooks"}
        for pod in (served, run):
            pod["volumes"] = [each for each in pod["volumes"] if each["name"] not in only_served]
        same = ("securityContext", "serviceAccountName", "enableServiceLinks", "volumes")
        assert {name: run[name] for name in same} == {name: served[name] for name in same}
        for name in ("image", "securityContext", "resources"):
            assert run["containers"][0][name] == served["containers"][0][name]
        assert settings_of(run).items() <= settings_of(served).items()


class TestTheExample:
    def test_it_changes_what_is_the_users(self) -> None:
        objects = render(EXAMPLE)
        assert {each["metadata"].get("namespace") for each in objects} == {None, "promoter"}
        pod = the_pod(objects)
        assert pod["containers"][0]["image"].startswith("harbor.example.com/mirror/promoter:")
        assert settings_of(pod)["PROMOTER_POLL"] == "5m"
        assert "shop-example" in the("ConfigMap", objects)["data"]["shop.yaml"]
        namespace = the("Namespace", objects)["metadata"]["labels"]
        assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"

    def test_its_network_policy_is_about_our_pods(self) -> None:
        objects = render(EXAMPLE)
        policy, labels = the("NetworkPolicy", objects), the_template(objects)["metadata"]["labels"]
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()

    def test_the_pod_monitor_is_one_line_more(self, tmp_path: Path) -> None:
        folder = tmp_path / "monitored"
        folder.mkdir()
        parts = {"resources": BASE, "components": KUSTOMIZE / "components/pod-monitor"}
        lines = [f"{name}: [{Path('..') / link(each, tmp_path)}]" for name, each in parts.items()]
        (folder / "kustomization.yaml").write_text("\n".join(lines))
        objects = render(folder)
        spec = the("PodMonitor", objects)["spec"]
        template = the_template(objects)
        labels, (port,) = template["metadata"]["labels"], template["spec"]["containers"][0]["ports"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        assert [each["port"] for each in spec["podMetricsEndpoints"]] == [port["name"]]


class TestTheOverlaysOfTheDocs:
    """What docs/deploy.md shows, laid over the files of this checkout."""

    def overlay(self, folder: Path, hint: str) -> Any:
        text = (ROOT / "docs/deploy.md").read_text("utf-8")
        found = re.findall(r"^```yaml\n# kustomization.yaml\n(.*?)^```$", text, re.M | re.S)
        (snippet,) = (each for each in found if hint in each)
        (value,) = documents(snippet)
        folder.mkdir()
        return value

    def render(self, value: Any, folder: Path) -> Sequence[Any]:
        (folder / "kustomization.yaml").write_text(json.dumps(value), "utf-8")
        return render(folder)

    def test_rules_in_the_repository(self, tmp_path: Path) -> None:
        folder = tmp_path / "overlay"
        value = self.overlay(folder, "--repository")
        value["resources"] = [f"../{link(BASE, tmp_path)}"]
        pod = the_pod(self.render(value, folder))
        (container,) = pod["containers"]
        assert read_words("serve", container["args"][1:]).rules_at
        (gone,) = settings_of(the_pod(render(BASE))).keys() - settings_of(pod).keys()
        assert gone == "PROMOTER_RULES"

    def test_the_cronjob(self, tmp_path: Path) -> None:
        folder = tmp_path / "overlay"
        value = self.overlay(folder, "cronjob")
        assert value["resources"] == [
            f"https://git.example.com/tools/promoter//deploy/kustomize/cronjob?ref=v{VERSION}"
        ]
        value["resources"] = [f"../{link(CRONJOB, tmp_path)}"]
        (folder / "rules").mkdir()
        (folder / "rules/shop.yaml").write_text("version: 1\n")
        objects = self.render(value, folder)
        (container,) = the_pod(objects)["containers"]
        assert container["image"] == f"harbor.example.com/mirror/promoter:{VERSION}"
        assert the("ConfigMap", objects)["data"] == {"shop.yaml": "version: 1\n"}


def mount(folder: Path, files: Mapping[str, str]) -> None:
    """A volume as the kubelet makes it: links into a folder that is swapped as a whole."""
    (written := folder / "..2026_11_30").mkdir(parents=True)
    (folder / "..data").symlink_to(written.name)
    for name, text in files.items():
        (written / name).write_text(text, "utf-8")
        (folder / name).symlink_to(f"..data/{name}")


def link(folder: Path, near: Path) -> str:
    """Kustomize takes relative paths alone."""
    place = near / "kustomize"
    if not place.exists():
        place.symlink_to(KUSTOMIZE)
    return str(Path("kustomize") / folder.relative_to(KUSTOMIZE))


def test_one_version_is_named_everywhere() -> None:
    """An upgrade that forgets a file would run two products."""
    named = re.compile(r"(?:tools/promoter|mirror/promoter):([\w.-]+)|newTag: (\S+)|ref=v(\S+)")
    found = {
        str(file.relative_to(ROOT)): {next(filter(None, each)) for each in named.findall(text)}
        for file in DEPLOY.rglob("*")
        if file.is_file() and named.search(text := file.read_text("utf-8"))
    }
    assert len(found) >= 6
    assert set.union(*found.values()) == {VERSION}, found
    assert f"ARG VERSION={VERSION}\n" in (DEPLOY / "Dockerfile").read_text("utf-8")
