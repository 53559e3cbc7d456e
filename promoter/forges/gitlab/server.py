"""A project on a GitLab server: where it is, and how python-gitlab talks to it.

python-gitlab speaks through the process's own HTTP client: time-outs, proxies, certificates, rates
and retries are decided there once (only what is safe to repeat is repeated), and a redirect never
takes the token to another host.
"""

from __future__ import annotations

import io
import json as json_format
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from gitlab import Gitlab
from gitlab.exceptions import GitlabError
from gitlab.v4.objects import Project

from promoter.access.call import Peer
from promoter.access.credentials import Credential
from promoter.access.http import HttpClient
from promoter.access.redaction import redact
from promoter.errors import ConflictError, InputError, PromoterError, TransientError
from promoter.model.address import GitAddress

_LARGEST_ANSWER = 64 << 20  # bytes; a page of 100 requests, of which others wrote the descriptions
PAGE = 100  # the most that GitLab gives
_MOST_WORDS = 300
# git over SSH through port 443 has a host name of its own there.
_SERVER_BY_SSH_HOST = {"altssh.gitlab.com": "gitlab.com"}


@dataclass(frozen=True)
class GitLabPlace:
    """`server` is a base URL without a slash at the end (`https://git.example.com/gitlab`),
    `project` a path with its groups (`platform/manifests`)."""

    server: str
    project: str

    @property
    def host(self) -> str:
        """`host` or `host:port`, the key of a credentials file."""
        return urlsplit(self.server).netloc

    def __str__(self) -> str:
        return f"{self.server.partition('://')[2]}/{self.project}"

    @classmethod
    def of(cls, url: str, servers: Sequence[str] = ()) -> GitLabPlace:
        """Where a repository's address points. `servers`: base URLs that are below a path, or
        that an SSH host belongs to; the longest that fits wins. InputError for what is no
        address of a project."""
        try:
            address = GitAddress.parse(url)
        except ValueError as error:
            raise InputError(f"the address of a repository {error}") from None
        if address.host is None:
            raise InputError(f"{redact(url)} is on this machine: a GitLab project has a host")
        over_http = address.scheme in ("http", "https")
        host = address.place if over_http else _SERVER_BY_SSH_HOST.get(address.host, address.host)
        server = f"{address.scheme if over_http else 'https'}://{host}"
        path = address.path.strip("/").removesuffix(".git").rstrip("/")
        for base in sorted((each.rstrip("/") for each in servers), key=len, reverse=True):
            parts = urlsplit(base)
            below = parts.path.strip("/")
            if over_http and parts.netloc.lower() == host and _is_below(path, below):
                server, path = base, path.removeprefix(below).lstrip("/")
                break
            if not over_http and parts.hostname == host:
                server = base
                break
        if "/" not in path:
            raise InputError(
                f"{redact(url)} names no GitLab project: write https://HOST/GROUP/PROJECT"
            )
        return cls(server, path)


def _is_below(path: str, prefix: str) -> bool:
    return not prefix or path.startswith(f"{prefix}/")


class GitLabServer:
    """One project, through python-gitlab; thread-safe. The credential is asked for at every
    request, so that a renewed one is soon used."""

    def __init__(
        self,
        place: GitLabPlace,
        credential: Callable[[str], Credential | None],
        http: HttpClient,
    ) -> None:
        self.place = place
        self._credential = credential
        self._bot: tuple[Credential | None, Mapping[str, Any]] | None = None
        self.api = Gitlab(
            place.server,
            per_page=PAGE,
            # A server behind a proxy may name itself otherwise in its links to further pages.
            keep_base_url=True,
            backend=partial(_Backend, http, place.server, self._headers),
        )

    @property
    def project(self) -> Project:
        """The project as a name to call by; nothing is asked."""
        return self.api.projects.get(self.place.project, lazy=True)

    @property
    def project_path(self) -> str:
        """In front of what python-gitlab has no method for."""
        return f"/projects/{self.project.encoded_id}"

    def whoami(self) -> Mapping[str, Any]:
        """The user that the token acts as, asked once for each token.

        A job token can't ask for its user; its job tells it.
        """
        credential = self._credential(self.place.host)
        if self._bot is None or self._bot[0] != credential:
            job = self.has_job_token()
            with self.speaking("asking who the token is"):
                found: Any = self.api.http_get("/job" if job else "/user")
            user = found.get("user") if job and isinstance(found, dict) else found
            if not isinstance(user, dict) or not isinstance(user.get("id"), int):
                raise TransientError(f"{self.place.host} does not tell whose token this is")
            self._bot = (credential, user)
        return self._bot[1]

    def has_job_token(self) -> bool:
        credential = self._credential(self.place.host)
        return credential is not None and is_job_token(credential)

    @contextmanager
    def speaking(self, what: str) -> Iterator[None]:
        """Whatever GitLab refuses within becomes an error of ours; `what` was being done."""
        try:
            yield
        except GitlabError as error:
            raise self.translate(error, what) from None

    def translate(self, error: GitlabError, what: str) -> PromoterError:
        """By status: https://docs.gitlab.com/api/rest/troubleshooting/#status-codes."""
        status, words = error.response_code, words_of(error)
        about = f"{self.place}: {what}"
        if status is None:
            return TransientError(
                f"{about}: the answer is not what GitLab's API says; is the server's address"
                " right, with the path that it is below?"
            )
        if status == 401:
            return InputError(f"{about}: GitLab does not accept the token; {self._which_token()}")
        if status == 403:
            return InputError(
                f"{about}: GitLab forbids it ({words}); the token needs the scope api and the"
                " role Developer or a higher one"
            )
        if status == 404:
            return InputError(
                f"{about}: GitLab knows nothing there, or hides it from this token;"
                f" {self._which_token()}"
            )
        if status in (409, 412):
            return ConflictError(f"{about}: {words}")
        if status in (405, 406, 425, 429) or status >= 500:
            return TransientError(f"{about}: GitLab says: {words}")
        return InputError(f"{about}: GitLab refuses it with status {status}: {words}")

    def _which_token(self) -> str:
        credential = self._credential(self.place.host)
        if credential is None:
            return f"add the entry '{self.place.host}' in the credentials file"
        if is_job_token(credential):
            return "a CI job's token opens few doors: give a project access token instead"
        return (
            f"check that the one of {credential.origin} has not expired, has the scope api, and"
            " is a member of the project"
        )

    def _headers(self) -> Mapping[str, str]:
        """https://docs.gitlab.com/api/rest/authentication/."""
        credential = self._credential(self.place.host)
        if credential is None:
            return {}
        name = "JOB-TOKEN" if is_job_token(credential) else "PRIVATE-TOKEN"
        return {name: credential.password}


def is_job_token(credential: Credential) -> bool:
    """A CI job's token, told as for git over HTTPS: by its user name."""
    return credential.username == "gitlab-ci-token"


def words_of(error: GitlabError) -> str:
    """What GitLab said, on one line, and no more than a line of it."""
    said: Any = error.error_message
    if isinstance(said, bytes):
        said = said.decode("utf-8", "replace")
    if isinstance(said, dict):
        said = "; ".join(f"{key}: {value}" for key, value in said.items())
    if isinstance(said, list):
        said = "; ".join(map(str, said))
    # Masked before it is cut: a part of a secret would not be known as one.
    return redact(" ".join(str(said).split()))[:_MOST_WORDS] or "nothing"


class _Backend:
    """`gitlab._backends.protocol.Backend` over our own client."""

    client = None  # python-gitlab keeps a reference to a session; there is none here

    def __init__(
        self, http: HttpClient, server: str, headers: Callable[[], Mapping[str, str]]
    ) -> None:
        self._http = http
        self._server = server
        self._peer = Peer("forge", urlsplit(server).netloc)
        self._headers = headers

    @staticmethod
    def prepare_send_data(files: object, post_data: Any, raw: bool) -> _Sent:
        if files or raw:
            raise NotImplementedError("nothing is uploaded")
        return _Sent(post_data)

    def http_request(
        self,
        method: str,
        url: str,
        *,
        json: Any,
        params: Mapping[str, Any],
        headers: Mapping[str, str],
        **_: object,
    ) -> _Answer:
        if not url.startswith(f"{self._server}/"):
            # A link to a further page may say anything; the token goes to its own server only.
            raise TransientError(f"{self._server} leads to another server for its further pages")
        query = urlencode(params, doseq=True)
        reply = self._http.request(
            method.upper(),
            f"{url}?{query}" if query else url,
            headers={**headers, **self._headers()},
            body=None if json is None else json_format.dumps(json).encode(),
            limit=_LARGEST_ANSWER,
            peer=self._peer,
        )
        response = requests.Response()
        response.status_code = reply.status
        response.headers.update(reply.headers.items())
        response.encoding = "utf-8"
        response.raw = io.BytesIO(reply.body)
        return _Answer(response)


@dataclass(frozen=True)
class _Sent:
    json: Any
    data: None = None
    content_type: str = "application/json"


@dataclass(frozen=True)
class _Answer:
    response: requests.Response

    @property
    def status_code(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    @property
    def content(self) -> bytes:
        return self.response.content

    @property
    def reason(self) -> str:
        return ""

    def json(self) -> Any:
        return self.response.json()
