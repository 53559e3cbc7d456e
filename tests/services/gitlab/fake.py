"""A GitLab for tests: its API and its git over one address, real bare repositories below.

with fake_gitlab(tmp_path) as gitlab:
    ann = gitlab.world.user("ann", token="of-ann")
    shop = gitlab.world.project("platform/shop", {"a.yaml": b"..."}, {ann: MAINTAINER})
    gitlab.url("platform/shop.git")

Every request is checked against the published API where that has the operation; what it lacks
is named in `_UNPUBLISHED`. What breaks it fails the test at the end.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlencode

from tests.services.contract import Contract
from tests.services.git_server import ZERO, GitServer, _Handler, _moves, _Server
from tests.services.gitlab import (
    accounts as gitlab_accounts,
)
from tests.services.gitlab import (
    gates as gitlab_gates,
)
from tests.services.gitlab import (
    requests as gitlab_requests,
)
from tests.services.gitlab import (
    statuses as gitlab_statuses,
)
from tests.services.gitlab import (
    trains as gitlab_trains,
)
from tests.services.gitlab.api import Call, Page, Refusal, find_operation
from tests.services.gitlab.faults import Fault
from tests.services.gitlab.nouns import DEVELOPER, Token, User
from tests.services.gitlab.project import Project
from tests.services.gitlab.world import World

_API = "/api/v4/"
_SERVED = (
    gitlab_accounts,
    gitlab_gates,
    gitlab_requests,
    gitlab_statuses,
    gitlab_trains,
)  # importing them makes their operations known
# SOURCES.md beside the contract: these are real, and not in the published v2 file (of reviewers,
# the pages).
_UNPUBLISHED = re.compile(
    r"user|job|personal_access_tokens/self|.*/notes|.*/approval_rules|.*/merge_trains/.*"
    r"|.*/resource_(label|state)_events|.*/(status_checks|reviewers)|projects/[^/]+/(approvals|events)"
)
_UNPUBLISHED_FIELDS = {"auto_merge"}
_BODILESS = re.compile(r".*/(cancel_merge_when_pipeline_succeeds|reset_approvals|unapprove)")
_WORDS: Mapping[str, object] = {"True": True, "true": True, "False": False, "false": False}
_LISTS = ("labels", "add_labels", "remove_labels")
_JOB_TOKEN = re.compile(r"job|projects/[^/]+/releases(/.*)?")
"""The little that a CI job's token opens (https://docs.gitlab.com/ci/jobs/ci_job_token/)."""


class FakeGitLab(GitServer):
    """A running one. `calls` logs the API requests (method and path), `world.journal` what they
    and people changed. `conflict_status` is 406 for a GitLab before 16."""

    def __init__(
        self, root: Path, base: str, now: Callable[[], datetime] | None, contract: Contract | None
    ) -> None:
        super().__init__(root, base, None, None, False)
        self.world = World(root, now)
        self.contract = contract
        self.calls: list[str] = []
        self.faults: list[Fault] = []
        self.conflict_status = 422
        self.most_per_page = 100
        self.allowance: int | None = None
        """How many requests are answered before 429; told in the headers of each."""
        self._stale: dict[str, tuple[int, object, dict[str, str]]] | None = None

    def fail_once(self, method: str, path: str, **what: Any) -> Fault:
        """The next request that matches goes wrong; see `Fault` for how."""
        fault = Fault(method, path, **what)
        self.faults.append(fault)
        return fault

    def drop_reply(self, method: str, path: str, skip: int = 0) -> Fault:
        return self.fail_once(method, path, drop=True, skip=skip)

    def limit_rate(self, retry_after: int, times: int = 1, path: str = "") -> Fault:
        """429 as GitLab's own limiter answers it, in plain text."""
        headers = {"Retry-After": str(retry_after), **_rate_headers(0)}
        return self.fail_once(".*", path, status=429, headers=headers, times=times)

    def spend(self) -> dict[str, str]:
        """Count a request against the allowance; the headers that tell what is left."""
        if self.allowance is None:
            return {}
        if not self.allowance:
            self.limit_rate(retry_after=60)
        self.allowance = max(self.allowance - 1, 0)
        return _rate_headers(self.allowance)

    @contextlib.contextmanager
    def stale_lists(self) -> Iterator[None]:
        """Lists of merge requests answer as they first did in here, as a lagging replica does."""
        self._stale = {}
        try:
            yield
        finally:
            self._stale = None

    def project_of(self, path: str) -> Project | None:
        """The project that a git URL's path is about."""
        name = path.strip("/").partition(".git")[0]
        return next((each for each in self.world.projects.values() if each.path == name), None)

    def token_of(self, headers: Mapping[str, str]) -> Token | None:
        """Who asks the API; a job's token only counts in its own header."""
        job = self.world.tokens.get(headers.get("JOB-TOKEN", ""))
        if job is not None:
            return job if job.kind == "job" else None
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        found = self.world.tokens.get(headers.get("PRIVATE-TOKEN", "") or bearer)
        return found if found and found.kind == "personal" else None

    def git_token_of(self, header: str | None) -> Token | None:
        """Who uses git: the token is the password, the name is anything."""
        if not (header or "").startswith("Basic "):
            return None
        login = base64.b64decode((header or "").removeprefix("Basic ")).decode()
        return self.world.tokens.get(login.partition(":")[2])

    def allows(self, header: str | None) -> bool:
        return self.git_token_of(header) is not None

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, object, dict[str, str]]:
        """What the API says to a request: status, JSON and headers."""
        raw, _, query = target.partition("?")
        path = raw.removeprefix(_API)
        token = self.token_of(headers)
        if token is None or (token.kind == "job" and not _JOB_TOKEN.fullmatch(path)):
            return 401, {"message": "401 Unauthorized"}, {}
        if method != "GET" and "api" not in token.scopes:
            return 403, {"error": "insufficient_scope", "scope": "api"}, {}
        asked = parse_qs(query, keep_blank_values=True)
        given = _normalized(json.loads(body) if body else {})
        if method in {"POST", "PUT"}:
            # GitLab does not mind where a parameter stands; python-gitlab sends some in the query.
            given |= {name: _WORDS.get(values[-1], values[-1]) for name, values in asked.items()}
            query = ""
        if self.contract and not _UNPUBLISHED.fullmatch(path):
            published = {k: v for k, v in given.items() if k not in _UNPUBLISHED_FIELDS}
            bodiless = method in {"GET", "DELETE"} or _BODILESS.fullmatch(path)
            checked = None if bodiless and not published else published
            self.contract.check_request(method, raw, parse_qsl(query), checked)
        found = find_operation(method, path)
        if found is None:
            return 404, {"error": "404 Not Found"}, {}
        lists = method == "GET" and path.endswith("/merge_requests")
        if lists and self._stale is not None and target in self._stale:
            return self._stale[target]
        serve, parts = found
        call = Call(self.world, token, self.base, parts, asked, given, self.conflict_status)
        try:
            status, shown = serve(call)
        except Refusal as refusal:
            return refusal.status, refusal.body, {}
        told = self._paged(raw, asked, shown) if isinstance(shown, Page) else (shown, {})
        answer = (status, *told)
        if lists and self._stale is not None:
            self._stale[target] = answer
        return answer

    def _paged(
        self, raw: str, query: Mapping[str, Sequence[str]], page: Page
    ) -> tuple[object, dict[str, str]]:
        """One page and the headers that lead on (https://docs.gitlab.com/api/rest/#pagination)."""
        size = min(int(query.get("per_page", ["20"])[-1]), self.most_per_page)
        number = int(query.get("page", ["1"])[-1])
        pages = max(-(-len(page.items) // size), 1)

        def link(to: int) -> str:
            others = [(k, v) for k, values in query.items() if k != "page" for v in values]
            return f"{self.base}{raw}?{urlencode([*others, ('page', to)])}"

        links = {"first": 1, "last": pages}
        if number < pages:
            links["next"] = number + 1
        headers = {
            "X-Page": str(number),
            "X-Per-Page": str(size),
            "X-Next-Page": str(links.get("next", "")),
            "X-Prev-Page": str(number - 1 or ""),
            "X-Total": str(len(page.items)),
            "X-Total-Pages": str(pages),
            "Link": ", ".join(f'<{link(to)}>; rel="{word}"' for word, to in links.items()),
        }
        items = page.items[(number - 1) * size : number * size]
        return [page.show(each) for each in items], headers


def _rate_headers(left: int) -> dict[str, str]:
    """https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/"""
    return {
        "RateLimit-Limit": "600",
        "RateLimit-Observed": str(600 - left),
        "RateLimit-Remaining": str(left),
        "RateLimit-ResetTime": "Mon, 05 Jan 2026 09:01:00 GMT",
        "RateLimit-Name": "throttle_authenticated_api",
    }


def _normalized(body: dict[str, Any]) -> dict[str, Any]:
    """Labels may come as one string with commas, which the published schema does not say."""
    for name in _LISTS:
        if isinstance(body.get(name), str):
            body[name] = [each for each in body[name].split(",") if each]
    return body


class _GitLabHandler(_Handler):
    _pushing: tuple[Project, User]

    @property
    def gitlab(self) -> FakeGitLab:
        return cast("FakeGitLab", self.served)

    do_PUT = do_DELETE = _Handler.do_POST  # noqa: N815 - the base's names

    def _serve(self, body: bytes) -> None:
        if self.path.startswith(_API):
            self._serve_api(body)
        else:
            self._serve_git(body)

    def _serve_api(self, body: bytes) -> None:
        gitlab, path = self.gitlab, self.path.partition("?")[0]
        with gitlab.world.lock:
            gitlab.calls.append(f"{self.command} {path}")
            gitlab.requests.append(f"{self.command} {self.path}")
            rate = gitlab.spend()
            fault = next((f for f in gitlab.faults if f.strikes(self.command, path)), None)
            if fault and fault.status:
                status, shown, headers = fault.status, fault.body, dict(fault.headers)
            else:
                headers_in = dict(self.headers.items())
                status, value, headers = gitlab.answer(self.command, self.path, headers_in, body)
                shown = b"" if status == 204 else json.dumps(value, ensure_ascii=False).encode()
                headers |= {"Content-Type": "application/json", **rate}
        if fault and fault.gate:
            fault.gate.wait(timeout=30)
        if fault and fault.drop:
            # No status line at all: the client cannot know whether it was done.
            self.close_connection = True
            return
        self._answer(status, headers, shown)

    def _serve_git(self, body: bytes) -> None:
        """As GitLab: without access there is no project; a protected branch is refused by its
        pre-receive hook, the others of the push with it."""
        gitlab = self.gitlab
        token = gitlab.git_token_of(self.headers.get("Authorization"))
        project = gitlab.project_of(self.path)
        writes = "git-receive-pack" in self.path
        if token is None:
            super()._serve(body)
        elif project is None or (project.private and not project.access(token.user)):
            self._answer(404, {}, b"")
        elif writes and (
            project.access(token.user) < DEVELOPER
            or not {"api", "write_repository"} & set(token.scopes)
            or token.kind == "job"
        ):
            self._answer(403, {}, b"You are not allowed to push code to this project.\n")
        elif writes and self.command == "POST":
            self._take_push(project, token.user, body)
        else:
            super()._serve(body)

    def _take_push(self, project: Project, user: User, body: bytes) -> None:
        world, moves = self.gitlab.world, _moves(body)
        with world.lock:
            if not all(_allowed(project, user, *move) for move in moves):
                kind = {"Content-Type": "application/x-git-receive-pack-result"}
                self._answer(200, kind, _refused(body, [ref for ref, _, _ in moves]))
                return
            fault = next((f for f in self.gitlab.faults if f.strikes_push(self.path)), None)
            if fault and fault.status:
                self._answer(fault.status, dict(fault.headers), fault.body)
                return
            if fault and fault.drop:
                self.gitlab.drop_next_reply()
            self._pushing = (project, user)
            super()._serve(body)

    def _note_push(self, moves: tuple[tuple[str, str, str], ...]) -> None:
        super()._note_push(moves)
        world, (project, user) = self.gitlab.world, self._pushing
        project.pusher = user
        for ref, _, new in moves:
            if project.tip(ref.removeprefix("refs/heads/")) in {new, None}:
                world.note_effect(user, "push", ref)
        world.sync(project)


class _GitLabServer(_Server):
    """Hangs up at the end: clients keep their connections, and a handler waits on each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _GitLabHandler)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _allowed(project: Project, user: User, ref: str, old: str, new: str) -> bool:
    branch = ref.removeprefix("refs/heads/")
    deletes = new == ZERO and branch in project.protections
    return not ref.startswith("refs/heads/") or (project.may_push(user, branch) and not deletes)


def _refused(body: bytes, refs: Sequence[str]) -> bytes:
    """A report that every ref was declined (gitprotocol-pack, "Report Status")."""

    def line(data: bytes) -> bytes:
        return b"%04x%s" % (len(data) + 4, data)

    report = line(b"unpack ok\n")
    for ref in refs:
        report += line(b"ng %s pre-receive hook declined\n" % ref.encode())
    report += b"0000"
    if b"side-band-64k" not in body.split(b"0000", 1)[0]:
        return report
    why = b"GitLab: You are not allowed to push code to protected branches on this project.\n"
    return line(b"\x02" + why) + line(b"\x01" + report) + b"0000"


@contextlib.contextmanager
def fake_gitlab(
    root: Path, now: Callable[[], datetime] | None = None, *, checked: bool = True
) -> Iterator[FakeGitLab]:
    """Serve a new, empty GitLab on a free loopback port, its repositories below `root`. `now`
    gives the time of events (UTC); by default each is a second after the one before.
    `checked=False` leaves the published API aside, where time is measured or it is not at hand."""
    contract = Contract("gitlab.json", "") if checked else None  # first: it may skip the test
    root.mkdir(parents=True, exist_ok=True)
    server = _GitLabServer()
    gitlab = FakeGitLab(root, f"http://127.0.0.1:{server.server_address[1]}", now, contract)
    server.served = gitlab
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield gitlab
    finally:
        for fault in gitlab.faults:
            if fault.gate:
                fault.gate.set()
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()
    if contract:
        contract.verify()
