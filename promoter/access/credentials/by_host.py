"""The one that is asked: which credential for which host."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, cast

from promoter.access.credentials import absence
from promoter.access.credentials.credential import Credential, CredentialsOf, Kind, hide, mask
from promoter.access.credentials.docker_config import DockerConfig, HelperCall
from promoter.access.credentials.docker_files import ConfigFile, config_file, config_files
from promoter.access.credentials.hosts import HUB_SERVER, find_best, name_at, normal_host
from promoter.access.credentials.hosts_file import Cloud, Entry, GitHubApp, read_entries
from promoter.access.credentials.renewed import Lease, Renewed
from promoter.access.credentials.secret import Secret, from_environment, from_file, written
from promoter.access.credentials.surroundings import Surroundings
from promoter.access.credentials.watched import Watched
from promoter.errors import InputError, TransientError, Where
from promoter.model.image import DOCKER_HUB

if TYPE_CHECKING:
    from promoter.access.http import HttpClient
    from promoter.access.origin import Origin
    from promoter.access.tls import TlsIdentity

T = TypeVar("T")

_HELPER_LIFETIME = 600.0  # seconds; a helper does not say how long its answer is good
_NOTHING_LIFETIME = 60.0  # seconds, so that a login is soon seen


class Credentials:
    """Credentials by `host` or `host:port`; thread-safe. Nothing is read, run or contacted
    before somebody asks for a host that needs it."""

    def __init__(self, by_host: Mapping[str, Credential] | None = None) -> None:
        self._given = {normal_host(host): each for host, each in (by_host or {}).items()}
        self._lent: Mapping[str, Callable[[], Credential]] = {}
        self._entries: Callable[[], tuple[Entry, ...]] = tuple
        self._configs: tuple[ConfigFile, ...] = ()
        self._around = Surroundings({})
        self._clock: Callable[[], float] = time.monotonic
        self._guard = threading.Lock()
        self._made: dict[Hashable, object] = {}

    def __repr__(self) -> str:
        return "Credentials(...)"

    @classmethod
    def load(
        cls,
        file: Path | None,
        pull_secrets: Sequence[Path] = (),
        *,
        environment: Mapping[str, str] | None = None,
        http: Callable[[], HttpClient] | None = None,
        now: Callable[[], datetime] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Self:
        """Our own file (None: there is none), pull secrets, and what docker and podman keep here.

        `environment` None: this process's. `http` is only called where a cloud is asked. `now`
        is the wall clock in UTC, which signatures carry. Raises InputError with file, line and
        column where our own file is wrong; no message holds a value.
        """
        loaded = cls()
        known = os.environ if environment is None else environment
        loaded._around = Surroundings(known, http or _make_http, _make_direct, now or _read_clock)
        loaded._configs = config_files(pull_secrets, known)
        loaded._clock = clock
        if file is not None:
            loaded._entries = _our_file(file)
            loaded._entries()
        return loaded

    def for_host(self, host: str) -> Credential | None:
        """The user and password that our own file has for a host; for Git and forges.

        Never that of a parent domain or another port. Raises InputError where it can't be had.
        """
        host = normal_host(host)
        if host in self._lent:
            return self._lent[host]()
        credential = self._given.get(host)
        entry = self._entry(host, _way)
        if credential is None and entry is not None:
            credential = self._of_entry(entry, host, "", None)
            if credential is not None and credential.kind != "password":
                raise entry.error("only registries take this kind of token: give a password")
        return credential

    def app_for(self, host: str) -> GitHubApp | None:
        """The GitHub App that our own file has for a host; None: none, or something else."""
        entry = self._entry(normal_host(host), _way)
        return entry.app if entry else None

    def lending(self, host: str, source: Callable[[], Credential]) -> Self:
        """The same, where a host's credential is asked of `source` each time."""
        lent = copy(self)
        lent._lent = {**self._lent, normal_host(host): source}  # noqa: SLF001 - one of its own kind
        return lent

    def of(self, host: str, at: Origin | None = None, prefix: str = "") -> CredentialsOf:
        """The credentials of a registry: from our own file, else the pull secrets, else what
        docker and podman keep here, else the cloud that the host and the environment are of.

        `at`: where it is served, None: at its own name over HTTPS; `prefix`: what every repository
        is called there in front. Another server is a host of its own: of the image's host it gets
        what our own file says, where nobody knows the server itself, and nothing else. No cloud is
        implied over plain HTTP.
        """
        known = normal_host(host)
        there = known if at is None else name_at(known, at)
        cloud = at is None or at.scheme == "https"

        def ask(repository: str, refused: Credential | None) -> Credential | None:
            name = repository if there == known else prefix + repository
            found = self._find(there, name, refused, cloud=cloud)
            if found is None and there != known and not self._decides(there):
                return self._of_our_file(known, repository, refused)
            return found

        def tell(repository: str) -> str:
            return self._why_none(
                there, repository if there == known else prefix + repository, known
            )

        return _OfHost(ask, tell)

    def tls_for(self, host: str) -> TlsIdentity | None:
        """The CA and the client certificate for a `host` or `host:port`; None: our own file names
        none."""
        entry = self._entry(normal_host(host), lambda each: each.tls)
        return entry.tls if entry else None

    def _entry(self, host: str, has: Callable[[Entry], object]) -> Entry | None:
        return find_best(host, ((each.host, each) for each in self._entries() if has(each)))

    def _find(
        self, host: str, repository: str, refused: Credential | None, *, cloud: bool
    ) -> Credential | None:
        if self._decides(host):
            return self._of_our_file(host, repository, refused)
        return self._kept_here(host, repository, refused, cloud=cloud)

    def _decides(self, host: str) -> bool:
        """Whether our own file says where the host's credential is."""
        return host in self._given or self._entry(host, _way) is not None

    def _of_our_file(
        self, host: str, repository: str, refused: Credential | None
    ) -> Credential | None:
        if host in self._given:
            return self._given[host]
        entry = self._entry(host, _way)
        return self._of_entry(entry, host, repository, refused) if entry else None

    def _kept_here(
        self, host: str, repository: str, refused: Credential | None, *, cloud: bool
    ) -> Credential | None:
        """What was not written for us; `cloud`: what it gives may be sent to the host."""
        for config in self._configs:
            found = self._of_config(config(), host, repository, refused)
            if found is not None:
                return found
        if not cloud:
            return None
        from promoter.access.credentials.clouds import implied_cloud

        implied = implied_cloud(host, self._around.environment)
        return self._of_cloud(implied, host, refused) if implied else None

    def _why_none(self, host: str, repository: str, image_host: str) -> str:
        """Who was asked for a host and had nothing, and what to do; empty where nobody was."""
        entry = self._entry(host, _way) or self._entry(image_host, _way)
        if entry is not None:
            return absence.of_source(entry)
        for config in filter(None, (each() for each in self._configs)):
            call = config.find(host, repository)
            if isinstance(call, HelperCall) and self._is_installed(call):
                return absence.of_helper(call, config, host)
        entry = self._entry(host, lambda each: each.tls)
        return absence.of_tls_alone(entry) if entry else ""

    def _is_installed(self, call: HelperCall) -> bool:
        from promoter.access.credentials.helper import is_installed

        return is_installed(call.name, self._around.environment)

    def _of_entry(
        self, entry: Entry, host: str, repository: str, refused: Credential | None
    ) -> Credential | None:
        way = entry.way or ""
        value = entry.value(way) or ""
        try:
            if way == "helper":
                server = HUB_SERVER if host == DOCKER_HUB else host
                return self._of_helper(value, server, refused)
            if way == "from":
                return self._of_cloud(cast("Cloud", value), host, refused)
            if way == "pull-secret":
                config = self._once(
                    ("config", value), lambda: config_file(Path(value), "the pull secret")
                )
                return self._of_config(config(), host, repository, refused)
            if way == "github-app":
                raise entry.error("a GitHub App is for its forge: give a registry a token")
            secret = self._once((entry, "secret"), lambda: self._secret(way, value))
            kind: Kind = "identity-token" if way.startswith("identity") else "password"
            username = entry.value("username") or "promoter"
            return mask(Credential(username, secret(), kind, entry.place), passing=False)
        except (InputError, TransientError) as error:
            raise _located(error, entry.shown, entry.where) from None

    def _secret(self, way: str, value: str) -> Secret:
        if way.endswith("-file"):
            return from_file(value, way)
        if way.endswith("-env"):
            return from_environment(value, self._around.environment)
        return written(value)

    def _of_config(
        self, config: DockerConfig | None, host: str, repository: str, refused: Credential | None
    ) -> Credential | None:
        found = config.find(host, repository) if config else None
        if isinstance(found, Credential):
            return mask(found, passing=False)
        if found is None or config is None:
            return None
        try:
            return self._of_call(found, refused)
        except (InputError, TransientError) as error:
            raise _located(error, host, Where(config.file)) from None

    def _of_call(self, call: HelperCall, refused: Credential | None) -> Credential | None:
        from promoter.access.credentials.helper import HelperMissingError

        try:
            return self._of_helper(call.name, call.server, refused)
        except HelperMissingError:
            # A config file that was copied from a desktop names the desktop's store: it can't
            # matter for a host that nobody logged in to.
            if call.sure:
                raise
            return None

    def _of_helper(self, name: str, server: str, refused: Credential | None) -> Credential | None:
        from promoter.access.credentials.helper import ask_helper

        def fetch() -> Lease:
            found = ask_helper(name, server, self._around.environment)
            return Lease(found, _HELPER_LIFETIME if found else _NOTHING_LIFETIME)

        key = ("helper", name, server)
        return self._once(key, lambda: Renewed(fetch, self._clock)).get(refused)

    def _of_cloud(self, cloud: Cloud, host: str, refused: Credential | None) -> Credential | None:
        from promoter.access.credentials.clouds import fetch_from

        def fetch() -> Lease:
            return fetch_from(cloud, host, self._around)

        key = ("cloud", cloud, host)
        return self._once(key, lambda: Renewed(fetch, self._clock)).get(refused)

    def _once(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._guard:
            if key not in self._made:
                self._made[key] = make()
            return cast("T", self._made[key])


@dataclass(frozen=True)
class _OfHost:
    """The credentials of one registry host; see `ToldCredentialsOf`."""

    ask: Callable[[str, Credential | None], Credential | None]
    why_none: Callable[[str], str]

    def __call__(self, repository: str, refused: Credential | None = None) -> Credential | None:
        return self.ask(repository, refused)


def _way(entry: Entry) -> str | None:
    return entry.way


def _our_file(file: Path) -> Callable[[], tuple[Entry, ...]]:
    def parse(data: bytes) -> tuple[Entry, ...]:
        entries = read_entries(file, data)
        for entry in entries:
            if entry.way in ("password", "identity-token"):
                hide(entry.value(entry.way) or "", passing=False)
        return entries

    watched = Watched(file, parse)

    def read() -> tuple[Entry, ...]:
        try:
            return watched.get()
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", where=Where(str(file))) from None

    return read


def _located(
    error: InputError | TransientError, host: str, where: Where
) -> InputError | TransientError:
    """The error as one of a host's entry; what has a place of its own keeps it."""
    if error.where is not None:
        return error
    message = f"{host}: {error.message}"
    if isinstance(error, TransientError):
        return TransientError(message, where=where, retry_after=error.retry_after)
    return InputError(message, where=where)


@functools.cache
def _make_http() -> HttpClient:
    from promoter.access.http import HttpClient

    return HttpClient()


@functools.cache
def _make_direct() -> HttpClient:
    from promoter.access.http import HttpClient

    # A metadata address is this machine's: through a proxy or a redirect it is another machine's,
    # and tokens would pass by it.
    return HttpClient(
        proxies={}, redirects=False, connect_timeout=2.0, read_timeout=5.0, longest_request=10.0
    )


def _read_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a signature is made for the moment it is sent
