"""The end of a child process that is not to run any longer."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs of it, its children too (it leads a session of its own), and close its
    pipes; does nothing to one that ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
