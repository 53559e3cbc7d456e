"""Times commands side by side: a ratio to a baseline holds on a busy machine, a time does not."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

Command = Sequence[str]

_WARM_UP = 2  # the first runs write byte code and fill the page cache


class CommandError(Exception):
    """A command to be timed ended with an error; how long that took says nothing."""


@dataclass(frozen=True)
class Pairing:
    """A command against its baseline; medians, in milliseconds.

    `ratio` is the median of the pairs' ratios, not the ratio of the medians: the two runs
    of a pair saw the same load.
    """

    name: str
    baseline_ms: float
    ms: float
    ratio: float


def pair(name: str, command: Command, baseline: Command, rounds: int = 15) -> Pairing:
    """Run baseline and command alternately, `rounds` times each; raises CommandError."""
    for _ in range(_WARM_UP):
        _run(baseline)
        _run(command)
    pairs = [(_run(baseline), _run(command)) for _ in range(rounds)]
    return Pairing(
        name,
        median(before for before, _ in pairs),
        median(after for _, after in pairs),
        median(after / before for before, after in pairs),
    )


def table(title: str, pairings: Iterable[Pairing], aims: dict[str, float]) -> str:
    """One line a pairing; `aims` gives the largest ratio wanted, by name."""
    rows = [f"{title:<40} {'ms':>7} {'baseline':>9} {'ratio':>6}  aim"]
    for each in pairings:
        aim = aims.get(each.name)
        verdict = "" if aim is None else f"< {aim:g} {'met' if each.ratio < aim else 'MISSED'}"
        row = f"{each.name:<40} {each.ms:>7.1f} {each.baseline_ms:>9.1f} {each.ratio:>6.2f}"
        rows.append(f"{row}  {verdict}".rstrip())
    return "\n".join(rows)


def _run(command: Command) -> float:
    """Milliseconds that the command took."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    took = (time.perf_counter() - start) * 1000
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        reason = last[0] if last else f"exit code {done.returncode}"
        raise CommandError(f"{' '.join(command)}: {reason}")
    return took
