"""The table of sources: what each reads, and what it leaves alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest

from promoter.model.address import GitAddress
from promoter.model.image import ImageName
from promoter.service.webhooks.nudge import ImagePushed, Nudge, RepositoryChanged
from promoter.service.webhooks.payload import MalformedError, load
from promoter.service.webhooks.sources import SOURCES
from tests.service.webhooks.examples import DIGEST, EXAMPLES

_DOCS = Path(__file__).resolve().parents[3] / "docs/webhooks.md"
_HARBOR_REPOSITORY = {"repository": {"repo_full_name": "apps/web"}}
_REPOSITORY = {"clone_url": "https://git.example.com/shop/manifests.git"}
_CHANGED = RepositoryChanged(("https://git.example.com/shop/manifests.git",))


def read(source: str, body: Any, headers: dict[str, str] | None = None) -> list[Nudge]:
    """Through bytes, as it comes."""
    return list(SOURCES[source].read(headers or {}, load(json.dumps(body).encode())))


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_has_an_example_and_reads_it(source: str) -> None:
    example = EXAMPLES[source]
    assert read(source, example.body, dict(example.headers)) == list(example.nudges)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_has_a_section_for_operators(source: str) -> None:
    text = _DOCS.read_text("utf-8")
    headings = re.findall(r"(?m)^### .*`([a-z-]+)`$", text)
    assert headings.count(source) == 1
    assert f"| [`{source}`](#" in text, "a row in the table at the top"
    section = text.partition(f"`{source}`\n\n")[2].partition("\n### ")[0]
    assert f"/webhooks/{source}" in section, "the URL to write into the product"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("body", [{}, [], None, 1, "x", [[]], {"events": {}}, {"type": 1}])
def test_what_no_product_sends_is_malformed(source: str, body: Any) -> None:
    headers = {"x-github-event": "push"} if source == "github" else {}
    if source in ("cloudevents", "ecr", "cdevents") and body == []:
        assert read(source, body) == [], "an empty batch"
        return
    with pytest.raises(MalformedError) as caught:
        read(source, body, headers)
    assert "\n" not in str(caught.value)


OTHERS: list[tuple[str, dict[str, str], Any]] = [
    ("distribution", {}, {"events": []}),
    ("distribution", {}, {"events": [{"action": "delete", "target": {"digest": DIGEST}}]}),
    ("distribution", {}, {"events": [{"action": "mount", "target": {"repository": "a"}}]}),
    ("github", {"x-github-event": "ping"}, {"zen": "Keep it logically awesome."}),
    ("github", {"x-github-event": "star"}, {"action": "created"}),
    ("github", {"x-github-event": "check_run"}, {"action": "created", "repository": _REPOSITORY}),
    ("github", {"x-github-event": "status"}, {"state": "pending", "repository": _REPOSITORY}),
    (
        "github",
        {"x-github-event": "package"},
        {
            "action": "published",
            "package": {
                "package_type": "CONTAINER",
                "name": "web",
                "owner": {"login": "shop"},
                "package_version": {
                    "name": DIGEST,
                    "container_metadata": {"tag": {"name": "", "digest": DIGEST}},
                },
            },
        },
    ),
    ("gitlab", {}, {"object_kind": "wiki_page"}),
    ("gitlab", {}, {"event_name": "user_create"}),
    ("harbor", {}, {"type": "DELETE_ARTIFACT", "event_data": {}}),
    ("harbor", {}, {"type": "PULL_ARTIFACT", "event_data": {}}),
    ("harbor", {}, {"type": "QUOTA_EXCEED", "event_data": {}}),
    (
        "harbor",
        {},
        {
            "type": "PUSH_ARTIFACT",
            "event_data": {**_HARBOR_REPOSITORY, "resources": [{"tag": DIGEST, "digest": DIGEST}]},
        },
    ),
    ("harbor", {}, {"type": "REPLICATION", "event_data": {"replication": {"job_status": "Error"}}}),
    ("quay", {}, {"repository": "shop/web", "build_id": "1", "docker_tags": ["a"]}),
    ("acr", {}, {"action": "delete", "target": {"repository": "apps/web"}}),
    ("acr", {}, {"action": "chart_push", "target": {"repository": "apps/web"}}),
    ("acr", {}, {"action": "ping"}),
    ("ecr", {}, {"detail-type": "ECR Pull Through Cache Action", "detail": {}}),
    (
        "ecr",
        {},
        {
            "detail-type": "ECR Image Action",
            "detail": {"action-type": "DELETE", "repository-name": "apps/web", "image-tag": "1"},
        },
    ),
    ("jfrog", {}, {"domain": "artifact", "event_type": "deployed", "data": {}}),
    ("jfrog", {}, {"domain": "docker", "event_type": "deleted", "data": {"image_name": "web"}}),
    ("nexus", {"x-nexus-webhook-id": "rm:repository:asset"}, {"action": "CREATED"}),
    ("nexus", {}, {"action": "DELETED", "component": {"format": "docker", "name": "web"}}),
    ("nexus", {}, {"action": "CREATED", "component": {"format": "npm", "name": "web"}}),
    ("cloudevents", {"ce-specversion": "1.0", "ce-type": "com.example.cat.fed"}, None),
    (
        "cloudevents",
        {"ce-specversion": "1.0", "ce-type": "com.example.git.push"},
        {"repository": "https://git.example.com/shop/manifests.git"},
    ),
    (
        "cloudevents",
        {"ce-specversion": "1.0", "ce-type": "dev.tekton.event.pipelinerun.failed.v1"},
        EXAMPLES["cloudevents"].body,
    ),
    (
        "cdevents",
        {},
        {
            "context": {"type": "dev.cdevents.artifact.deleted.0.2.0"},
            "subject": {"id": "pkg:oci/web"},
        },
    ),
    (
        "cdevents",
        {},
        {
            "context": {"type": "dev.cdevents.artifact.published.0.3.0"},
            "subject": {"id": "pkg:golang/web"},
        },
    ),
]


@pytest.mark.parametrize(("source", "headers", "body"), OTHERS)
def test_what_is_of_no_interest_is_accepted_and_left_alone(
    source: str, headers: dict[str, str], body: Any
) -> None:
    assert read(source, body, headers) == []


class TestGitHub:
    @pytest.mark.parametrize(
        ("event", "more"),
        [
            *[
                (each, {})
                for each in ("push", "pull_request", "pull_request_review", "merge_group")
            ],
            ("check_run", {"action": "completed"}),
            ("check_suite", {"action": "completed"}),
            ("status", {"state": "success"}),
            ("issues", {"action": "labeled"}),
        ],
    )
    def test_what_happens_in_a_repository(self, event: str, more: dict[str, str]) -> None:
        body = {"repository": _REPOSITORY, **more}
        assert read("github", body, {"x-github-event": event}) == [_CHANGED]

    def test_an_address_that_is_none_or_local_is_not_told(self) -> None:
        bad = ("/etc/passwd", "https://ann:secret@git.example.com/x", "a\nb", "x" * 5000)
        for url in bad:
            body = {"repository": {"clone_url": url, "ssh_url": _REPOSITORY["clone_url"]}}
            assert read("github", body, {"x-github-event": "push"}) == [_CHANGED]
            with pytest.raises(MalformedError, match="no address of a repository"):
                read("github", {"repository": {"clone_url": url}}, {"x-github-event": "push"})

    def test_the_address_of_a_package_is_believed_where_it_is_told(self) -> None:
        version = {"container_metadata": {"tag": {"name": "1.2"}}, "package_url": "{}"}
        package = {"package_type": "CONTAINER", "name": "web", "namespace": "shop"}
        for url, pushed in {
            "containers.github.example.com/shop/team/web:1.2": ImagePushed(
                "shop/team/web", "containers.github.example.com", "1.2"
            ),
            "ghcr.io/Shop/web:": ImagePushed("shop/web", "ghcr.io", "1.2"),
        }.items():
            body = {
                "action": "published",
                "registry_package": {**package, "package_version": {**version, "package_url": url}},
            }
            assert read("github", body, {"x-github-event": "registry_package"}) == [pushed]


@pytest.mark.parametrize(
    "kind", ["push", "tag_push", "merge_request", "note", "pipeline", "build", "issue"]
)
def test_gitlab_tells_what_happens_in_a_project(kind: str) -> None:
    url = "https://git.example.com/shop/manifests.git"
    assert read("gitlab", {"object_kind": kind, "project": {"git_http_url": url}}) == [_CHANGED]
    # of older versions, and of jobs
    assert read("gitlab", {"object_kind": kind, "repository": {"git_http_url": url}}) == [_CHANGED]


class TestHarbor:
    @pytest.mark.parametrize(
        ("kind", "resource", "tag"),
        [
            ("CREATE_TAG", {"tag": "1.2.0"}, "1.2.0"),
            ("SCANNING_COMPLETED", {"tag": "1.2.0"}, "1.2.0"),
            ("SCANNING_COMPLETED", {"tag": DIGEST, "digest": DIGEST}, None),
        ],
    )
    def test_tags_and_scans(self, kind: str, resource: dict[str, str], tag: str | None) -> None:
        data = {**_HARBOR_REPOSITORY, "resources": [resource]}
        expected = [ImagePushed("apps/web", None, tag)]
        assert read("harbor", {"type": kind, "event_data": data}) == expected
        cloud = {"CREATE_TAG": "harbor.tag.created"}.get(kind, "harbor.scan.completed")
        event = {"specversion": "1.0", "type": cloud, "source": "/projects/1", "data": data}
        assert read("harbor", event) == expected
        assert read("cloudevents", event) == expected

    def test_a_replication_tells_where_to(self) -> None:
        replication = {
            "dest_resource": {"endpoint": "https://harbor-prod.example.com", "namespace": "apps"},
            "successful_artifact": [
                {"name_tag": "web:1.2.0"},
                {"name_tag": "api [3 item(s) in total]"},
            ],
        }
        body = {"type": "REPLICATION", "event_data": {"replication": replication}}
        assert read("harbor", body) == [
            ImagePushed("apps/web", "harbor-prod.example.com", "1.2.0"),
            ImagePushed("apps/api", "harbor-prod.example.com", None),
        ]


def test_what_a_scan_of_quay_or_ecr_found_is_looked_at() -> None:
    quay = {"repository": "shop/web", "docker_url": "quay.io/shop/web", "vulnerability": {}}
    assert read("quay", quay) == [ImagePushed("shop/web", "quay.io", None)]
    ecr = {
        "detail-type": "ECR Image Scan",
        "account": "123456789012",
        "region": "eu-west-1",
        "detail": {"repository-name": "apps/web", "scan-status": "COMPLETE"},
    }
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert read("ecr", ecr) == [ImagePushed("apps/web", host, None)]


class TestCloudEvents:
    EVENT: ClassVar = {
        "specversion": "1.0",
        "type": "com.example.image.built",
        "source": "https://ci.example.com",
        "data": {"image": "registry.example.com/apps/web:1.2.0"},
    }
    PUSHED = ImagePushed("apps/web", "registry.example.com", "1.2.0")

    def test_in_each_of_their_modes(self) -> None:
        structured = {"content-type": "application/cloudevents+json"}
        assert read("cloudevents", self.EVENT, structured) == [self.PUSHED]
        assert read("cloudevents", [self.EVENT] * 2) == [self.PUSHED] * 2
        binary = {"ce-specversion": "1.0", "ce-type": "com.example.image.built"}
        assert read("cloudevents", self.EVENT["data"], binary) == [self.PUSHED]

    def test_with_packed_data(self) -> None:
        packed = base64_of(self.EVENT["data"])
        event = {**self.EVENT, "data": None, "data_base64": packed}
        assert read("cloudevents", event) == [self.PUSHED]
        for wrong in ("not base64!", base64_of("x")[:-1], "/w=="):
            with pytest.raises(MalformedError):
                read("cloudevents", {**self.EVENT, "data_base64": wrong})

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("pipelineRun", "results"),
            ("pipelineRun", "pipelineResults"),
            ("taskRun", "results"),
            ("taskRun", "taskResults"),
        ],
    )
    def test_runs_of_tekton_in_both_api_versions(self, kind: str, status: str) -> None:
        results = [
            {"name": "web-IMAGE_URL", "value": "registry.example.com/apps/web:1.2.0"},
            {"name": "api-IMAGE_URL", "value": f"registry.example.com/apps/api@{DIGEST}"},
            {"name": "commit", "value": ["a", "list"]},
        ]
        headers = {
            "ce-specversion": "1.0",
            "ce-type": f"dev.tekton.event.{kind.lower()}.successful.v1",
        }
        assert read("cloudevents", {kind: {"status": {status: results}}}, headers) == [
            self.PUSHED,
            ImagePushed("apps/api", "registry.example.com", None),
        ]

    def test_more_events_than_a_sender_batches_are_refused(self) -> None:
        with pytest.raises(MalformedError, match="more than 1000 entries"):
            read("cloudevents", [self.EVENT] * 1001)


@pytest.mark.parametrize(
    ("purl", "pushed"),
    [
        (
            f"pkg:oci/web@{DIGEST}?repository_url=ghcr.io/shop/web&tag=1.2",
            ImagePushed("shop/web", "ghcr.io", "1.2"),
        ),
        (
            f"pkg:oci/web@{DIGEST}?repository_url=https://ghcr.io/shop/web",
            ImagePushed("shop/web", "ghcr.io", None),
        ),
        (f"pkg:oci/web@{DIGEST}", ImagePushed("web", None, None)),
        ("pkg:docker/shop/web@1.2", ImagePushed("shop/web", None, "1.2")),
    ],
)
def test_cdevents_name_an_image_by_its_purl(purl: str, pushed: ImagePushed) -> None:
    event = {
        "context": {"type": "dev.cdevents.artifact.packaged.0.3.0"},
        "subject": {"id": purl},
    }
    wrapped = {
        "specversion": "1.0",
        "type": "dev.cdevents.artifact.packaged.0.3.0",
        "source": "/ci",
        "data": event,
    }
    assert read("cdevents", event) == [pushed]
    assert read("cdevents", wrapped) == [pushed]
    assert read("cloudevents", wrapped) == [pushed]


class TestWhereToLook:
    def test_an_image_by_its_path_whatever_its_host_is_called(self) -> None:
        pushed = ImagePushed("apps/web", "registry:5000", "1")
        assert pushed.may_be(ImageName.parse("registry.example.com/apps/web"))
        assert not pushed.may_be(ImageName.parse("registry:5000/apps/webshop"))
        assert not pushed.may_be(ImageName.parse("registry.example.com/mirror/apps/web"))

    def test_without_a_host_also_behind_the_name_of_a_repository(self) -> None:
        pushed = ImagePushed("apps/web", None, "1")
        assert pushed.may_be(ImageName.parse("shop.jfrog.io/docker/apps/web"))
        assert not pushed.may_be(ImageName.parse("shop.jfrog.io/docker/my-apps/web"))

    @pytest.mark.parametrize(
        ("address", "is_it"),
        [
            ("https://git.example.com/shop/manifests.git", True),
            ("git@git.example.com:Shop/manifests", True),
            ("ssh://git@gitlab.internal:2222/shop/manifests/", True),
            ("https://git.example.com/shop/manifests-2.git", False),
            ("https://git.example.com/manifests.git", False),
        ],
    )
    def test_a_repository_by_its_path(self, address: str, is_it: bool) -> None:
        assert _CHANGED.may_be(GitAddress.parse(address)) is is_it


def base64_of(value: Any) -> str:
    import base64

    return base64.b64encode(json.dumps(value).encode()).decode()
