"""Credential helpers that are real executables, good ones and bad ones."""

from __future__ import annotations

import json
import os
import select
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from promoter.access.credentials import Credential, Credentials
from promoter.access.credentials.helper import ask_helper
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError
from tests.services.credential_helper import IDENTITY_TOKEN, CredentialHelper

HOST = "harbor.example.com"
HUB = "https://index.docker.io/v1/"


class Machine:
    """A machine with one helper on its PATH, a home directory, and a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.time = 0.0
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "HOME": str(folder), "PASSED_ON": "as it is"}
        self.helper = CredentialHelper.install(folder / "bin", "vault", {HOST: ("ci", "canary")})

    def load(self, ours: str | None = None, docker: object = None) -> Credentials:
        file = None
        if ours is not None:
            file = self.folder / "credentials.yaml"
            file.write_text(ours)
        if docker is not None:
            config = self.folder / ".docker/config.json"
            config.parent.mkdir(exist_ok=True)
            config.write_text(json.dumps(docker))
        return Credentials.load(file, environment=self.environment, clock=lambda: self.time)

    def script(self, name: str, body: str) -> None:
        """Another helper, written in shell."""
        program = self.folder / "bin" / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)

    @property
    def servers(self) -> list[str]:
        return [call.stdin for call in self.helper.calls]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class TestWhoIsAsked:
    VAULT = Credential("ci", "canary", "password", "docker-credential-vault")

    @pytest.mark.parametrize(
        "docker",
        [
            {"credHelpers": {HOST: "vault"}},
            {"credsStore": "vault", "auths": {HOST: {}}},
            {"credsStore": "vault"},
            {"credHelpers": {HOST: "vault"}, "credsStore": "other", "auths": {HOST: {"auth": "x"}}},
        ],
    )
    def test_by_dockers_file(self, machine: Machine, docker: object) -> None:
        assert machine.load(docker=docker).of(HOST)("shop/web") == self.VAULT
        (call,) = machine.helper.calls
        assert (call.arguments, call.stdin) == (("get",), HOST)

    def test_by_our_file(self, machine: Machine) -> None:
        credentials = machine.load(f"{HOST}: {{helper: vault}}")
        assert credentials.of(HOST)("shop/web") == self.VAULT
        assert credentials.for_host(HOST) == self.VAULT
        assert credentials.of("other.example.com")("shop/web") is None
        assert machine.servers == [HOST]

    @pytest.mark.parametrize(
        ("docker", "server"),
        [
            ({"credsStore": "vault"}, HUB),
            ({"credHelpers": {"docker.io": "vault"}}, "docker.io"),
            ({"credHelpers": {HUB: "vault"}}, HUB),
        ],
    )
    def test_docker_hub_is_called_as_docker_calls_it(
        self, machine: Machine, docker: object, server: str
    ) -> None:
        machine.helper.behave({server: ("hub", "canary")})
        found = machine.load(docker=docker).of("docker.io")("library/nginx")
        assert found is not None
        assert found.username == "hub"

    def test_an_entry_with_a_secret_comes_before_the_store(self, machine: Machine) -> None:
        auths = {HOST: {"username": "file", "password": "canary"}}
        found = machine.load(docker={"credsStore": "vault", "auths": auths}).of(HOST)("shop/web")
        assert found is not None
        assert found.username == "file"
        assert machine.servers == []

    def test_a_store_that_is_not_here_matters_only_where_somebody_logged_in(
        self, machine: Machine
    ) -> None:
        credentials = machine.load(docker={"credsStore": "desktop", "auths": {HOST: {}}})
        for _ in range(2):  # the second answer is what is remembered of the first
            assert credentials.of("public.example.com")("shop/web") is None
        with pytest.raises(InputError, match="docker-credential-desktop is not on PATH: install"):
            credentials.of(HOST)("shop/web")


class TestWhatItSays:
    def ask(self, machine: Machine, name: str = "vault", seconds: float = 20) -> Credential | None:
        return ask_helper(name, HOST, machine.environment, seconds)

    def test_an_identity_token(self, machine: Machine) -> None:
        machine.helper.behave({HOST: (IDENTITY_TOKEN, "canary-token")})
        found = self.ask(machine)
        assert found is not None
        assert (found.password, found.kind) == ("canary-token", "identity-token")
        assert redact("canary-token") == "***"

    @pytest.mark.parametrize("said", ['{"Username": "", "Secret": ""}', "{}"])
    def test_nothing_in_as_many_words(self, machine: Machine, said: str) -> None:
        machine.helper.behave({}, stdout=said)
        assert self.ask(machine) is None

    def test_nothing_found(self, machine: Machine) -> None:
        machine.helper.behave({})
        assert self.ask(machine) is None

    @pytest.mark.parametrize(
        ("stdout", "stderr", "message"),
        [
            ("no basic auth", "", "(exit status 3): no basic auth"),
            ("", "\n token is stale \nmore", "(exit status 3): token is stale"),
            ("", "", "(exit status 3)"),
            ('{"Secret": "canary-x"}', "it broke", "(exit status 3): it broke"),
            ("\x1b[31mred\x1b[0m", "", "(exit status 3):  [31mred [0m"),
            ("x" * 5000, "", f"(exit status 3): {'x' * 200}"),
            ("https://bob:canary@vault.example.com is down", "", ": https://***@vault.example.com"),
        ],
    )
    def test_a_failure_in_its_own_words(
        self, machine: Machine, stdout: str, stderr: str, message: str
    ) -> None:
        machine.helper.behave({}, stdout=stdout, stderr=stderr, code=3)
        with pytest.raises(InputError) as caught:
            self.ask(machine)
        assert str(caught.value).startswith(f"docker-credential-vault failed for {HOST} ")
        assert message in str(caught.value)
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize(
        ("said", "message"),
        [
            ("canary", "something else than JSON"),
            ("", "something else than JSON"),
            ('["canary"]', "something else than a JSON object"),
            ('{"Username": 1, "Secret": "canary"}', "a Username or a Secret that is no text"),
            ('{"Username": "a", "Secret": ["canary"]}', "a Username or a Secret that is no text"),
            ('{"Username": "canary"}', "a Username and no Secret"),
        ],
    )
    def test_garbage(self, machine: Machine, said: str, message: str) -> None:
        machine.helper.behave({}, stdout=said)
        with pytest.raises(InputError, match=message) as caught:
            self.ask(machine)
        assert "canary" not in str(caught.value)

    def test_bytes_that_are_no_text(self, machine: Machine) -> None:
        machine.script("binary", r"printf '\377\376\000'")
        with pytest.raises(InputError, match="something else than JSON"):
            self.ask(machine, "binary")

    def test_one_that_never_stops_talking(self, machine: Machine) -> None:
        machine.script("endless", "exec cat /dev/zero")
        with pytest.raises(InputError, match="says more than 1,048,576 bytes; not read"):
            self.ask(machine, "endless")

    def test_one_that_never_answers_is_ended_with_its_children(self, machine: Machine) -> None:
        pids = machine.folder / "pids"
        machine.script("silent", f"sleep 600 & echo $$ $! > {pids}; wait")
        with pytest.raises(TransientError, match=r"silent did not answer within 2 s"):
            self.ask(machine, "silent", 2.0)
        own, child = pids.read_text().split()
        assert not Path(f"/proc/{own}").exists()
        assert ends(int(child))

    def test_one_that_closes_its_output_and_stays(self, machine: Machine) -> None:
        machine.script("mute", "exec >&- 2>&-; sleep 600")
        with pytest.raises(TransientError, match="mute did not answer within"):
            self.ask(machine, "mute", 0.5)

    def test_one_that_does_not_read(self, machine: Machine) -> None:
        machine.script("deaf", 'exec 0<&-; echo \'{"Username": "a", "Secret": "canary"}\'')
        found = self.ask(machine, "deaf")
        assert found is not None
        assert found.password == "canary"

    def test_an_agent_that_it_leaves_behind_is_not_waited_for(self, machine: Machine) -> None:
        """As gpg-agent may be: it holds the pipes open."""
        pid = machine.folder / "pid"
        machine.script(
            "agent",
            f'sleep 600 & echo $! > {pid}; echo \'{{"Username": "a", "Secret": "canary"}}\'',
        )
        try:
            found = self.ask(machine, "agent")
            assert found is not None
            assert found.password == "canary"
        finally:
            os.kill(int(pid.read_text()), 9)

    @pytest.mark.parametrize("name", ["../vault", "a b", "", "vault;id", "VAULT", "$(id)", "a\n"])
    def test_a_name_that_is_none(self, machine: Machine, name: str) -> None:
        with pytest.raises(InputError, match="is no name of a credential helper"):
            self.ask(machine, name)
        assert machine.helper.calls == []

    def test_one_that_can_not_be_run(self, machine: Machine) -> None:
        machine.script("broken", "")
        program = machine.folder / "bin/docker-credential-broken"
        program.write_text("#!/nowhere/at/all\n")
        with pytest.raises(InputError, match="broken can't be run: No such file"):
            self.ask(machine, "broken")

    def test_one_that_may_not_be_executed(self, machine: Machine) -> None:
        machine.script("copied", "")
        program = machine.folder / "bin/docker-credential-copied"
        program.chmod(0o644)
        with pytest.raises(InputError) as caught:
            self.ask(machine, "copied")
        assert str(caught.value) == (
            f"docker-credential-copied is there but may not be executed: chmod +x {program}"
        )

    def test_trouble_names_the_entry(self, machine: Machine) -> None:
        machine.helper.behave({}, stdout="locked", code=1)
        credentials = machine.load(f"a.org: {{password: x}}\n{HOST}: {{helper: vault}}")
        with pytest.raises(InputError) as caught:
            credentials.of(HOST)("shop/web")
        assert str(caught.value) == (
            f"{machine.folder}/credentials.yaml:2:1: {HOST}: docker-credential-vault failed for"
            f" {HOST} (exit status 1): locked"
        )


def ends(pid: int) -> bool:
    """Whether a process is gone, or going: a killed one takes a moment."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


class TestHowOften:
    @pytest.fixture
    def ask(self, machine: Machine) -> Credentials:
        return machine.load(docker={"credsStore": "vault"})

    def test_once_for_many_who_ask_at_once(self, machine: Machine, ask: Credentials) -> None:
        together = threading.Barrier(16)

        def one(number: int) -> Credential | None:
            together.wait()
            return ask.of(HOST)(f"shop/{number}")

        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(one, range(16)))
        assert len(set(found)) == 1
        assert machine.servers == [HOST]

    def test_again_after_a_while(self, machine: Machine, ask: Credentials) -> None:
        ask.of(HOST)("shop/web")
        machine.helper.behave({HOST: ("ci", "canary-2")})
        machine.time = 500.0
        assert (found := ask.of(HOST)("shop/web")) is not None
        assert found.password == "canary"
        machine.time = 600.0
        assert (found := ask.of(HOST)("shop/web")) is not None
        assert found.password == "canary-2"

    def test_again_when_refused_but_not_for_ever(self, machine: Machine, ask: Credentials) -> None:
        first = ask.of(HOST)("shop/web")
        machine.helper.behave({HOST: ("ci", "canary-2")})
        second = ask.of(HOST)("shop/web", first)
        assert second is not None
        assert second.password == "canary-2"
        assert ask.of(HOST)("shop/api", first) == second
        for _ in range(5):
            assert ask.of(HOST)("shop/web", second) == second
        assert len(machine.helper.calls) == 2
        machine.time = 60.0
        assert ask.of(HOST)("shop/web", second) == second
        assert len(machine.helper.calls) == 3

    def test_nothing_found_is_remembered_for_a_minute(
        self, machine: Machine, ask: Credentials
    ) -> None:
        machine.helper.behave({})
        assert ask.of(HOST)("shop/web") is None
        machine.helper.behave({HOST: ("ci", "canary")})
        assert ask.of(HOST)("shop/web") is None
        machine.time = 60.0
        assert ask.of(HOST)("shop/web") is not None

    def test_a_failure_is_not_repeated_by_each_who_asks(
        self, machine: Machine, ask: Credentials
    ) -> None:
        machine.helper.behave({}, stdout="locked", code=1)
        for _ in range(3):
            with pytest.raises(InputError, match="locked"):
                ask.of(HOST)("shop/web")
        assert len(machine.helper.calls) == 1
        machine.helper.behave({HOST: ("ci", "canary")})
        machine.time = 15.0
        assert ask.of(HOST)("shop/web") is not None

    def test_a_failure_does_no_harm_while_the_old_one_is_good(
        self, machine: Machine, ask: Credentials
    ) -> None:
        first = ask.of(HOST)("shop/web")
        machine.helper.behave({}, stdout="locked", code=1)
        machine.time = 550.0  # the last tenth of its time
        assert ask.of(HOST)("shop/web") == first
        assert len(machine.helper.calls) == 2
        machine.time = 600.0
        with pytest.raises(InputError, match="locked"):
            ask.of(HOST)("shop/web")


def test_nothing_of_ours_reaches_the_child(machine: Machine) -> None:
    """Neither another host's secret nor an earlier one of its own, by whatever way."""
    held = machine.folder / "held"
    held.mkdir()
    machine.script(
        "watched",
        f"tr '\\0' ' ' < /proc/$$/cmdline > {held}/argv; env > {held}/env; cat > {held}/stdin\n"
        f'echo \'{{"Username": "ci", "Secret": "canary-of-helper"}}\'',
    )
    credentials = machine.load(
        f"{HOST}: {{helper: watched}}\na.example.com: {{password: canary-of-file}}"
    )
    first = credentials.of(HOST)("shop/web")
    assert credentials.of("a.example.com")("shop/web") is not None
    assert credentials.of(HOST)("shop/web", first) == first
    told = {name: (held / name).read_text() for name in ("argv", "env", "stdin")}
    assert told["stdin"] == HOST
    assert told["argv"].split()[-1] == "get"
    assert "PASSED_ON=as it is" in told["env"]
    assert "canary" not in "".join(told.values())
    assert "canary" not in f"{first!r} {credentials!r} {vars(credentials)!r}"
