"""As a process among others: closed streams, and signals that ask it to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

RULE = """\
version: 1
repository: {{url: "http://127.0.0.1:{port}/shop.git", forge: local}}
artifacts: [{{image: "ghcr.io/shop/{{application}}", select: {{semver: ">=1"}}}}]
applications: apps/{{application}}/{{environment}}
environments: {{dev: {{}}}}
"""


def promoter(*words: str) -> list[str]:
    return [sys.executable, "-m", "promoter", *words]


@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), (">&- 2>&-", 0)])
def test_closed_streams_are_no_error(workdir: Path, closed: str, code: int) -> None:
    (workdir / "rules").mkdir()
    (workdir / "rules/shop.yaml").write_text(RULE.format(port=1))
    root = Path(__file__).resolve().parents[2]
    line = f"exec '{sys.executable}' -m promoter validate {closed}"
    done = subprocess.run(
        ["sh", "-c", line],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_run_with_a_message_and_its_code(workdir: Path, number: int) -> None:
    """A server that accepts and never answers keeps the run waiting."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (workdir / "rules").mkdir()
        (workdir / "rules/shop.yaml").write_text(RULE.format(port=silent.getsockname()[1]))
        root = Path(__file__).resolve().parents[2]
        words = promoter("plan", "--cache", str(workdir / "cache"))
        process = subprocess.Popen(
            words,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.settimeout(30)
        asked, _ = silent.accept()  # now it waits for an answer
        with asked:
            process.send_signal(number)
            _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "error: interrupted; what was done stands, the next run goes on from there\n"
