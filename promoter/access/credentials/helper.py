"""Credential helpers: executables `docker-credential-NAME` that keep or make credentials.

The protocol is docker's (github.com/docker/docker-credential-helpers, "Development"): called with
`get`, the server on standard input, one JSON object on standard output; where it fails, a
sentence there and another exit status than 0.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, NoReturn

from promoter.access.credentials.credential import Credential, hide
from promoter.access.process import end_process
from promoter.access.redaction import redact
from promoter.errors import InputError, TransientError

_NAME = re.compile(r"[a-z0-9._-]+")
_MOST_BYTES = 1 << 20
_LONGEST_QUOTE = 200
_TICK = 0.2  # seconds between two looks at a helper whose child holds the pipes open
_TOKEN = "<token>"  # noqa: S105 - the user name that says: the secret is an identity token
_NONE = "credentials not found"  # "... in native keychain", whatever the store is
SECONDS = 30.0


class HelperMissingError(InputError):
    """The helper is not installed here, or not so that it may be run."""


@dataclass(frozen=True)
class _Run:
    status: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)


def ask_helper(
    name: str, server: str, environment: Mapping[str, str], seconds: float = SECONDS
) -> Credential | None:
    """What the helper has for a server; None: it has nothing.

    The helper gets `environment` as it is and is found on its PATH; it is killed with all of its
    children after `seconds`. Raises InputError, TransientError.
    """
    program = f"docker-credential-{name}"
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{program[:100]!r} is no name of a credential helper: lower-case letters, digits,"
            " '.', '_' and '-' only"
        )
    path = shutil.which(program, path=environment.get("PATH", os.defpath))
    if path is None:
        there = shutil.which(program, os.F_OK, environment.get("PATH", os.defpath))
        if there is not None:
            raise HelperMissingError(
                f"{program} is there but may not be executed: chmod +x {there}"
            )
        raise HelperMissingError(
            f"{program} is not on PATH: install it, or add an entry to the credentials file"
        )
    run = _run(program, path, server, environment, seconds)
    if run.status:
        _check_nothing_found(program, server, run)
        return None
    return _read(program, server, run.stdout)


def is_installed(name: str, environment: Mapping[str, str]) -> bool:
    """Whether there is a helper of that name that may be run."""
    path = environment.get("PATH", os.defpath)
    return shutil.which(f"docker-credential-{name}", path=path) is not None


def _run(
    program: str, path: str, server: str, environment: Mapping[str, str], seconds: float
) -> _Run:
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell; the name is checked, `get` is ours
            [path, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(f"{program} can't be run: {error.strerror}") from None
    try:
        with contextlib.suppress(OSError):  # it need not read it, and may have ended
            _tell(process, server)
        out, err = _collect(program, process, time.monotonic() + seconds)
        return _Run(process.wait(), out, err)
    except subprocess.TimeoutExpired:
        raise TransientError(f"{program} did not answer within {seconds:.0f} s") from None
    finally:
        end_process(process)


def _tell(process: subprocess.Popen[bytes], server: str) -> None:
    if process.stdin is not None:
        process.stdin.write(server.encode())
        process.stdin.close()


def _collect(
    program: str, process: subprocess.Popen[bytes], deadline: float
) -> tuple[bytes, bytes]:
    """Both outputs, until they end or the helper did. Raises TimeoutExpired, InputError."""
    pipes: dict[IO[bytes], bytearray] = {}
    with selectors.DefaultSelector() as selector:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipes[pipe] = bytearray()
                selector.register(pipe, selectors.EVENT_READ, pipe)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(program, 0)
            ready = selector.select(min(left, _TICK))
            if not ready and process.poll() is not None:
                break  # a child of its own, such as an agent, still holds the pipes
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                pipes[key.data] += chunk
                if not chunk:
                    selector.unregister(key.fileobj)
                if len(pipes[key.data]) > _MOST_BYTES:
                    raise InputError(f"{program} says more than {_MOST_BYTES:,} bytes; not read")
    process.wait(max(deadline - time.monotonic(), 0.001))
    out, err = pipes.values()
    return bytes(out), bytes(err)


def _check_nothing_found(program: str, server: str, run: _Run) -> None:
    """Raises InputError where it failed for another reason than that it has nothing."""
    said = [_line(run.stdout), _line(run.stderr)]
    if any(_NONE in each.lower() for each in said):
        return
    # What looks like the answer itself is not repeated: a secret may stand in it.
    shown = next((each for each in said if each and not each.startswith(("{", '"'))), "")
    reason = f": {shown}" if shown else ""
    raise InputError(redact(f"{program} failed for {server} ({_status(run.status)}){reason}"))


def _status(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"signal {-status}"


def _line(output: bytes) -> str:
    """The first line that says something, cleaned for a message."""
    lines = (line.strip() for line in output.decode("utf-8", "replace").splitlines())
    # Masked before it is cut: a part of a secret would not be known as one.
    first = redact(next((line for line in lines if line), ""))[:_LONGEST_QUOTE]
    return "".join(char if char.isprintable() else " " for char in first)


def _read(program: str, server: str, output: bytes) -> Credential | None:
    def garbage(what: str) -> NoReturn:
        raise InputError(f"{program} answers for {server} with {what}; call it by hand to see")

    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        garbage("something else than JSON")
    if not isinstance(answer, dict):
        garbage("something else than a JSON object")
    username, secret = answer.get("Username", ""), answer.get("Secret", "")
    if not isinstance(username, str) or not isinstance(secret, str):
        garbage("a Username or a Secret that is no text")
    if not secret:
        if username:
            garbage("a Username and no Secret")
        return None
    hide(secret)
    if username == _TOKEN:
        return Credential(username, secret, "identity-token", program)
    return Credential(username, secret, "password", program)
