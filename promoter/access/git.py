"""The only place that runs git.

GitPython's `Git` command object is used as plumbing: one for each call, so that threads
share nothing. No shell; strings from outside stand behind `--` or are full ref names; the
machine's git configuration is not read; a password reaches only the child's environment.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from promoter import telemetry
from promoter.access.credentials import Credentials
from promoter.access.git_errors import MirrorDamagedError, local_failure
from promoter.access.git_remote import Remote
from promoter.access.process import end_process
from promoter.errors import InputError, PromoterError, TransientError

if TYPE_CHECKING:
    from git.cmd import Git as GitCommand

_HERE = Path(__file__).parent
_CHUNK = 1 << 16

_SETTINGS = {
    "core.attributesFile": os.devnull,
    "core.hooksPath": os.devnull,
    "credential.helper": "",
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "maintenance.auto": "false",
}
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_ASKPASS": "",  # empty, not unset: git would fall back to SSH_ASKPASS
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": str(len(_SETTINGS)),
    **{f"GIT_CONFIG_KEY_{index}": key for index, key in enumerate(_SETTINGS)},
    **{f"GIT_CONFIG_VALUE_{index}": value for index, value in enumerate(_SETTINGS.values())},
}
# What an operator may set for git; every other GIT_* (a hook sets GIT_DIR, GIT_INDEX_FILE,
# GIT_QUARANTINE_PATH; a debugging shell GIT_TRACE) would change what commands mean or print.
_PASSED_ON = ("GIT_SSH", "GIT_SSL_", "GIT_PROXY_", "GIT_HTTP_", "GIT_EXEC_PATH", "GIT_PYTHON_")


@dataclass(frozen=True)
class Answer:
    status: int
    stdout: bytes
    stderr: str


class Git:
    """git on one bare repository `folder`; thread-safe.

    `timeout` is in seconds for one command; a command that takes longer is killed with its
    children and raises TransientError. `damaged` tells that the repository failed a reader.
    """

    def __init__(
        self, folder: Path, credentials: Credentials | None = None, timeout: float = 300.0
    ) -> None:
        self.folder = folder
        self.damaged = False
        self._credentials = credentials or Credentials()
        self._timeout = timeout

    def run(
        self, *arguments: str, remote: Remote | None = None, given: bytes | None = None
    ) -> Answer:
        """Run `git ARGUMENTS` to its end; a status that is not 0 is the caller's to judge."""
        began = time.monotonic()
        where = remote.host if remote and remote.host else "here"
        try:
            with telemetry.span(f"git {arguments[0]}", remote=where) as span:
                answer = self._run(arguments, remote, given)
                span.set(exit=answer.status)
                return answer
        finally:
            _tell(arguments[0], began)

    def _run(self, arguments: Sequence[str], remote: Remote | None, given: bytes | None) -> Answer:
        process = self._start(arguments, remote, piped=given is not None)
        try:
            out, err = process.communicate(given, timeout=self._timeout)
        except subprocess.TimeoutExpired:
            end_process(process)
            who = remote.display if remote else "git"
            raise TransientError(
                f"{who} took longer than {self._timeout:g} seconds for `git {arguments[0]}`"
            ) from None
        except BaseException:
            end_process(process)
            raise
        return Answer(process.returncode, out, err.decode("utf-8", "replace"))

    def read(self, *arguments: str, given: bytes | None = None) -> bytes:
        """What a command without a remote prints; raises MirrorDamagedError where it fails."""
        answer = self.run(*arguments, given=given)
        if answer.status:
            raise self.failure(answer.stderr)
        return answer.stdout

    def stream(self, *arguments: str) -> Iterator[bytes]:
        """The same in pieces, while the command runs; closing the iterator ends the command."""
        began = time.monotonic()
        process = self._start(arguments, None, piped=False)
        try:
            out, err = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)
            while chunk := out.read(_CHUNK):
                yield chunk
            stderr = err.read().decode("utf-8", "replace")
            if process.wait(self._timeout):
                raise self.failure(stderr)
        finally:
            end_process(process)
            # No span: what the reader does between two pieces would seem to be git's.
            _tell(arguments[0], began)

    def failure(self, stderr: str) -> PromoterError:
        """The error for a local command; notes where the repository itself is at fault."""
        error = local_failure(stderr)
        if isinstance(error, MirrorDamagedError):
            self.damaged = True
        return error

    def _start(
        self, arguments: Sequence[str], remote: Remote | None, *, piped: bool
    ) -> subprocess.Popen[bytes]:
        environment = self._environment(remote)
        unwanted = [
            option
            for name in sorted(os.environ)
            if name.startswith("GIT_")
            and not name.startswith(_PASSED_ON)
            and name not in environment
            for option in ("-u", name)
        ]
        # GitPython adds to the environment but can't take from it; env(1) does.
        prefix = ("env", *unwanted) if unwanted else ()
        started = _command(self.folder.parent).execute(
            [*prefix, "git", *arguments],
            istream=subprocess.PIPE if piped else None,
            as_process=True,
            env=environment,
            # Its own session: no terminal to prompt on, and one group to kill at the timeout.
            start_new_session=True,
        )
        process = cast("subprocess.Popen[bytes]", started.proc)
        # The wrapper kills what it holds when it is collected; `end_process` does it earlier.
        started.proc = None
        return process

    def _environment(self, remote: Remote | None) -> Mapping[str, str]:
        environment = {**_ENVIRONMENT, "GIT_DIR": str(self.folder)}
        if not os.environ.keys() & {"GIT_SSH", "GIT_SSH_COMMAND"}:
            environment["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
        if remote is None:
            return environment
        if remote.host is None:
            environment["GIT_CONFIG_GLOBAL"] = str(_HERE / "git_local.config")
        credential = self._credentials.for_host(remote.host) if remote.host else None
        if credential is not None and remote.over_http and remote.host:
            environment |= {
                "GIT_ASKPASS": str(_HERE / "git_askpass.sh"),
                "PROMOTER_GIT_SCHEME": remote.address.partition("://")[0],
                "PROMOTER_GIT_HOST": remote.host,
                "PROMOTER_GIT_USERNAME": credential.username,
                "PROMOTER_GIT_PASSWORD": credential.password,
            }
        return environment


def _tell(command: str, began: float) -> None:
    telemetry.observe("promoter_git_seconds", time.monotonic() - began, command=command)


def _command(folder: Path) -> GitCommand:
    try:
        from git.cmd import Git as GitCommand  # 90 ms, and it looks for git when it is imported
    except ImportError as error:
        if "executable" not in str(error):
            raise
        raise InputError("git is not on PATH: install git 2.38 or newer") from None
    return GitCommand(folder)
