"""As much of GitHub as the adapter's own tests need: merge requests without a repository behind.

What only the whole fake can show (a merge that really merges) is told by the stories.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HEAD = "a" * 40
Json = dict[str, Any]


class RefusalError(Exception):
    def __init__(self, status: int, message: str, *errors: object) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {"message": message, "errors": list(errors)} if errors else None
        self.answer = self.answer or {"message": message}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any
    token: str


@dataclass
class SmallGitHub:
    """The state, to be set up by a test. `scripted` answers come first, in their order, as
    (status, headers, body); a status of 0 does the work and drops the connection."""

    base: str = ""
    name: str = "shop/manifests"
    me: str | None = "promoter-bot"
    clock: datetime = START
    branches: dict[str, str] = field(default_factory=lambda: {"main": "0" * 40})
    pulls: list[Json] = field(default_factory=list)
    closers: dict[int, Json] = field(default_factory=dict)
    comments: dict[int, list[Json]] = field(default_factory=dict)
    reviews: dict[int, list[Json]] = field(default_factory=dict)
    rights: dict[str, str] = field(default_factory=dict)
    settings: Json = field(default_factory=dict)
    merge_refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=lambda: {"ghp_first"})
    app: Json | None = None
    page: int = 100
    scripted: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def calls(self) -> list[str]:
        return [f"{each.method} {each.path}" for each in self.asked]

    def at(self, **more: float) -> str:
        return (self.clock + timedelta(**more)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def add(self, branch: str, *, base: str = "main", fork: bool = False, **more: Any) -> Json:
        self.branches.setdefault(branch, HEAD)
        number = len(self.pulls) + 1
        repo = {"id": 1, "full_name": self.name}
        pull = {
            "number": number,
            "node_id": f"PR_{number}",
            "state": "open",
            "title": "a title",
            "draft": False,
            "labels": [],
            "requested_reviewers": [],
            "assignees": [],
            "body": "",
            "html_url": f"{self.base}/{self.name}/pull/{number}",
            "user": {"login": self.me, "type": "User"},
            "head": {
                "ref": branch,
                "sha": self.branches[branch],
                "repo": {"id": 2, "full_name": "stranger/manifests"} if fork else repo,
            },
            "base": {"ref": base, "repo": repo},
            "created_at": self.at(),
            "updated_at": self.at(),
            "closed_at": None,
            "merged_at": None,
            **more,
        }
        self.pulls.append(pull)
        return pull

    def end(self, pull: Json, who: str | None = None, *, merged: bool = False) -> None:
        pull.update(state="closed", closed_at=self.at(), updated_at=self.at())
        if merged:
            pull["merged_at"] = self.at()
        kind = "Bot" if who and who.endswith("[bot]") else "User"
        self.closers[pull["number"]] = {"login": who, "type": kind} if who else {}

    def review(self, number: int, who: str, state: str, head: str = HEAD) -> None:
        kind = "Bot" if who.endswith("[bot]") else "User"
        review = {"user": {"login": who, "type": kind}, "state": state, "commit_id": head}
        self.reviews.setdefault(number, []).append(review)

    def answer(self, asked: Asked) -> Any:
        path, method = asked.path, asked.method
        if not self._knows(asked):
            raise RefusalError(401, "Bad credentials")
        if path == "/user":
            if self.me is None:
                raise RefusalError(403, "Resource not accessible by integration")
            return {"login": self.me}
        if path == "/graphql":
            return self._graphql(asked.body)
        if path.startswith("/app/installations/"):
            return self._lend()
        if not path.startswith(f"/repos/{self.name}"):
            raise RefusalError(404, "Not Found")
        match method, path.removeprefix(f"/repos/{self.name}").strip("/").split("/"):
            case "GET", [""]:
                return {"full_name": self.name, **self.settings}
            case "GET", ["installation"] if self.app is not None:
                return {"id": 7, "app_slug": self.app["slug"]}
            case "GET", ["pulls"]:
                return self._listed(dict(asked.query))
            case "POST", ["pulls"]:
                return self._opened(asked.body)
            case "GET", ["pulls", number]:
                return self._pull(number)
            case "PATCH", ["pulls", number]:
                return self._changed(self._pull(number), asked.body)
            case "PUT", ["pulls", number, "merge"]:
                return self._merged(self._pull(number), asked.body)
            case "GET", ["pulls", number, "reviews"]:
                return self.reviews.get(int(number), [])
            case "GET", ["issues", number, "events"]:
                return [self._closed(int(number))]
            case "GET", ["issues", number, "comments"]:
                return self.comments.get(int(number), [])
            case "POST", ["issues", number, "comments"]:
                self.comments.setdefault(int(number), []).append(asked.body)
                return asked.body
            case "GET", ["collaborators", who, "permission"]:
                return {"permission": self.rights.get(unquote(who), "none")}
            case "GET", ["git", "ref", "heads", *branch]:
                if (head := self.branches.get("/".join(branch))) is None:
                    raise RefusalError(404, "Not Found")
                return {"object": {"type": "commit", "sha": head}}
            case "DELETE", ["git", "refs", "heads", *branch]:
                if self.branches.pop("/".join(branch), None) is None:
                    raise RefusalError(422, "Reference does not exist")
                return None
        raise RefusalError(404, "Not Found")

    def _closed(self, number: int) -> Json:
        actor = self.closers.get(number) or None
        return {
            "event": "closed",
            "actor": actor,
            "created_at": self.pulls[number - 1]["closed_at"],
        }

    def _pull(self, number: str) -> Json:
        return self.pulls[int(number) - 1]

    def _listed(self, query: dict[str, str]) -> list[Json]:
        by = query.get("sort", "created") + "_at"
        found = [
            each
            for each in self.pulls
            if each["state"] == query.get("state", "open")
            and each["base"]["ref"] == query.get("base", each["base"]["ref"])
            and query.get("head", f"shop:{each['head']['ref']}") == f"shop:{each['head']['ref']}"
        ]
        return sorted(found, key=lambda each: str(each[by]), reverse=True)

    def _opened(self, body: Json) -> Json:
        for side in ("head", "base"):
            if body[side] not in self.branches:
                invalid = {"resource": "PullRequest", "field": side, "code": "invalid"}
                raise RefusalError(422, "Validation Failed", invalid)
        for each in self.pulls:
            here = each["state"] == "open" and each["base"]["ref"] == body["base"]
            here = here and (each["head"]["repo"] or {}).get("id") == 1
            if here and each["head"]["ref"] == body["head"]:
                already = f"A pull request already exists for shop:{body['head']}."
                raise RefusalError(422, "Validation Failed", {"code": "custom", "message": already})
        if len(body["body"]) > 65_536 or len(body["title"]) > 256:
            raise RefusalError(422, "Validation Failed", {"message": "is too long"})
        return self.add(body["head"], base=body["base"], title=body["title"], body=body["body"])

    def _changed(self, pull: Json, body: Json) -> Json:
        if "base" in body:
            pull["base"]["ref"] = body["base"]
        pull.update({key: body[key] for key in ("title", "body") if key in body})
        if body.get("state") == "closed" and pull["state"] == "open":
            self.end(pull, self.me)
        return pull

    def _merged(self, pull: Json, body: Json) -> Json:
        status, message = self.merge_refusals.get(body["merge_method"], (0, ""))
        if status:
            raise RefusalError(status, message)
        if body["sha"] != pull["head"]["sha"]:
            raise RefusalError(409, "Head branch was modified. Review and try the merge again.")
        self.end(pull, self.me, merged=True)
        return {"merged": True, "sha": "f" * 40}

    def _graphql(self, body: Json) -> Json:
        if "viewer" in body["query"]:
            return {"data": {"viewer": {"login": "github-actions[bot]"}}}
        return {"data": {"repository": {"mergeQueue": None}}}

    def _lend(self) -> Json:
        assert self.app is not None
        token = f"ghs_lent_{len(self.app['lent']) + 1}"
        self.app["lent"].append(token)
        self.tokens.add(token)
        return {"token": token, "expires_at": self.at(hours=1)}

    def _knows(self, asked: Asked) -> bool:
        is_app = asked.path.startswith("/app/") or asked.path.endswith("/installation")
        return is_app or asked.token in self.tokens


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        served: SmallGitHub = self.server.served  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size)) if size else None
        path = url.path.removeprefix("/api/v3").removeprefix("/api")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        asked = Asked(self.command, path, tuple(parse_qsl(url.query)), body, token)
        served.asked.append(asked)
        status, headers, answer = 200, dict[str, str](), None
        script = served.scripted.pop(0) if served.scripted else None
        try:
            if script is not None and script[0]:
                status, headers, answer = script
            else:
                answer = served.answer(asked)
        except RefusalError as error:
            status, answer = error.status, error.answer
        if script is not None and not script[0]:
            self.close_connection = True
            return
        if isinstance(answer, list):
            page = int(dict(asked.query).get("page", "1"))
            if len(answer) > page * served.page:
                headers["Link"] = f'<{served.base}/next>; rel="next"'
            answer = answer[(page - 1) * served.page : page * served.page]
        text = answer if isinstance(answer, str) else "" if answer is None else json.dumps(answer)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@contextlib.contextmanager
def small_github() -> Iterator[SmallGitHub]:
    """Serve it on a free loopback port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    served = SmallGitHub(base=f"http://127.0.0.1:{server.server_address[1]}")
    server.served = served  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
