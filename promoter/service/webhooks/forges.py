"""What GitHub and GitLab send. Pure; each function raises MalformedError."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from promoter.model.address import GitAddress
from promoter.service.webhooks.nudge import ImagePushed, Nudge, RepositoryChanged
from promoter.service.webhooks.payload import (
    MalformedError,
    host_in,
    member,
    needed,
    pushed,
    pushed_reference,
    text,
)
from promoter.service.webhooks.request import Headers

_GHCR = "ghcr.io"
_LONGEST_URL = 2048
_PACKAGES = ("package", "registry_package")
_GITHUB_CHANGES = (
    *("push", "create", "delete", "merge_group"),
    *("pull_request", "pull_request_review", "issue_comment", "issues"),
)
# Checks that are only begun say nothing that a gate waits for.
_GITHUB_CHECKS = ("check_run", "check_suite")
_GITLAB_CHANGES = (
    *("push", "tag_push", "repository_update", "merge_request", "note"),
    *("pipeline", "build", "issue"),
)
_GITHUB_URLS = (("repository", "clone_url"), ("repository", "ssh_url"), ("repository", "html_url"))
_GITLAB_URLS = (
    *(("project", "git_http_url"), ("project", "git_ssh_url"), ("project", "web_url")),
    *(("repository", "git_http_url"), ("repository", "git_ssh_url"), ("repository", "homepage")),
)


def read_github(headers: Headers, body: object) -> Iterator[Nudge]:
    """GitHub, its container registry among it ("Webhook events and payloads")."""
    event = headers.get("x-github-event", "")
    if not event:
        raise MalformedError("the header X-GitHub-Event is missing")
    if event in _PACKAGES:
        yield from _github_package(body)
    elif (
        event in _GITHUB_CHANGES
        or (event in _GITHUB_CHECKS and needed(body, "action") == "completed")
        or (event == "status" and needed(body, "state") != "pending")
    ):
        yield _changed(body, _GITHUB_URLS)


def _github_package(body: object) -> Iterator[ImagePushed]:
    package = member(body, "package") or member(body, "registry_package")
    action = needed(body, "action")
    kind = text(package, "package_type") or needed(package, "ecosystem")
    if kind.lower() not in ("container", "docker") or action == "deleted":
        return
    version = member(package, "package_version")
    tag = text(version, "container_metadata", "tag", "name")
    label = tag or text(version, "name") or text(version, "version")
    if not label:
        raise MalformedError("package_version has neither tag nor name")
    if ":" in label:  # pushed by digest: a part of an index
        return
    url = text(version, "package_url").lower()
    if url:
        told = pushed_reference(url.rstrip(":"))
        yield pushed(told.path, told.host, label)
        return
    name = needed(package, "name")
    registry = text(package, "registry", "url")
    if host_in(registry) == _GHCR:
        place = registry.partition("://")[2].partition("/")[2].strip("/")
    else:
        place = text(package, "owner", "login") or needed(package, "namespace")
    yield pushed(f"{place}/{name}", _GHCR, label)


def read_gitlab(_headers: Headers, body: object) -> Iterator[Nudge]:
    """GitLab: webhooks of projects and groups, and system hooks ("Webhook events")."""
    kind = text(body, "object_kind") or needed(body, "event_name")
    if kind in _GITLAB_CHANGES:
        yield _changed(body, _GITLAB_URLS)


def _changed(body: object, places: Iterable[tuple[str, str]]) -> RepositoryChanged:
    urls = tuple(dict.fromkeys(url for place in places if _is_remote(url := text(body, *place))))
    if not urls:
        raise MalformedError("no address of a repository is there")
    return RepositoryChanged(urls)


def _is_remote(url: str) -> bool:
    try:
        return len(url) < _LONGEST_URL and GitAddress.parse(url).host is not None
    except ValueError:
        return False
