"""One conversation with GitHub: PyGithub's requests, with the manners and errors of this house.

Answers stay the JSON that came: PyGithub's objects ask again, unseen, for each attribute that a
list leaves out, and then a look costs a call for every merge request.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from queue import Empty, LifoQueue
from typing import Any, Protocol
from urllib.parse import urlsplit

from github import Github, GithubException
from github.Auth import Auth
from github.Requester import Requester
from requests.structures import CaseInsensitiveDict
from urllib3.util import Retry

from promoter.access.call import Peer, measured, refusals
from promoter.errors import InputError, PromoterError
from promoter.forges.github.place import GitHubPlace
from promoter.forges.github.trouble import (
    LimitedError,
    UnauthorizedError,
    message_of,
    translate,
)

Json = dict[str, Any]
Answer = tuple[dict[str, Any], Any]
"""Headers, and the JSON that came."""

PER_PAGE = 100
_PATIENCE = timedelta(seconds=20)
WRITE_PAUSE = 1.0  # seconds; docs.github.com, "Best practices for using the REST API"


class Login(Protocol):
    """What proves who we are; thread-safe. `str()` names it for people: no secret in it."""

    def token(self) -> str:
        """The token to show now. Raises InputError, TransientError."""

    def renew(self) -> bool:
        """The last one was refused: whether there is another one now."""

    def name(self, ask: Callable[[str, str], Json]) -> str | None:
        """The login that the bot acts under; `ask` gets an object, by its path and a key of it.
        None where only GraphQL tells."""

    def permissions(self) -> Mapping[str, str] | None:
        """What an App's installation was given (`contents` -> `write`); None: nobody tells."""


class _Shown(Auth):
    """The login's token, asked for anew with each request."""

    def __init__(self, login: Login) -> None:
        self._login = login

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self._login.token()


class Conversation:
    """Requests about one repository; thread-safe. Raises only `promoter.errors`.

    `timeout` in seconds for each answer; `patience`: how long a limit that GitHub told is waited
    for within a call, before it is "later"; `write_pause` in seconds between two writes;
    `verify`: False or a file of CAs, as requests has it. PyGithub is not thread-safe: a client
    serves one call at a time.
    """

    def __init__(
        self,
        place: GitHubPlace,
        login: Login,
        now: Callable[[], datetime],
        *,
        timeout: int = 30,
        patience: timedelta = _PATIENCE,
        write_pause: float = WRITE_PAUSE,
        verify: bool | str = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.place = place
        self.login = login
        self._now = now
        self._peer = Peer("forge", place.host)
        self._server = urlsplit(place.api).hostname or place.host
        self._timeout = timeout
        self._patience = patience
        self._write_pause = write_pause
        self._verify = verify
        self._sleep = sleep
        self._idle: LifoQueue[Github] = LifoQueue()
        self._lock = threading.Lock()
        self._pause: tuple[datetime, datetime] | None = None
        """GitHub wants no request from then to then."""

    def get(self, path: str, doing: str, holding: str) -> Json:
        """An object that holds this key; InputError where something else came."""
        return self._object(doing, holding, self._ask(doing, "GET", path)[1])

    def send(
        self, verb: str, path: str, doing: str, body: Json | None = None, holding: str = ""
    ) -> Json:
        """What came of a write: an object that holds the key `holding`; empty: of no interest."""
        answer = self._ask(doing, verb, path, None, body)[1]
        return self._object(doing, holding, answer) if holding else {}

    def pages(
        self, path: str, doing: str, parameters: Mapping[str, str], *, within: str = ""
    ) -> Iterator[Json]:
        """The items of a list, page by page: a page is asked for when its first is wanted.
        `within`: the key of an object that holds the list."""
        number = 1
        while True:
            wanted = {**parameters, "per_page": str(PER_PAGE), "page": str(number)}
            headers, answer = self._ask(doing, "GET", path, wanted)
            items = self._object(doing, within, answer)[within] if within else answer
            if not isinstance(items, list):
                raise self.moved(doing, items)
            yield from items
            if 'rel="next"' not in str(headers.get("link", "")):
                return
            number += 1

    def graphql(self, query: str, variables: Json, doing: str) -> Json:
        """The `data` of the answer; RefusalError (400) with what GitHub said instead."""
        _, answer = self._call(doing, "POST", lambda asked: asked.graphql_query(query, variables))
        return self._object(doing, "", answer.get("data"))

    def _object(self, doing: str, holding: str, answer: object) -> Json:
        if not isinstance(answer, dict) or (holding and holding not in answer):
            raise self.moved(doing, answer)
        return answer

    def moved(self, doing: str, answer: object) -> InputError:
        """GitHub answered what is no answer: the repository has another name now."""
        return InputError(
            f"{self.place}: can't {doing}: GitHub answers with something else"
            f" ({message_of(answer) or type(answer).__name__}); if the repository was renamed or"
            " moved, write its new address in repository.url"
        )

    def _ask(
        self,
        doing: str,
        verb: str,
        path: str,
        parameters: dict[str, Any] | None = None,
        body: Json | None = None,
    ) -> Answer:
        def request(asked: Requester) -> Answer:
            return asked.requestJsonAndCheck(verb, path, parameters, input=body)

        return self._call(doing, verb, request)

    def _call(self, doing: str, verb: str, request: Callable[[Requester], Answer]) -> Answer:
        left, renewed = self._patience, False
        while True:
            try:
                with refusals(self._peer, "budget"):
                    self._check_pause(doing)
                return self._try(doing, verb, request)
            except UnauthorizedError:
                # Nothing was done, so that this may be said again, whatever it is.
                if renewed or not self.login.renew():
                    raise
                renewed = True
            except LimitedError as error:
                wait = error.retry_after or timedelta()
                if wait > left:
                    raise
                left -= max(wait, timedelta(seconds=1))
                self._sleep(wait.total_seconds())

    def _try(self, doing: str, verb: str, request: Callable[[Requester], Answer]) -> Answer:
        measuring = measured(self._peer, verb, self._server, doing)
        with self._client() as client, measuring as call:
            try:
                headers, answer = request(client.requester)
            except PromoterError:
                raise
            except Exception as error:  # noqa: BLE001 - PyGithub raises asserts and RuntimeError
                if isinstance(error, GithubException):
                    call.answered(error.status, CaseInsensitiveDict(error.headers or {}))
                now = self._now()
                trouble = translate(error, str(self.place), doing, str(self.login), now)
            else:
                call.answered(200, CaseInsensitiveDict(headers))
                return headers, answer
        if isinstance(trouble, LimitedError) and trouble.retry_after is not None:
            with self._lock:
                self._pause = now, now + trouble.retry_after
        raise trouble

    def _check_pause(self, doing: str) -> None:
        """Who goes on asking while limited is locked out for longer."""
        with self._lock:
            if self._pause is None:
                return
            (since, until), now = self._pause, self._now()
            # Before it began: the clock was set back, and would make of a minute hours.
            if not since <= now < until:
                self._pause = None
                return
        raise LimitedError(
            f"{self.place}: can't {doing}: GitHub asked to wait until {until:%H:%M:%S} UTC",
            retry_after=until - now,
        )

    @contextmanager
    def _client(self) -> Iterator[Github]:
        try:
            client = self._idle.get_nowait()
        except Empty:
            client = self._connect()
        try:
            yield client
        finally:
            self._idle.put(client)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _connect(self) -> Github:
        # It logs whole answers at DEBUG, and that of an App's login is a token.
        logging.getLogger("github.Requester").setLevel(logging.INFO)
        return Github(
            base_url=self.place.api,
            auth=_Shown(self.login),
            timeout=self._timeout,
            per_page=PER_PAGE,
            verify=self._verify,
            user_agent="promoter",
            retry=_retry(),
            seconds_between_requests=None,
            seconds_between_writes=self._write_pause or None,
            lazy=True,
        )


def _retry() -> Retry:
    """PyGithub's own repeats POST, and sleeps until a limit resets, without an end."""
    return Retry(
        total=3,
        connect=2,
        read=2,
        status=2,
        redirect=0,
        allowed_methods=frozenset({"GET"}),
        status_forcelist=(500, 502, 503, 504),
        backoff_factor=0.2,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
