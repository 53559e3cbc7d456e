"""The one place that names concrete adapters, and the one that reads the clock."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from promoter.access.credentials import Credentials
from promoter.engine.adapters import Adapters
from promoter.errors import InputError, Where
from promoter.model.address import GitAddress
from promoter.model.ports import Forge, Registry, Repository
from promoter.model.rule import RepositoryAddress, Rule
from promoter.settings import Settings

if TYPE_CHECKING:
    from promoter.access.budget import Rate
    from promoter.access.http import HttpClient
    from promoter.access.mirror import Mirror
    from promoter.forges.github.app import AppLogin
    from promoter.forges.local import LocalForge
    from promoter.registries.store import ContentStore

REPOSITORY = "promoter.repositories.git:GitRepository"
FORGES: Mapping[str, str] = {
    "local": "promoter.forges.local:LocalForge",
    "github": "promoter.forges.github.connect:connect",
    "gitlab": "promoter.forges.gitlab.forge:connect",
}
GITHUB_APP = "promoter.forges.github.connect:log_in"
GITHUB_APP_FOR_GIT = "promoter.forges.github.connect:git_credential"
REGISTRIES: Mapping[str, str] = {
    "https": "promoter.registries.distribution:DistributionRegistry",
    "http": "promoter.registries.distribution:DistributionRegistry",
    "oci-layout": "promoter.registries.layout:LayoutRegistry",
}

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def read_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - everywhere else time is an argument


class _Once(Generic[K, V]):
    """One value a key, made at the first call; thread-safe."""

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        self._made: dict[K, V] = {}
        self._lock = threading.RLock()

    def __call__(self, key: K) -> V:
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(key)
            return self._made[key]


@dataclass(frozen=True)
class App:
    settings: Settings
    adapters: Adapters
    mirror: Callable[[str], Mirror]
    clock: Callable[[], datetime]
    rules_at: str | None = None
    """The repository in which the rule files lie; None: on this machine."""

    def rules(self) -> tuple[tuple[Rule, ...], tuple[InputError, ...]]:
        """The rules of all files that are right, and every error of the others; raises as
        `rule_files`."""
        files, unread = self.rule_files()
        rules, broken = read_rules(files)
        return rules, (*unread, *broken)

    def rule_files(self) -> tuple[Mapping[str, str], Sequence[InputError]]:
        """Every rule file (name -> text), and those that are no text.

        Raises InputError where there is no rule file at all, and what looking at the repository
        raises where they lie in one.
        """
        if self.rules_at is not None:
            return self._read_from_repository(self.rules_at)
        return self._read_from_disk()

    def _read_from_repository(self, url: str) -> tuple[Mapping[str, str], Sequence[InputError]]:
        from promoter.engine.rule_files import read_rule_files

        # Nobody asks its forge, and the mirror is the one that the rules use, too.
        repository = self.adapters.repository(RepositoryAddress(url, None, ""))
        given = "rules" in self.settings.model_fields_set
        paths = [path.as_posix() for path in self.settings.rules] if given else []
        return read_rule_files(repository, self.mirror(url).url, paths)

    def _read_from_disk(self) -> tuple[Mapping[str, str], Sequence[InputError]]:
        files: dict[str, str] = {}
        errors: list[InputError] = []
        for path in self._rule_files():
            try:
                files[str(path)] = path.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
                errors.append(InputError(f"can't be read: {reason}", where=Where(str(path))))
        return files, errors

    def local_forge(self, url: str) -> LocalForge:
        """The local forge of a repository, for the verbs that act as a person."""
        return _local_forge(self.settings, self.mirror(url), self.clock)

    def _rule_files(self) -> list[Path]:
        found: list[Path] = []
        for path in self.settings.rules:
            if path.is_dir():
                files = sorted((*path.glob("*.yaml"), *path.glob("*.yml")))
                found += [each for each in files if each.is_file()]
            elif path.is_file():
                found.append(path)
            else:
                raise InputError(
                    "no such rule file or directory; name the right one by --rules or"
                    " PROMOTER_RULES, or the repository that the rules lie in by --repository",
                    where=Where(str(path)),
                )
        if not found:
            places = ", ".join(str(path) for path in self.settings.rules)
            raise InputError(f"there is no rule file (*.yaml, *.yml) directly in {places}")
        return found


def read_rules(files: Mapping[str, str]) -> tuple[tuple[Rule, ...], tuple[InputError, ...]]:
    """The rules of all files that are right, and every error of the others."""
    from promoter.rules import load_rules

    return load_rules(files)


def build(settings: Settings, clock: Callable[[], datetime] = read_clock) -> App:
    """Everything wired; nothing is contacted before it is used.

    Raises InputError for a credentials file that can't be read.
    """
    world = _World(settings, clock)
    adapters = Adapters(_Once(world.repository), _Once(world.forge), _Once(world.registry))
    return App(settings, adapters, world.mirror, clock)


class _World:
    """Makes adapters; what they share (the HTTP pool, a mirror a repository) is made once."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._credentials = Credentials.load(
            settings.credentials, settings.pull_secrets, http=lambda: self._http, now=clock
        )
        self.mirror = _Once(self._make_mirror)
        self._shared_http = _Once(self._make_http)
        self._github_app = _Once(self._make_github_app)
        self._store = _Once(self._make_store)

    def repository(self, address: RepositoryAddress) -> Repository:
        made: Repository = _load(REPOSITORY)(
            self.mirror(address.url),
            name=self._settings.bot_name,
            email=self._settings.bot_email,
            now=self._clock,
        )
        return made

    def forge(self, address: RepositoryAddress) -> Forge:
        if address.forge == "github":
            return self._github(address.url)
        if address.forge == "gitlab":
            servers = [*self._settings.forges.values(), os.environ.get("CI_SERVER_URL", "")]
            gitlab: Forge = _load(FORGES["gitlab"])(
                address.url,
                credentials=self._credentials,
                http=self._http,
                servers=[each for each in servers if each],
            )
            return gitlab
        return _local_forge(self._settings, self.mirror(address.url), self._clock)

    def _github(self, url: str) -> Forge:
        app = self._github_app(url)
        there = self._github_place(url)
        github: Forge = _load(FORGES["github"])(
            url, credentials=self._credentials, app=app, **there
        )
        return github

    def _github_place(self, url: str) -> dict[str, Any]:
        """What a connection to GitHub is made with, beside who it is."""
        host = GitAddress.parse(url).place or ""
        identity = self._credentials.tls_for(host)
        return {
            "now": self._clock,
            "api": self._settings.forges.get(host),
            "verify": str(identity.authorities[0]) if identity and identity.authorities else True,
        }

    def _make_github_app(self, url: str) -> AppLogin | None:
        """None: there is no App for this host."""
        try:
            host = GitAddress.parse(url).place
        except ValueError:
            return None
        app = self._credentials.app_for(host) if host else None
        if app is None:
            return None
        login: AppLogin = _load(GITHUB_APP)(url, app, **self._github_place(url))
        return login

    def registry(self, host: str) -> Registry:
        where = self._settings.registries.get(host, "https:")
        scheme, _, place = where.partition(":")
        adapter = _load(REGISTRIES[scheme])
        if scheme == "oci-layout":
            layout: Registry = adapter(Path(place))
            return layout
        from promoter.registries.place import Place

        base, plain = where if place else None, scheme == "http"
        at = Place.of(host, base, plain_http=plain)
        credentials = self._credentials.of(host, at.origin, at.prefix)
        client: Registry = adapter(
            host, self._http, credentials, plain_http=plain, base=base, store=self._store(None)
        )
        return client

    @property
    def _http(self) -> HttpClient:
        return self._shared_http(None)

    def _make_http(self, _: None) -> HttpClient:
        from promoter.access.http import HttpClient
        from promoter.access.tls import SYSTEM_FOLDERS, Identities

        certificates = self._settings.certificates
        folders = (certificates, *SYSTEM_FOLDERS) if certificates else SYSTEM_FOLDERS
        return HttpClient(
            identities=Identities(self._credentials.tls_for, folders),
            rates=self._rates(),
            now=self._clock,
        )

    def _make_store(self, _: None) -> ContentStore:
        from promoter.registries.store import ContentStore

        return ContentStore(self._settings.cache / "content")

    def _rates(self) -> dict[str, Rate]:
        """By the server that is asked: `docker.io` is another one than its name says."""
        from promoter.access.budget import Rate
        from promoter.registries.place import Place

        rates: dict[str, Rate] = {}
        for host, rate in self._settings.rates.items():
            where = self._settings.registries.get(host, "https:")
            scheme, _, path = where.partition(":")
            if scheme in ("http", "https"):
                base = where if path else None
                place = Place.of(host, base, plain_http=scheme == "http")
                rates[str(place.origin)] = Rate.parse(rate)
        return rates

    def _make_mirror(self, url: str) -> Mirror:
        from promoter.access.mirror import Mirror

        credentials, app = self._credentials, self._github_app(url)
        if app is not None:
            host = GitAddress.parse(url).place or ""
            credentials = credentials.lending(host, lambda: _load(GITHUB_APP_FOR_GIT)(app))
        return Mirror(url, self._settings.cache, credentials)


def _local_forge(settings: Settings, mirror: Mirror, clock: Callable[[], datetime]) -> LocalForge:
    from promoter.access.objects import Person

    bot = Person(settings.bot_name, settings.bot_email)
    forge: LocalForge = _load(FORGES["local"])(mirror, bot=bot, now=clock)
    return forge


def _load(name: str) -> Any:
    """An adapter by `module:Class`, imported only when it is used."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
