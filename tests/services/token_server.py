"""The token server of a registry: trades passwords for short-lived tokens that it signs.

    with token_server(tmp_path, {"ci": "secret"}) as tokens:
        with running_registry(tmp_path / "registry", tokens=tokens) as registry: ...
        tokens.grants == [Grant("ci", "repository:shop/web:pull", "basic")]

It speaks both forms of the distribution project ("Token Authentication Specification", GET;
"OAuth2 token authentication", POST). Its tokens are JWTs (RS256, the certificate in `x5c`) that
docker-registry verifies by itself, with `certificate` as its `rootcertbundle`.
"""

from __future__ import annotations

import base64
import fnmatch
import json
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.services.certificates import Identity, self_signed

SERVICE = "registry.tests"
ISSUER = "tests"
_LEEWAY = 60
"""Seconds that docker-registry 2.8 takes a token after its end (registry/auth/token, Leeway)."""

Way = Literal["anonymous", "basic", "password", "refresh_token"]


@dataclass(frozen=True)
class Grant:
    """A token that was given: to whom (None: anybody), for what, and what proved it."""

    user: str | None
    scope: str
    way: Way


@dataclass
class TokenServer:
    """`users` maps names to passwords, `identity_tokens` those tokens to names; each of them may
    pull whatever `readable` (globs of repositories) holds, anybody what `public` holds.

    `lifetime` is how many seconds the registry takes a token, `told` what the answer says of it
    (None: nothing). Both may be changed while it runs, as may all else.
    """

    realm: str
    certificate: Path
    users: dict[str, str] = field(repr=False)
    _key: rsa.RSAPrivateKey = field(repr=False)
    identity_tokens: dict[str, str] = field(default_factory=dict, repr=False)
    readable: tuple[str, ...] = ("*",)
    public: tuple[str, ...] = ()
    lifetime: float = 300
    told: float | None = 300
    takes_posts: bool = True
    mark: str = ""
    """A word that stands in each token, so that one that leaks is known again."""
    grants: list[Grant] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """The scopes that were asked for with a wrong proof."""
    tokens: list[str] = field(default_factory=list, repr=False)
    """Every token that was ever given, of both kinds."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def mint(self, user: str, access: list[dict[str, object]], lifetime: float = 300) -> str:
        """A token with exactly this access, not counted as given."""
        now = time.time()
        pem = self.certificate.read_text("ascii")
        certificate = "".join(pem.splitlines()[1:-1])  # x5c is the DER in Base64, and so is PEM
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "iat": int(now) - _LEEWAY,
            "nbf": int(now) - _LEEWAY,
            "exp": int(now + lifetime) - _LEEWAY,
            "jti": f"{self.mark}{secrets.token_hex(8)}",
            "access": access,
        }
        return jwt.encode(claims, self._key, "RS256", headers={"x5c": [certificate]})

    def give(self, user: str | None, scope: str, way: Way) -> str:
        """A token for the part of a scope (`repository:NAME:ACTIONS ...`) that the user has."""
        access: list[dict[str, object]] = []
        for each in scope.split():
            kind, _, rest = each.partition(":")
            name, _, actions = rest.rpartition(":")
            allowed = [*self.public, *(self.readable if user else ())]
            if kind == "repository" and any(fnmatch.fnmatch(name, glob) for glob in allowed):
                granted = [action for action in actions.split(",") if action == "pull"]
                access.append({"type": kind, "name": name, "actions": granted})
        token = self.mint(user or "", access, self.lifetime)
        with self._lock:
            self.grants.append(Grant(user, scope, way))
            self.tokens.append(token)
        return token

    def give_identity_token(self, user: str) -> str:
        """What a user may trade for tokens, by POST, instead of the password."""
        token = f"identity-{secrets.token_hex(16)}"
        with self._lock:
            self.identity_tokens[token] = user
            self.tokens.append(token)
        return token


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def do_GET(self) -> None:
        told = self.server.told
        asked = _fields(urlsplit(self.path).query)
        user, way = None, "anonymous"
        proof = self.headers.get("Authorization")
        if proof is not None:
            pair = base64.b64decode(proof.removeprefix("Basic ")).decode()
            name, _, password = pair.partition(":")
            if told.users.get(name) != password:
                self._refuse(asked)
                return
            user, way = name, "basic"
        answer = self._token(user, asked, way)
        if user and asked.get("offline_token") == "true":
            answer["refresh_token"] = told.give_identity_token(user)
        self._answer(200, {**answer, "token": answer["access_token"]})

    def do_POST(self) -> None:
        told = self.server.told
        asked = _fields(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        if not told.takes_posts:
            self._answer(405, {})
            return
        way = asked.get("grant_type", "")
        if way == "refresh_token":
            user = told.identity_tokens.get(asked.get("refresh_token", ""))
        else:
            name = asked.get("username", "")
            user = name if told.users.get(name) == asked.get("password") else None
        if user is None or way not in ("password", "refresh_token") or "client_id" not in asked:
            self._refuse(asked)
            return
        answer = self._token(user, asked, way)
        if way == "refresh_token":
            answer["refresh_token"] = asked["refresh_token"]
        self._answer(200, answer)

    def _token(self, user: str | None, asked: Mapping[str, str], way: str) -> dict[str, object]:
        told = self.server.told
        scope = asked.get("scope", "")
        answer: dict[str, object] = {"access_token": told.give(user, scope, cast("Way", way))}
        if told.told is not None:
            answer["expires_in"] = told.told
            answer["issued_at"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return answer

    def _refuse(self, asked: Mapping[str, str]) -> None:
        self.server.told.refusals.append(asked.get("scope", ""))
        self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you?"}]})

    def _answer(self, status: int, value: Mapping[str, object]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _fields(text: str) -> dict[str, str]:
    """The fields of a query or a form; several scopes become one, with blanks between them."""
    return {name: " ".join(values) for name, values in parse_qs(text).items()}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    told: TokenServer


@contextmanager
def token_server(
    folder: Path, users: Mapping[str, str] | None = None, *, tls: Identity | None = None
) -> Iterator[TokenServer]:
    """Serve tokens on a free loopback port, over TLS where there is an identity for it."""
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(65537, 2048)
    certificate = folder / "tokens.crt"
    certificate.write_bytes(self_signed("tokens", key).public_bytes(Encoding.PEM))
    http = _Server(("127.0.0.1", 0), _Handler)
    scheme = "http"
    if tls is not None:
        scheme = "https"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        http.socket = context.wrap_socket(http.socket, server_side=True)
    realm = f"{scheme}://127.0.0.1:{http.server_address[1]}/token"
    http.told = TokenServer(realm, certificate, dict(users or {}), key)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield http.told
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
