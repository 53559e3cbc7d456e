"""The files that docker, podman and Kubernetes keep credentials in.

docker: `config.json` (docs.docker.com, "docker login"); containers: `auth.json`
(containers-auth.json(5)), whose keys may hold a namespace; Kubernetes: the content of a Secret of
type `kubernetes.io/dockerconfigjson` or, older, `kubernetes.io/dockercfg`, whose keys may hold
globs ("Images": "Interpretation of config.json").
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promoter.access.credentials.credential import Credential
from promoter.access.credentials.hosts import HUB_SERVER, fits, is_host, normal_host, rank
from promoter.errors import InputError, Where
from promoter.model.image import DOCKER_HUB

_SECRETS = ("auth", "username", "password", "identitytoken", "registrytoken")
_API_PATH = re.compile(r"v[12]")
_AGAIN = "log in again, or mend the file"


@dataclass(frozen=True)
class HelperCall:
    """Whom to ask instead: docker-credential-NAME, and for which server. `sure`: the file says
    that the helper has it; else it is only asked for everything."""

    name: str
    server: str
    sure: bool


@dataclass(frozen=True)
class _Auth:
    """An entry of `auths`, under its key as written and as it is matched. `values` None: it is
    no mapping, which is told when its host is asked for."""

    key: str
    host: str
    path: str
    values: Mapping[str, object] | None = field(repr=False)


@dataclass(frozen=True)
class DockerConfig:
    """One file. `origin` is what people are told."""

    file: str
    origin: str
    auths: tuple[_Auth, ...] = field(repr=False)
    helpers: tuple[tuple[str, str, str], ...]
    store: str | None

    def find(self, host: str, repository: str) -> Credential | HelperCall | None:
        """What the file says for a repository of a host; None: nothing.

        A helper for the host is asked before `auths`, the store for all hosts after them. Of
        `auths` the most precise entry wins: the longest namespace, the host itself before a glob.
        Raises InputError where that entry is malformed.
        """
        for key, written, name in self.helpers:
            if key == host:
                return HelperCall(name, written, sure=True)
        fitting = [each for each in self.auths if _fits(each, host, repository)]
        fitting.sort(key=lambda each: (len(each.path), rank(each.host)), reverse=True)
        for auth in fitting:
            credential = self._read(auth)
            if credential is not None:
                return credential
        if self.store is None:
            return None
        server = HUB_SERVER if host == DOCKER_HUB else host
        return HelperCall(self.store, server, sure=bool(fitting))

    def error(self, message: str) -> InputError:
        return InputError(message, where=Where(self.file))

    def _read(self, auth: _Auth) -> Credential | None:
        """None: an empty entry, as docker leaves one where a helper keeps the secret."""
        if auth.values is None:
            raise self._bad(auth, "must be a mapping")
        for key in _SECRETS:
            if not isinstance(auth.values.get(key, ""), str):
                raise self._bad(auth, f"'{key}' must be text")
        said = {key: str(auth.values.get(key, "")) for key in _SECRETS}
        if said["registrytoken"]:
            return Credential("", said["registrytoken"], "registry-token", self.origin)
        username, password = said["username"], said["password"]
        if said["auth"]:
            username, password = self._decode(auth, said["auth"])
        if said["identitytoken"]:
            return Credential(username, said["identitytoken"], "identity-token", self.origin)
        if not username and not password:
            return None
        if not password:
            raise self._bad(auth, f"has a username and no password: {_AGAIN}")
        return Credential(username, password, "password", self.origin)

    def _decode(self, auth: _Auth, text: str) -> tuple[str, str]:
        try:
            pair = base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
        username, colon, password = pair.partition(":")
        if not colon:
            raise self._bad(auth, f"'auth' is not the Base64 of username:password: {_AGAIN}")
        return username, password.strip("\0")  # docker pads it so in some versions

    def _bad(self, auth: _Auth, message: str) -> InputError:
        from promoter.rules.wording import quote  # here, as it brings all that reads rules

        return self.error(f"the entry {quote(auth.key)}: {message}")


def read_config(file: str, data: bytes, kind: str = "the docker config file") -> DockerConfig:
    """Raises InputError where the file as a whole is wrong; an entry is judged when it is asked
    for. `kind` is how people call such a file."""
    document = _parse(file, data)
    auths = document.get("auths", {})
    if document and not {"auths", "credHelpers", "credsStore"} & document.keys():
        if "kind" in document or "data" in document:
            message = "is a whole Secret: give the file of its key .dockerconfigjson"
            raise InputError(message, where=Where(file))
        # The older form is the mapping itself; docker's other settings are no mappings with these.
        auths = {
            key: value
            for key, value in document.items()
            if isinstance(value, dict) and not value.keys().isdisjoint(_SECRETS)
        }
    helpers, store = document.get("credHelpers", {}), document.get("credsStore", "")
    for name, value in (("auths", auths), ("credHelpers", helpers)):
        if not isinstance(value, dict):
            raise InputError(f"{name} must be a mapping of hosts", where=Where(file))
    if not isinstance(store, str) or not all(isinstance(each, str) for each in helpers.values()):
        message = "credsStore and the values of credHelpers must be names of credential helpers"
        raise InputError(message, where=Where(file))
    return DockerConfig(
        file,
        f"{kind} {file}",
        tuple(_auth(key, value) for key, value in auths.items()),
        tuple((_split(key)[0], key, name) for key, name in helpers.items() if name),
        store or None,
    )


def _parse(file: str, data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8-sig")) if data.strip() else {}
    except json.JSONDecodeError as error:
        where = Where(file, error.lineno, error.colno)
        raise InputError("is not JSON, as docker's config files are", where=where) from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise InputError("is not JSON, as docker's config files are", where=Where(file)) from None
    if not isinstance(document, dict):
        raise InputError("must be a JSON object, as docker's config files are", where=Where(file))
    return document


def _auth(key: str, value: object) -> _Auth:
    host, path = _split(key)
    return _Auth(key, host, path, value if isinstance(value, dict) else None)


def _split(key: str) -> tuple[str, str]:
    """Host and namespace of a key: `quay.io/team`, `https://index.docker.io/v1/`.

    Where a scheme stands before it, what follows the host is a path of the API, not a namespace.
    """
    scheme, _, rest = key.rpartition("://")
    host, _, path = rest.partition("/")
    path = path.strip("/")
    if scheme or _API_PATH.fullmatch(path):
        path = ""
    host = normal_host(host)
    return (host if is_host(host) else ""), path


def _fits(auth: _Auth, host: str, repository: str) -> bool:
    if not fits(auth.host, host):
        return False
    return not auth.path or repository == auth.path or repository.startswith(f"{auth.path}/")
