"""A credential helper that is a real executable: `docker-credential-NAME` in a folder for PATH.

helper = CredentialHelper.install(tmp_path / "bin", "vault", {"registry.example": ("ci", "secret")})
monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
helper.calls == [Call(("get",), "registry.example", {...})]

It follows docker-credential-helpers: the server on standard input, JSON on standard output; what
it doesn't know is "credentials not found in native keychain" there, with exit code 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

IDENTITY_TOKEN = "<token>"
"""The user name that marks a secret as an identity token."""

_PROGRAM = """\
#!{python} -ISE
import json, os, sys, time
folder = {folder!r}
server = sys.stdin.read()
call = {{"arguments": sys.argv[1:], "stdin": server, "environment": dict(os.environ)}}
with open(folder + "/calls", "a") as calls:
    calls.write(json.dumps(call) + "\\n")
with open(folder + "/behaviour.json") as file:
    told = json.load(file)
if told["hangs"]:
    time.sleep(600)
sys.stderr.write(told["stderr"])
if told["stdout"] is not None:
    sys.stdout.write(told["stdout"])
    sys.exit(told["code"])
known = told["secrets"].get(server.strip())
if known is None:
    sys.stdout.write("credentials not found in native keychain\\n")
    sys.exit(1)
sys.stdout.write(json.dumps({{"ServerURL": server.strip(), "Username": known[0],
                              "Secret": known[1]}}) + "\\n")
"""


@dataclass(frozen=True)
class Call:
    arguments: tuple[str, ...]
    stdin: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class CredentialHelper:
    """`program` is the executable; it reads how to behave anew at each call."""

    program: Path
    _folder: Path

    @classmethod
    def install(
        cls, folder: Path, name: str, secrets: Mapping[str, tuple[str, str]] | None = None
    ) -> Self:
        """Write `docker-credential-NAME` into `folder`; `secrets` by server: user and secret."""
        own = folder / f".{name}"
        own.mkdir(parents=True, exist_ok=True)
        program = folder / f"docker-credential-{name}"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(own)), "utf-8")
        program.chmod(0o755)
        helper = cls(program, own)
        helper.behave(secrets or {})
        return helper

    def behave(
        self,
        secrets: Mapping[str, tuple[str, str]],
        *,
        stdout: str | None = None,
        stderr: str = "",
        code: int = 0,
        hangs: bool = False,
    ) -> None:
        """From now on: answer from `secrets`, or print `stdout` and end with `code`."""
        told = {
            "secrets": dict(secrets),
            "stdout": stdout,
            "stderr": stderr,
            "code": code,
            "hangs": hangs,
        }
        draft = self._folder / "behaviour.new"
        draft.write_text(json.dumps(told), "utf-8")
        draft.replace(self._folder / "behaviour.json")

    @property
    def calls(self) -> list[Call]:
        """Every call so far, in order."""
        file = self._folder / "calls"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [
            Call(tuple(each["arguments"]), each["stdin"], each["environment"])
            for each in map(json.loads, lines)
        ]
