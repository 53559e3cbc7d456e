"""A GitHub that remembers, over real bare repositories, on a loopback port.

    with fake_github(tmp_path, now=clock) as hub:
        hub.add_user("bot", token="t0ken")
        shop = hub.create("acme/shop", {"apps/web.yaml": b"..."}, write=("bot", "ann"))
        github.Github(base_url=hub.api, auth=github.Auth.Token("t0ken"))
        shop.approve(1, "ann")

Its API is below `/api/v3`, as GitHub Enterprise has it, and git works over HTTP on the same port
(`shop.url`), with a token for a password: `repository.url` of a rule may be that. Each request and
each answer of the API is checked against the published one; leaving the `with` fails the test where
one did not hold. `shop.git` is the bare repository behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from tests.services.contract import Contract
from tests.services.git_server import DATE, create_repository
from tests.services.github import (
    accounts as github_accounts,
)
from tests.services.github import (
    checks as github_checks,
)
from tests.services.github import (
    graphql as github_graphql,
)
from tests.services.github import (
    issues as github_issues,
)
from tests.services.github import (
    pulls as github_pulls,
)
from tests.services.github import (
    refs as github_refs,
)
from tests.services.github import (
    rules as github_rules,
)
from tests.services.github import (
    smart_http as github_smart_http,
)
from tests.services.github.faults import Fault, Faults, Limits
from tests.services.github.json import APP_PERMISSIONS
from tests.services.github.people import HostedRepository
from tests.services.github.routes import Answer, Request, Router
from tests.services.github.state import App, Effect, GitHubError, Repository, World

_ROOT = "/api/v3"
_GRAPHQL = "/api/graphql"
WORKFLOW = "github-actions[bot]"
_DOCS = "https://docs.github.com/rest"
_ROUTER = Router(
    github_accounts.ROUTES,
    github_pulls.ROUTES,
    github_issues.ROUTES,
    github_checks.ROUTES,  # before refs, whose paths hold theirs
    github_refs.ROUTES,
)


@dataclass
class FakeGitHub:
    """`requests` are the API's, `METHOD /path?query` as they came, `git_requests` those of git;
    `journal` is what they and people changed."""

    root: Path
    world: World
    contract: Contract | None
    faults: Faults
    limits: Limits
    requests: list[str] = field(default_factory=list)
    git_requests: list[str] = field(default_factory=list)
    _closing: threading.Event = field(default_factory=threading.Event)

    @property
    def api(self) -> str:
        return self.world.api

    @property
    def journal(self) -> list[Effect]:
        return self.world.journal

    def effects(self, *what: str) -> list[Effect]:
        """The effects of some kinds, or all."""
        return [each for each in self.world.journal if not what or each.what in what]

    def add_user(self, login: str, token: str | None = None) -> None:
        self.world.account(login)
        if token is not None:
            self.world.tokens[token] = login

    def add_workflow(self, repository: HostedRepository, token: str) -> None:
        """A job of GitHub Actions with its GITHUB_TOKEN, which may write there."""
        self.add_user(WORKFLOW, token)
        repository.state.permissions[WORKFLOW] = "write"

    def add_app(
        self, number: int, slug: str, public_key: str, permissions: Mapping[str, str] | None = None
    ) -> App:
        given = dict(APP_PERMISSIONS if permissions is None else permissions)
        app = App(number, slug, public_key, permissions=given)
        self.world.apps[number] = app
        self.world.account(f"{slug}[bot]")
        return app

    def install(self, app: App, repository: HostedRepository) -> None:
        """The App may write there from now on."""
        with self.world.lock:
            app.installed[repository.state.full_name] = self.world.next_id()
            repository.state.permissions[f"{app.slug}[bot]"] = "write"

    def create(
        self,
        full_name: str,
        files: Mapping[str, bytes] | None = None,
        *,
        branch: str = "main",
        admin: tuple[str, ...] = (),
        write: tuple[str, ...] = (),
        read: tuple[str, ...] = (),
    ) -> HostedRepository:
        owner, _, name = full_name.partition("/")
        git = create_repository(self.root / f"{full_name}.git", files, branch)
        github_smart_http.prepare(git)
        world = self.world
        state = Repository(world.next_id(), owner, name, git, world.now())
        for logins, permission in ((read, "read"), (write, "write"), (admin, "admin")):
            state.permissions.update(dict.fromkeys(logins, cast("Any", permission)))
        for login in (owner, *state.permissions):
            world.account(login)
        world.repositories[full_name] = state
        github_rules.catch_up(world, state)
        return HostedRepository(world, state)

    def answer(
        self, method: str, target: str, sent: Mapping[str, str | None], content: bytes
    ) -> Answer:
        """What GitHub says to a request; `target` is its path and query, as sent."""
        raw, _, query = target.partition("?")
        path = raw.removeprefix(_ROOT)
        pairs = parse_qsl(query, keep_blank_values=True)
        body = json.loads(content) if content else None
        try:
            login, app = github_accounts.identify(self.world, sent.get("Authorization"))
        except GitHubError as error:
            return _refusal(error)
        if path == "/rate_limit":
            return self._tell_limits(login)
        with self.world.lock:
            if self.limits.is_over(login):
                text = f"API rate limit exceeded for user ID {self.world.account(login).id}."
                return _refusal(GitHubError(403, text), self.limits.headers(login))
            self.limits.count(login)
            if self.contract and raw != _GRAPHQL:
                self.contract.check_request(method, path, pairs, body)
            request = Request(
                self.world, method, path, dict(pairs), body, login, app, stale=self.faults.stale
            )
            try:
                answer = self._work(raw, request)
            except GitHubError as error:
                answer = _refusal(error)
        if self.contract and raw != _GRAPHQL:
            # One round trip: what is checked is what is sent.
            self.contract.check_response(method, path, answer.status, answer.body)
        if method == "GET" and answer.status == 200:
            answer = _tag(answer)
            if sent.get("If-None-Match") == answer.headers["ETag"]:
                self.limits.uncount(login)
                answer = Answer(None, 304, answer.headers)
        return Answer(answer.body, answer.status, {**self.limits.headers(login), **answer.headers})

    def _work(self, raw: str, request: Request) -> Answer:
        for each in self.world.repositories.values():
            github_rules.catch_up(self.world, each)
        if raw == _GRAPHQL:
            return github_graphql.answer(request)
        handler, request.names = _ROUTER.find(request.method, request.path)
        return handler(request)

    def _tell_limits(self, login: str) -> Answer:
        told = self.limits.told(login)
        resources = dict.fromkeys(("core", "graphql", "search"), told)
        return Answer({"resources": resources, "rate": told}, headers=self.limits.headers(login))


def _tag(answer: Answer) -> Answer:
    mark = hashlib.sha256(json.dumps(answer.body).encode()).hexdigest()
    return Answer(answer.body, answer.status, {**answer.headers, "ETag": f'W/"{mark}"'})


def _refusal(error: GitHubError, headers: Mapping[str, str] | None = None) -> Answer:
    body: dict[str, Any] = {"message": error.message, "documentation_url": _DOCS}
    if error.details:
        body["errors"] = list(error.details)
    return Answer(body, error.status, headers or {})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        hub = cast("_Server", self.server).hub
        content = self._read()
        is_git = github_smart_http.is_git(self.path)
        request = f"{self.command} {self.path.removeprefix(_ROOT)}"
        (hub.git_requests if is_git else hub.requests).append(request)
        fault = hub.faults.take(request)
        if fault and fault.kind in ("fail", "graphql", "secondary"):
            self._send(_strike(fault))
            return
        if fault and fault.kind == "slow":
            hub._closing.wait(fault.seconds)
        drops = fault is not None and fault.kind == "drop"
        if is_git:
            self._serve_git(hub, content, drops)
            return
        sent = {name: self.headers.get(name) for name in ("Authorization", "If-None-Match")}
        answer = hub.answer(self.command, self.path, sent, content)
        if drops:
            self.close_connection = True
            return
        self._send(answer)

    def _serve_git(self, hub: FakeGitHub, content: bytes, drops: bool) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = github_smart_http.GitRequest(self.command, self.path, headers, content)
        answer = github_smart_http.serve(hub.world, hub.root, asked)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        if drops:
            # Headers first: without any answer, curl would ask again by itself.
            self.close_connection = True
            return
        self.wfile.write(answer.content)

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass

    def _send(self, answer: Answer) -> None:
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _strike(fault: Fault) -> Answer:
    if fault.kind == "secondary":
        text = "You have exceeded a secondary rate limit. Please wait a few minutes."
        headers = {"Retry-After": str(int(fault.seconds))}
        return _refusal(GitHubError(403, text), headers)
    if fault.kind == "graphql":
        kind = {"type": fault.type} if fault.type else {}
        return Answer({"data": None, "errors": [{**kind, "message": fault.said}]})
    return _refusal(GitHubError(fault.status, fault.said))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    hub: FakeGitHub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def ticking(start: datetime = DATE) -> Callable[[], datetime]:
    """A clock that is a second later each time it is read, so that all has an order."""
    passed = iter(range(sys.maxsize))
    return lambda: start + timedelta(seconds=next(passed))


@contextlib.contextmanager
def fake_github(
    root: Path, *, now: Callable[[], datetime] | None = None, checked: bool = True
) -> Iterator[FakeGitHub]:
    """Serve it; `now` is the time of what happens there. `checked=False` leaves the published API
    aside, where time is measured."""
    contract = Contract("github.json", "") if checked else None  # first: it may skip the test
    root.mkdir(parents=True, exist_ok=True)
    server = _Server(("127.0.0.1", 0), _Handler)
    world = World(now or ticking(), f"http://127.0.0.1:{server.server_address[1]}")
    hub = FakeGitHub(root, world, contract, Faults(world), Limits(world))
    server.hub = hub
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub._closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
    if contract:
        contract.verify()
