"""One event of each source as its product sends it, and what it comes down to."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promoter.service.webhooks.nudge import ImagePushed, Nudge, RepositoryChanged

DIGEST = "sha256:" + "4a" * 32
SECRET = "correct horse battery"
SIGNING_TOKEN = "whsec_" + base64.b64encode(bytes(range(32))).decode()

_PUBSUB = {"action": "INSERT", "tag": "europe-docker.pkg.dev/shop/images/web:1.2.0"}
_GITLAB_PROJECT = {
    "git_http_url": "https://git.example.com/shop/manifests.git",
    "git_ssh_url": "git@git.example.com:shop/manifests.git",
    "web_url": "https://git.example.com/shop/manifests",
}
_CDEVENT = {
    "context": {"specversion": "0.5.0", "type": "dev.cdevents.artifact.published.0.3.0"},
    "subject": {
        "id": f"pkg:oci/web@{DIGEST.replace(':', '%3A')}"
        "?repository_url=registry.example.com/apps/web&tag=1.2.0"
    },
}


@dataclass(frozen=True)
class Example:
    body: Any
    nudges: tuple[Nudge, ...]
    headers: Mapping[str, str] = field(default_factory=dict)


EXAMPLES: Mapping[str, Example] = {
    "distribution": Example(
        {
            "events": [
                {
                    "action": "push",
                    "target": {"repository": "apps/web", "tag": "1.2.0", "digest": DIGEST},
                    "request": {"host": "registry.example.com:5000", "method": "PUT"},
                },
                {"action": "push", "target": {"repository": "apps/web", "digest": DIGEST}},
                {"action": "pull", "target": {"repository": "apps/api", "tag": "1"}},
            ]
        },
        (ImagePushed("apps/web", "registry.example.com:5000", "1.2.0"),),
        {"content-type": "application/vnd.docker.distribution.events.v1+json"},
    ),
    "docker-hub": Example(
        {
            "push_data": {"tag": "1.2.0", "pusher": "ann"},
            "repository": {"repo_name": "shop/web", "namespace": "shop", "name": "web"},
        },
        (ImagePushed("shop/web", "docker.io", "1.2.0"),),
    ),
    "github": Example(
        {
            "ref": "refs/heads/main",
            "repository": {
                "clone_url": "https://github.com/shop/manifests.git",
                "ssh_url": "git@github.com:shop/manifests.git",
                "html_url": "https://github.com/shop/manifests",
            },
        },
        (
            RepositoryChanged(
                (
                    "https://github.com/shop/manifests.git",
                    "git@github.com:shop/manifests.git",
                    "https://github.com/shop/manifests",
                )
            ),
        ),
        {"x-github-event": "push"},
    ),
    "gitlab": Example(
        {"object_kind": "merge_request", "project": _GITLAB_PROJECT},
        (RepositoryChanged(tuple(_GITLAB_PROJECT.values())),),
        {"x-gitlab-event": "Merge Request Hook"},
    ),
    "harbor": Example(
        {
            "type": "PUSH_ARTIFACT",
            "event_data": {
                "resources": [
                    {"tag": "1.2.0", "resource_url": "harbor.example.com/apps/web:1.2.0"}
                ],
                "repository": {"namespace": "apps", "name": "web", "repo_full_name": "apps/web"},
            },
        },
        (ImagePushed("apps/web", "harbor.example.com", "1.2.0"),),
    ),
    "quay": Example(
        {
            "repository": "shop/web",
            "docker_url": "quay.io/shop/web",
            "updated_tags": ["1.2.0", "latest"],
        },
        (ImagePushed("shop/web", "quay.io", "1.2.0"), ImagePushed("shop/web", "quay.io", "latest")),
    ),
    "acr": Example(
        {
            "action": "push",
            "target": {"repository": "apps/web", "tag": "1.2.0"},
            "request": {"host": "shop.azurecr.io"},
        },
        (ImagePushed("apps/web", "shop.azurecr.io", "1.2.0"),),
    ),
    "aliyun-acr": Example(
        {
            "push_data": {"tag": "1.2.0"},
            "repository": {"repo_full_name": "shop/web", "region": "cn-hangzhou"},
        },
        (ImagePushed("shop/web", None, "1.2.0"),),
    ),
    "ecr": Example(
        {
            "detail-type": "ECR Image Action",
            "source": "aws.ecr",
            "account": "123456789012",
            "region": "cn-north-1",
            "detail": {
                "result": "SUCCESS",
                "repository-name": "apps/web",
                "action-type": "PUSH",
                "image-tag": "1.2.0",
            },
        },
        (ImagePushed("apps/web", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "1.2.0"),),
    ),
    "google-artifact-registry": Example(
        {"message": {"data": base64.b64encode(json.dumps(_PUBSUB).encode()).decode()}},
        (ImagePushed("shop/images/web", "europe-docker.pkg.dev", "1.2.0"),),
    ),
    "jfrog": Example(
        {
            "domain": "docker",
            "event_type": "pushed",
            "data": {"repo_key": "docker-local", "image_name": "apps/web", "tag": "1.2.0"},
            "jpd_origin": "https://shop.jfrog.io",
        },
        (
            ImagePushed("docker-local/apps/web", "shop.jfrog.io", "1.2.0"),
            ImagePushed("apps/web", None, "1.2.0"),
        ),
    ),
    "nexus": Example(
        {
            "action": "CREATED",
            "repositoryName": "docker",
            "component": {"format": "docker", "name": "apps/web", "version": "1.2.0"},
        },
        (ImagePushed("apps/web", None, "1.2.0"),),
        {"x-nexus-webhook-id": "rm:repository:component"},
    ),
    "cloudevents": Example(
        {
            "pipelineRun": {
                "status": {
                    "pipelineResults": [
                        {"name": "IMAGE_URL", "value": "registry.example.com/apps/web:1.2.0\n"},
                        {"name": "IMAGE_DIGEST", "value": DIGEST},
                    ]
                }
            }
        },
        (ImagePushed("apps/web", "registry.example.com", "1.2.0"),),
        {
            "ce-specversion": "1.0",
            "ce-type": "dev.tekton.event.pipelinerun.successful.v1",
            "ce-source": "/apis/tekton.dev/v1/namespaces/ci/PipelineRun/web-1",
            "ce-id": "1",
        },
    ),
    "cdevents": Example(_CDEVENT, (ImagePushed("apps/web", "registry.example.com", "1.2.0"),)),
}


@dataclass(frozen=True)
class Proof:
    """What proves `SECRET` or `SIGNING_TOKEN`: headers, or the end of the URL."""

    headers: Mapping[str, str] = field(default_factory=dict)
    in_url: str | None = None


def prove(source: str, body: bytes, secret: str = SECRET) -> Proof:
    """As the product proves it, by the strongest of its ways."""
    key = secret.encode()
    if source in ("docker-hub", "quay", "aliyun-acr", "google-artifact-registry"):
        return Proof(in_url=secret)
    if source == "github":
        return Proof({"x-hub-signature-256": f"sha256={hmac.digest(key, body, 'sha256').hex()}"})
    if source == "jfrog":
        return Proof({"x-jfrog-event-auth": hmac.digest(key, body, "sha256").hex()})
    if source == "nexus":
        return Proof({"x-nexus-webhook-signature": hmac.digest(key, body, "sha1").hex()})
    if source == "gitlab":
        return Proof({"x-gitlab-token": secret})
    return Proof({"authorization": f"Bearer {secret}"})


def write_secrets(folder: Any, secret: str = SECRET) -> None:
    for source in EXAMPLES:
        (folder / source).write_text(f"{secret}\n")
