"""The credentials file: YAML, one host (with its port, where it has one) a key.

    harbor.example.com: {username: robot$promoter, password-file: /run/secrets/harbor}
    git.example.com: {username: promoter, password-env: GIT_TOKEN}
    "*.dkr.ecr.*.amazonaws.com": {from: aws}
    gcr.io: {helper: gcloud}
    github.com: {github-app: "12345", github-app-key-file: /run/secrets/app.pem}
    registry.internal:5000: {ca-file: /etc/ssl/internal.pem}

Its values are never repeated in a message, not even the ones that are no secrets by their key:
people do put a password into the wrong line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from promoter.access.credentials.hosts import is_host, normal_host
from promoter.errors import InputError, Where

if TYPE_CHECKING:
    from ruamel.yaml.error import StreamMark
    from ruamel.yaml.nodes import MappingNode, Node

    from promoter.access.tls import TlsIdentity

Cloud = Literal["aws", "google", "azure"]

CLOUDS = ("aws", "google", "azure")
_PASSWORDS = ("password", "password-file", "password-env")
_TOKENS = ("identity-token", "identity-token-file", "identity-token-env")
_APP = "github-app"
_APP_KEY = "github-app-key-file"
_WAYS = (*_PASSWORDS, *_TOKENS, "helper", "from", "pull-secret", _APP)
_TLS = ("ca-file", "certificate-file", "key-file")
_KEYS = ("username", *_WAYS, _APP_KEY, *_TLS)
_SHAPE = "a mapping with username and password-file"


@dataclass(frozen=True)
class GitHubApp:
    """A GitHub App: its id (or client id), and the file of its private key."""

    id: str
    key_file: Path


@dataclass(frozen=True)
class Entry:
    """What the file says of a host or a glob of hosts.

    `shown` is the host as written, `way` the one key that leads to the credential; None: the
    entry is about TLS alone.
    """

    host: str
    shown: str
    where: Where
    way: str | None
    values: tuple[tuple[str, str], ...] = field(repr=False)

    def value(self, key: str) -> str | None:
        return dict(self.values).get(key)

    @property
    def tls(self) -> TlsIdentity | None:
        from promoter.access.tls import TlsIdentity

        ca, certificate, key = (Path(v) if (v := self.value(key)) else None for key in _TLS)
        return TlsIdentity((ca,) if ca else (), certificate, key) if ca or certificate else None

    @property
    def app(self) -> GitHubApp | None:
        app, key = self.value(_APP), self.value(_APP_KEY)
        return GitHubApp(app, Path(key)) if app and key else None

    @property
    def place(self) -> str:
        """`the credentials file promoter.yaml:3`."""
        return f"the credentials file {Where(self.where.file, self.where.line)}"

    def error(self, message: str) -> InputError:
        return InputError(f"{self.shown}: {message}", where=self.where)


def read_entries(file: Path, data: bytes) -> tuple[Entry, ...]:
    """Raises InputError with file, line and column at the first thing that is wrong."""
    from ruamel.yaml.nodes import MappingNode

    whole = Where(str(file))
    root = _compose(data, whole)
    if root is None:
        return ()
    if not isinstance(root, MappingNode):
        raise InputError("must be a mapping of hosts to {username, password-file}", where=whole)
    entries: list[Entry] = []
    for shown, at, node in _items(root, whole, lambda text: text):
        host = normal_host(shown)
        if "@" in shown:
            raise InputError("a host must not hold a user or a password", where=at)
        if not is_host(host):
            from promoter.rules.wording import quote  # here, as it brings all that reads rules

            message = "is no host: write host, host:port or a glob of hosts, as image names do"
            raise InputError(f"{quote(shown)} {message}", where=at)
        if any(each.host == host for each in entries):
            raise InputError(f"{shown}: stands twice: remove one of them", where=at)
        entries.append(_entry(shown, host, at, node))
    return tuple(entries)


def _compose(data: bytes, whole: Where) -> Node | None:
    """The root node; its tags tell what YAML takes each scalar for."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        root: Node | None = YAML(typ="safe", pure=True).compose(data.decode("utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = _where(mark, whole) if mark else whole
        # The parser's own words may quote what stands there.
        hint = "look at quotes, brackets and indentation here, and quote special characters"
        raise InputError(f"is not YAML: {hint}", where=where) from None
    except (YAMLError, UnicodeDecodeError, RecursionError):
        raise InputError("is not YAML", where=whole) from None
    return root


def _where(mark: StreamMark, whole: Where) -> Where:
    return Where(whole.file, mark.line + 1, mark.column + 1)


def _items(
    node: MappingNode, whole: Where, name: Callable[[str], str]
) -> Iterator[tuple[str, Where, Node]]:
    for key, value in node.value:
        at = _where(key.start_mark, whole)
        if not isinstance(key.value, str):
            raise InputError(name("a key must be text"), where=at)
        yield key.value, at, value


def _entry(shown: str, host: str, where: Where, node: Node) -> Entry:
    from ruamel.yaml.nodes import MappingNode

    def name(text: str) -> str:
        return f"{shown}: {text}"

    if not isinstance(node, MappingNode):
        raise InputError(name(f"must be {_SHAPE}"), where=where)
    values: dict[str, str] = {}
    for key, at, value in _items(node, where, name):
        if key not in _KEYS:
            raise InputError(name(_unknown(key)), where=at)
        if key in values:
            raise InputError(name(f"{key} stands twice: remove one of them"), where=at)
        # YAML reads 0123 as the number 123, and nothing as null.
        is_text = isinstance(value.value, str) and str(value.tag).endswith(":str")
        if not is_text or not value.value:
            message = f"{key} must be a text that is not empty: put it in quotes"
            raise InputError(name(message), where=at)
        values[key] = value.value
    entry = Entry(host, shown, where, _way(values, name, where), tuple(values.items()))
    _check(entry, values)
    return entry


def _unknown(key: str) -> str:
    """The key is shown only where a known one was meant: `{username: x, s3cret}` and
    `{password:s3cret}` make a key of the secret."""
    from promoter.rules.wording import find_nearest, guess, quote

    if key.isalpha() and find_nearest(key, _KEYS):
        return f"unknown key {quote(key)}{guess(key, _KEYS)}"
    return f"unknown key; known: {', '.join(_KEYS)}. A value follows ': ', with a space"


def _way(values: dict[str, str], name: Callable[[str], str], where: Where) -> str | None:
    ways = [key for key in _WAYS if key in values]
    if len(ways) > 1:
        raise InputError(name(f"give exactly one of {', '.join(ways)}"), where=where)
    if not ways and not any(key in values for key in _TLS):
        raise InputError(name(f"give exactly one of {', '.join(_WAYS)}"), where=where)
    return ways[0] if ways else None


def _check(entry: Entry, values: dict[str, str]) -> None:
    if "username" in values and entry.way not in (*_PASSWORDS, *_TOKENS):
        raise entry.error("username goes with a password or an identity-token; remove it")
    if entry.way == "from" and values["from"] not in CLOUDS:
        raise entry.error(f"from: write one of {', '.join(CLOUDS)}")
    if (_APP in values) != (_APP_KEY in values):
        raise entry.error(f"{_APP} and {_APP_KEY} go together: the App's id, and its private key")
    if "key-file" in values and "certificate-file" not in values:
        raise entry.error("key-file needs the certificate-file that it is the key of")
