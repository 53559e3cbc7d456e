"""Promise 12: secrets stay secret.

A secret is planted in each way in, real verbs run as processes of their own, and it may be found
nowhere but in its own place.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.services.certificates import Authority, Identity
from tests.services.credential_helper import CredentialHelper
from tests.services.git_server import GitServer, git_server, refs
from tests.services.misbehaving import (
    Answer,
    Request,
    Server,
    json_answer,
    registry_error,
    serving,
)
from tests.services.registry import running_registry
from tests.services.token_server import token_server
from tests.stories.canary import GitRecorder, Search, core_of, secret, told
from tests.stories.shop import Terminal

RULE = """\
version: 1
repository: {{url: {url}, branch: main, forge: local}}
artifacts:
{artifacts}
applications: apps/{{application}}/{{environment}}.yaml
environments:
  dev: {{}}
"""
ARTIFACT = '  - {{image: {host}/shop/app, select: {{semver: ">=1.0"}}}}\n'
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers:
  - image: {host}/shop/app:1.0.0
"""
GIT = 0
"""The number of the secret of the Git server."""
WAYS = {
    "password": 1,
    "plain": 2,
    "file": 3,
    "variable": 4,
    "docker": 5,
    "helper": 6,
    "pull": 7,
    "identity": 8,
    "stored": 9,
    "token": 10,
}
"""The ways of a registry's secret into the process, and the number of each one's secret."""
VARIABLE = "SECRET_OF_THE_REGISTRY"
OF_TOKENS = 11
"""The number of the secret that the bearer tokens of a misbehaving server are made of."""
EVERY = Search((GIT, OF_TOKENS, *WAYS.values()))


def password_of(way: str) -> str:
    return secret(WAYS[way], plain=way == "plain")


@dataclass
class House:
    """A folder with a place of its own for each thing. `places`: host of an image name -> where
    it is served. Only `own` may hold secrets."""

    folder: Path
    git: GitServer
    places: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    promoter: Terminal = field(default_factory=Terminal)

    @property
    def own(self) -> Path:
        return self.folder / "own"

    def live(self, monkeypatch: pytest.MonkeyPatch) -> GitRecorder:
        """Let every process of the test find the house."""
        recorder = GitRecorder.install(self.folder / "recorder")
        for name in ("cache", "tmp", "home", "rules", "own"):
            (self.folder / name).mkdir(exist_ok=True)
        self.environment |= {
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "PROMOTER_CACHE": str(self.folder / "cache"),
            "PROMOTER_RULES": str(self.folder / "rules"),
            "PROMOTER_CREDENTIALS": str(self.own / "credentials.yaml"),
            "PROMOTER_REGISTRIES": ",".join(f"{h}={p}" for h, p in self.places.items()),
            "DOCKER_CONFIG": str(self.own / "docker"),
            VARIABLE: password_of("variable"),
            "PATH": os.pathsep.join(
                (str(recorder.program.parent), str(self.own / "bin"), os.environ["PATH"])
            ),
        }
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        return recorder

    def deploy(self, applications: Mapping[str, str]) -> None:
        """Applications (name -> host of its image) at 1.0.0, and one rule for them."""
        files = {
            f"apps/{name}/dev.yaml": POD.format(name=name, host=host).encode()
            for name, host in applications.items()
        }
        self.git.create("shop.git", files)
        artifacts = "".join(ARTIFACT.format(host=host) for host in applications.values())
        rule = RULE.format(url=self.git.url("shop.git"), artifacts=artifacts)
        (self.folder / "rules/shop.yaml").write_text(rule)

    def write_secrets(self, hosts: Mapping[str, list[str]], identities: Mapping[str, str]) -> None:
        """Each way's secret where it belongs; `hosts` by way. `identities`: what is given for a
        password where the way is a token."""
        own, shop = self.own, {host: way for way, every in hosts.items() for host in every}
        (own / "password.txt").write_text(password_of("file"))
        (own / "git.txt").write_text(secret(GIT))
        (own / "pull.json").write_text(_auths(dict.fromkeys(hosts["pull"], "pull")))
        entries: dict[str, dict[str, str]] = {
            "password": {"username": "password", "password": password_of("password")},
            "plain": {"username": "plain", "password": password_of("plain")},
            "file": {"username": "file", "password-file": str(own / "password.txt")},
            "variable": {"username": "variable", "password-env": VARIABLE},
            "pull": {"pull-secret": str(own / "pull.json")},
            "identity": {"identity-token": identities["identity"]},
        }
        lines = {host: entries[way] for host, way in shop.items() if way in entries}
        lines[self.git.host] = {"username": "bot", "password-file": str(own / "git.txt")}
        (own / "credentials.yaml").write_text(json.dumps(lines, ensure_ascii=False), "utf-8")
        servers = {way: [self.server_of(host) for host in every] for way, every in hosts.items()}
        config = json.loads(_auths(dict.fromkeys(servers["docker"], "docker")))
        for server in servers["stored"]:
            config["auths"][server] = {"identitytoken": identities["stored"]}
        for server in servers["token"]:
            config["auths"][server] = {"registrytoken": identities["token"]}
        config["credHelpers"] = dict.fromkeys(servers["helper"], "vault")
        (own / "docker").mkdir()
        (own / "docker/config.json").write_text(json.dumps(config))
        secrets = {server: ("helper", password_of("helper")) for server in servers["helper"]}
        CredentialHelper.install(own / "bin", "vault", secrets)

    def server_of(self, host: str) -> str:
        """What serves a host, as docker's files call it: a login is for the server alone."""
        return self.places[host].removeprefix("http://").replace("/v2/", "/")

    def check(self, recorder: GitRecorder, search: Search = EVERY) -> None:
        """No secret is in what was said or anywhere in the house but in its own place; git got
        no secret but its own, and that in one variable."""
        found = []
        assert self.promoter.said
        for said in self.promoter.said:
            place = f"promoter {' '.join(said.words)}"
            found += search.in_bytes(said.text.encode(), place)
        for name in ("cache", "tmp", "home", "rules", "git"):
            found += search.in_files(self.folder / name)
        inherited = {f"{name}={value}".encode() for name, value in os.environ.items()}
        calls = recorder.calls()
        assert calls, "no git was called"
        for call in calls:
            found += search.in_bytes(b" ".join(call.arguments), "arguments of git")
            for variable in {*call.environment} - inherited:
                if variable != b"PROMOTER_GIT_PASSWORD=" + secret(GIT).encode():
                    found += search.in_bytes(variable, "the environment of git")
        children = recorder.children()
        assert b"child_start" in children, "git notes nothing of its children"
        found += search.in_bytes(children, "what git calls")
        assert not found, told(found)


def _auths(users: Mapping[str, str]) -> str:
    """A docker configuration; each host's user is named after the way."""
    return json.dumps(
        {
            "auths": {
                host: {"auth": base64.b64encode(f"{way}:{password_of(way)}".encode()).decode()}
                for host, way in users.items()
            }
        }
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with git_server(tmp_path / "git", user="bot", password=secret(GIT)) as server:
        yield House(tmp_path, server)


def test_a_whole_day_at_a_registry_that_is_well(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = {way: password_of(way) for way in WAYS}
    hosts = {way: [f"{way}.example"] for way in WAYS}
    with (
        token_server(tmp_path / "tokens", users) as tokens,
        running_registry(tmp_path / "registry", tokens=tokens) as registry,
        running_registry(tmp_path / "helped", tokens=tokens) as helped,
    ):
        # Docker's files know servers and namespaces there; a helper is for a whole server.
        house.places = {f"{way}.example": f"http://{registry.host}" for way in WAYS}
        house.places["helper.example"] = f"http://{helped.host}"
        for way in ("docker", "stored", "token"):
            house.places[f"{way}.example"] += f"/v2/{way}"
        for server, name in (
            (helped, "shop/app"),
            (registry, "shop/app"),
            *((registry, f"{way}/shop/app") for way in ("docker", "stored", "token")),
        ):
            digest = server.push_image(name, "1.0.0")
            server.write_tags(name, digest, ["1.1.0"])
        tokens.mark = core_of(OF_TOKENS)
        identities = {way: password_of(way) for way in ("identity", "stored")}
        tokens.identity_tokens |= {token: way for way, token in identities.items()}
        access: dict[str, object] = {"type": "repository", "name": "token/shop/app"}
        stored = tokens.mint(core_of(WAYS["token"]), [{**access, "actions": ["pull"]}])
        recorder = house.live(monkeypatch)
        house.deploy({way: f"{way}.example" for way in WAYS})
        house.write_secrets(hosts, {**identities, "token": stored})
        promoter = house.promoter.run_apart

        promoter("validate")
        planned = promoter("plan", "--output", "json").json["decisions"]
        assert {each["application"]: each["state"] for each in planned} == dict.fromkeys(
            WAYS, "proposed"
        )
        promoter("plan", "--debug")
        promoter("run", "--debug")
        promoter("status")
        promoter("why", "helper", "dev", "--debug")
        promoter("mr", "list", "--output", "json")
        promoter("mr", "show", "1")
        file = tmp_path / "cache/pod.yaml"
        file.write_text(POD.format(name="web", host="file.example"))
        promoter("edit", str(file), "--image", "file.example/shop/app:1.1.0", "--debug")
        promoter("run", "--output", "json")

        used = {grant.user for grant in tokens.grants}
        assert used == WAYS.keys() - {"token"}, "a secret that nobody uses can't leak"
        assert "refs/heads/promoter/dev/token" in refs(tmp_path / "git/shop.git")
        house.check(recorder)


Echo = Callable[[str], Answer]


def _errors(status: int) -> Echo:
    return lambda said: json_answer({"errors": [{"code": said, "message": said}]}, status)


def _header(name: str, form: str = "{}", status: int = 200) -> Echo:
    def echo(said: str) -> Answer:
        # Bytes of UTF-8, as a server written in Go would send them.
        value = form.format(said).encode().decode("latin-1")
        body = json.dumps({"name": "shop/app", "tags": ["1.0.0", "1.1.0"]}).encode()
        # Closed, because not each of these says where the body ends.
        headers = {"Content-Type": "application/json", "Connection": "close", name: value}
        return Answer(status, headers, body)

    return echo


def _page(status: int) -> Echo:
    return lambda said: Answer(status, {"Content-Type": "text/html"}, said.encode())


ECHOES: dict[str, Echo] = {
    "denied": _errors(401),
    "forbidden": _errors(403),
    "wrong": _errors(400),
    "broken": _errors(500),
    "page": _page(200),
    "page404": _page(404),
    "text": _header("Content-Type"),
    "realm": _header("WWW-Authenticate", 'Bearer realm="http://127.0.0.1:1/{}"', 401),
    "scheme": _header("WWW-Authenticate", "{}", 401),
    "location": _header("Location", "http://127.0.0.1:1/{}", 307),
    "person": _header("Location", "http://{}@127.0.0.1:1/", 307),
    "nowhere": _header("Location", "gopher://{}", 307),
    "link": _header("Link", '<http://127.0.0.1:1/{}>; rel="next"'),
    "loop": _header("Link", '<?last={}>; rel="next"'),
    "wait": _header("Retry-After", "{}", 429),
    "length": _header("Content-Length", "{}"),
    "coding": _header("Content-Encoding", "{}"),
    "chunks": _header("Transfer-Encoding", "{}"),
    "head": lambda said: Answer(
        200, {"Connection": "close", f"X {said}".encode().decode("latin-1"): "a"}, b"{}"
    ),
    "list": lambda said: json_answer({"name": said, "tags": said}),
    "tags": lambda said: json_answer({"tags": ["1.1.0", said, *said.split(), *said.split(":")]}),
}
ECHOED = ("plain", "password", "token")


def words_of(request: Request) -> str:
    """What a server learns from a request, in all the ways in which it may say so."""
    header = request.header("Authorization") or ""
    scheme, _, proof = header.partition(" ")
    decoded = base64.b64decode(proof).decode() if scheme == "Basic" else proof
    password = decoded.partition(":")[2] if scheme == "Basic" else proof
    return f"{header} {decoded} {password} {quote(password, safe='')} {quote(password)}"


def _answer_with(echo: Echo, challenge: str) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        if request.header("Authorization") is None:
            return registry_error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
        return echo(words_of(request))

    return answer


def _tell(server: Server, kind: str, way: str) -> None:
    """Let a server answer by this echo. It has one way in: what one is told to wait for must not
    keep another secret from being sent."""
    scheme = "Bearer" if way == "token" else "Basic"
    realm = f'{scheme} realm="http://{server.host}/token",service="shop"'
    answer = _answer_with(ECHOES[kind], realm)
    path = f"/v2/{way}/shop/app"
    server.answers["GET", f"{path}/tags/list"] = answer
    for method in ("HEAD", "GET"):
        server.answers[method, f"{path}/manifests/1.1.0"] = answer


def test_registries_that_repeat_what_they_were_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        servers = {
            (kind, way): stack.enter_context(serving({})) for kind in ECHOES for way in ECHOED
        }
        for (kind, way), server in servers.items():
            _tell(server, kind, way)
            house.places[f"{kind}-{way}.example"] = f"http://{server.host}/v2/{way}"
        recorder = house.live(monkeypatch)
        house.deploy({host.partition(".")[0]: host for host in house.places})
        identities = {way: secret(WAYS[way], plain=True) for way in ("identity", "stored", "token")}
        house.write_secrets(_by_way(house.places), identities)

        said = house.promoter.run_apart("plan", "--debug", expect=64)
        house.promoter.run_apart("run", "--debug", "--output", "json", expect=64)

        for (kind, way), server in servers.items():
            sent = {each.header("Authorization") for each in server.requests}
            assert len(sent) == 2, f"{kind}, {way}: the secret was not sent"
        assert "***" in said.text
        house.check(recorder)


def _by_way(hosts: Iterable[str]) -> dict[str, list[str]]:
    """Hosts `KIND-WAY.example` by their way."""
    found: dict[str, list[str]] = {way: [] for way in WAYS}
    for host in hosts:
        found[host.partition(".")[0].rpartition("-")[2]].append(host)
    return found


REALMS: dict[str, Callable[[str], Answer]] = {
    "errors": _errors(401),
    "page": _page(200),
    "token": lambda said: json_answer({"token": f"{said}\r\nX: y"}),
    "text": lambda said: json_answer({"token": [said], "expires_in": said}),
    "location": _header("Location", "http://127.0.0.1:1/{}", 307),
    "broken": _errors(503),
}


def test_token_servers_that_repeat_what_they_were_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({}) as server:
        for kind, echo in REALMS.items():
            for way in ("plain", "password", "identity"):
                place = f"/{kind}-{way}"
                challenge = f'Bearer realm="http://{server.host}{place}/token",service="shop"'
                server.answers["GET", f"{place}/v2/shop/app/tags/list"] = registry_error(
                    401, "UNAUTHORIZED", {"WWW-Authenticate": challenge}
                )
                server.answers["GET", f"{place}/token"] = lambda r, e=echo: e(words_of(r))  # type: ignore[misc]
                server.answers["POST", f"{place}/token"] = lambda r, e=echo: e(r.body.decode())  # type: ignore[misc]
                house.places[f"{kind}-{way}.example"] = f"http://{server.host}{place}"
        recorder = house.live(monkeypatch)
        house.deploy({host.partition(".")[0]: host for host in house.places})
        house.write_secrets(_by_way(house.places), {"identity": password_of("identity")})
        house.promoter.run_apart("plan", "--debug", expect=64)
        house.promoter.run_apart("run", "--debug", "--output", "json", expect=64)
        assert [each for each in server.requests if core_of(WAYS["identity"]) in str(each.body)]
        house.check(recorder)


def test_the_key_of_a_client_certificate(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.live(monkeypatch)
    authority = Authority.make(house.own / "authority")
    robot = authority.issue("robot", for_server=False)
    sealed = authority.issue("sealed", for_server=False, password=secret(WAYS["plain"], plain=True))
    with running_registry(tmp_path / "registry", authority=authority, client=robot) as registry:
        digest = registry.push_image("shop/app", "1.0.0")
        registry.write_tags("shop/app", digest, ["1.1.0"])
        house.deploy({"web": "tls.example"})
        monkeypatch.setenv("PROMOTER_REGISTRIES", f"tls.example=https://{registry.host}")

        def identify_by(identity: Identity) -> None:
            tls = {"ca-file": authority.certificate, "certificate-file": identity.certificate}
            entry = {name: str(file) for name, file in {**tls, "key-file": identity.key}.items()}
            git = {"username": "bot", "password": secret(GIT)}
            entries = {registry.host: entry, house.git.host: git}
            (house.own / "credentials.yaml").write_text(json.dumps(entries, ensure_ascii=False))

        identify_by(robot)
        house.promoter.run_apart("plan", "--debug").line("dev", "proposed", "1.1.0")
        identify_by(sealed)
        said = house.promoter.run_apart("plan", "--debug", expect=64)
        said.line("  dev", "unknown", "the key has a password")
    lines = {line for each in (robot, sealed) for line in each.key.read_text().splitlines()}
    secrets = [line for line in lines if not line.startswith("-----")]
    assert secrets
    for said in house.promoter.said:
        assert not EVERY.in_bytes(said.text.encode(), "said")
        assert not [line for line in secrets if line in said.text]


def test_a_proxy_that_wants_a_password(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in the environment, where programs look for it, in the proxy's address."""
    number = WAYS["password"]
    address = "http://registry.proxied.example"
    list_of = f"{address}/v2/shop/app/tags/list"
    proof = quote(secret(number), safe="")
    with serving({}) as proxy:
        proxy.answers["GET", list_of] = Answer(407, {"Proxy-Authenticate": "Basic"})
        recorder = house.live(monkeypatch)
        house.deploy({"web": "registry.proxied.example"})
        house.write_secrets({way: [] for way in WAYS}, {"identity": ""})
        monkeypatch.setenv("PROMOTER_REGISTRIES", f"registry.proxied.example={address}")
        monkeypatch.setenv("http_proxy", f"http://robot:{proof}@{proxy.host}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        house.promoter.run_apart("plan", "--debug", expect=64)
        sent = {each.header("Proxy-Authorization") for each in proxy.requests}
        assert len(sent) == 1
        assert None not in sent
    gone = house.promoter.run_apart("plan", "--debug", expect=75)
    assert "the proxy for registry.proxied.example failed" in gone.out
    house.check(recorder)


@pytest.mark.parametrize(
    "write",
    [
        lambda word: f"{{password: {word}}}",
        lambda word: f"{{username: {word}, passwort: x}}",
        lambda word: f"{{password: [{word}]}}",
        lambda word: f"{{password-file: /nowhere/{word}",
        lambda word: word,
    ],
    ids=["no-host", "typo", "list", "not-yaml", "word"],
)
def test_a_credentials_file_with_a_slip_keeps_its_secret(
    house: House, monkeypatch: pytest.MonkeyPatch, write: Callable[[str], str]
) -> None:
    recorder = house.live(monkeypatch)
    house.deploy({"web": "registry.example"})
    word = core_of(WAYS["plain"])
    (house.own / "credentials.yaml").write_text(f"registry.example: {write(word)}\n")
    house.promoter.run_apart("plan", "--debug", expect=64)
    house.promoter.run_apart("run", expect=64)
    del recorder  # git may not have been reached
    for said in house.promoter.said:
        assert not EVERY.in_bytes(said.text.encode(), "said")


def test_addresses_with_a_password_in_them_are_refused_without_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.live(monkeypatch)
    house.deploy({"web": "registry.example"})
    word = core_of(WAYS["plain"])
    monkeypatch.delenv("PROMOTER_CREDENTIALS")
    promoter = house.promoter.run_apart
    for place in (f"http://robot:{word}@127.0.0.1:1", f"https://{word}@127.0.0.1:1/a"):
        monkeypatch.setenv("PROMOTER_REGISTRIES", f"registry.example={place}")
        promoter("plan", "--debug", expect=64)
    monkeypatch.delenv("PROMOTER_REGISTRIES")
    rule = (house.folder / "rules/shop.yaml").read_text()
    for url in (f"https://robot:{word}@127.0.0.1:1/shop.git", f"https://{word}@127.0.0.1:1/x.git"):
        file = house.folder / "rules/shop.yaml"
        file.write_text(rule.replace(house.git.url("shop.git"), url))
        promoter("validate", "--debug", expect=64)
        promoter("plan", "--debug", expect=64)
    for said in house.promoter.said:
        assert not EVERY.in_bytes(said.text.encode(), "said"), said.text
