"""Writes what a CI job hands on: to the files that flags or the CI system name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from promoter.access.redaction import redact
from promoter.cli.console import complain
from promoter.texts.ci_outputs import dotenv, github_output, outputs, results
from promoter.texts.promotion import Promotion, promotion_markdown


def add_ci_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "outputs", "besides the files that GITHUB_OUTPUT and GITHUB_STEP_SUMMARY name"
    )
    group.add_argument(
        "--dotenv", type=Path, metavar="FILE", help="for GitLab's artifacts:reports:dotenv"
    )
    group.add_argument(
        "--results", type=Path, metavar="DIR", help="a file for each output, as Tekton has it"
    )


def write_ci_outputs(promotion: Promotion, arguments: argparse.Namespace) -> bool:
    """Write every output that is asked for; complains of what can't be written, and tells whether
    all could."""
    told = {name: redact(value) for name, value in outputs(promotion).items()}
    steps: list[tuple[Path, Callable[[Path], None]]] = []
    if file := os.environ.get("GITHUB_OUTPUT"):
        steps.append((Path(file), partial(_append, github_output(told))))
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        summary = redact(promotion_markdown(promotion))
        steps.append((Path(file), partial(_append, f"{summary}\n")))
    if arguments.dotenv is not None:
        steps.append((arguments.dotenv, partial(_write, dotenv(told))))
    if arguments.results is not None:
        for name, value in results(told).items():
            steps.append((arguments.results / name, partial(_write_result, value)))
    complaints: dict[str, None] = {}
    for path, step in steps:
        try:
            step(path)
        except OSError as error:
            place = path.parent if arguments.results == path.parent else path
            complaints[f"{place}: can't be written: {error.strerror or error}"] = None
    for each in complaints:
        complain(f"{each}; what was done stands, only this output is missing")
    return not complaints


def _append(text: str, path: Path) -> None:
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _write_result(text: str, path: Path) -> None:
    """The folder may be new; a path that leads nowhere is a slip."""
    path.parent.mkdir(exist_ok=True)
    _write(text, path)


def _write(text: str, path: Path) -> None:
    path.write_text(text, "utf-8", newline="\n")
