"""The table of sources. A new one is a line here, a parser of a few lines, and a section in
docs/webhooks.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from promoter.service.webhooks.authentication import (
    Authorization,
    SecretUrl,
    Signature,
    StandardSignature,
    Token,
    Way,
)
from promoter.service.webhooks.events import read_cdevents, read_cloud_events, read_ecr
from promoter.service.webhooks.forges import read_github, read_gitlab
from promoter.service.webhooks.nudge import Nudge
from promoter.service.webhooks.registries import (
    read_acr,
    read_aliyun_acr,
    read_distribution,
    read_docker_hub,
    read_google,
    read_harbor,
    read_jfrog,
    read_nexus,
    read_quay,
)
from promoter.service.webhooks.request import Headers

Read = Callable[[Headers, object], Iterator[Nudge]]


@dataclass(frozen=True)
class Source:
    """`read` gives what to look at, nothing for events of no interest, and raises MalformedError
    for what the product would not send. A request proves itself in one of the `ways`."""

    name: str
    read: Read
    ways: tuple[Way, ...]


_BY_HEADER = (Authorization(),)
_BY_URL = (SecretUrl(),)
_BY_EITHER = (Authorization(), SecretUrl())  # many senders of CloudEvents can set no header

SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source("distribution", read_distribution, _BY_HEADER),
        Source("docker-hub", read_docker_hub, _BY_URL),
        Source("github", read_github, (Signature("x-hub-signature-256", prefix="sha256="),)),
        Source("gitlab", read_gitlab, (StandardSignature(), Token("x-gitlab-token"))),
        Source("harbor", read_harbor, _BY_HEADER),
        Source("quay", read_quay, _BY_URL),
        Source("acr", read_acr, _BY_HEADER),
        Source("aliyun-acr", read_aliyun_acr, _BY_URL),
        Source("ecr", read_ecr, _BY_HEADER),
        Source("google-artifact-registry", read_google, _BY_URL),
        # One header for both: the secret, or what is signed with it.
        Source("jfrog", read_jfrog, (Signature("x-jfrog-event-auth"), Token("x-jfrog-event-auth"))),
        Source("nexus", read_nexus, (Signature("x-nexus-webhook-signature", "sha1"),)),
        Source("cloudevents", read_cloud_events, _BY_EITHER),
        Source("cdevents", read_cdevents, _BY_EITHER),
    )
}
UNKNOWN = "unknown"
