"""Functions and commands in processes of their own, which may be killed.

They are forked from a server that has imported the product and has no threads: a Python that starts
anew needs most of a second for that. What the shell starts is told by tests/cli.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Lock
from typing import Any

from promoter.app import FORGES, REGISTRIES, REPOSITORY
from promoter.cli import VERBS, main

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 120
_ONE_READER = Lock()
"""Starting a process reads how every other one ended, and that can be read but once."""
_IMPORTED = (
    __name__,
    "tests.stories.driver",
    *(f"promoter.cli.{verb.replace('-', '_')}" for verb in VERBS),
    *(each.partition(":")[0] for each in (REPOSITORY, *FORGES.values(), *REGISTRIES.values())),
    "git.cmd",
)


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def run_apart(target: Callable[..., object], *arguments: Any) -> int:
    """Run a function of a module to its end; the exit code, negative for a signal."""
    return _finish(_start(_context(), target, *arguments))


def run_commands(*commands: Sequence[str]) -> list[Ended]:
    """Run `promoter WORDS` for each of them, from the root of the checkout, with the environment of
    now; several begin at the same moment."""
    context = _context()
    begin = context.Barrier(len(commands))
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder, str(number)) for number in range(len(commands))]
        children = [
            _start(context, _command, words, dict(os.environ), each, begin)
            for words, each in zip(commands, said, strict=True)
        ]
        codes = [_finish(each) for each in children]
        return [
            Ended(code, *(each.with_suffix(end).read_text("utf-8") for end in (".out", ".err")))
            for code, each in zip(codes, said, strict=True)
        ]


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))
    return context


def _start(
    context: ForkServerContext, target: Callable[..., object], *arguments: Any
) -> ForkServerProcess:
    child = context.Process(target=target, args=arguments)
    with _ONE_READER:
        child.start()
    return child


def _finish(child: ForkServerProcess) -> int:
    ended = wait([child.sentinel], _SECONDS)
    with _ONE_READER:
        if not ended:
            child.kill()
        child.join()
    assert ended, f"a process took longer than {_SECONDS} seconds"
    assert child.exitcode is not None
    return child.exitcode


def _command(
    words: Sequence[str], environment: Mapping[str, str], said: Path, begin: Barrier
) -> None:
    """In the child, which has the environment and the streams of its server."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for stream, end in ((1, ".out"), (2, ".err")):
        opened = os.open(said.with_suffix(end), os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, stream)
        os.close(opened)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - to its end
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = ["promoter", *words]
    begin.wait(_SECONDS)
    sys.exit(main())
