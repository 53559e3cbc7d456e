"""`promoter demo`: the whole way of a release, offline, in a temporary folder.

Each step runs the very command that it prints, so that what a reader sees is what they get.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

from promoter.app import read_clock
from promoter.cli import main
from promoter.cli.console import paint_for
from promoter.cli.demo_world import DemoWorld
from promoter.errors import InputError

EXAMPLE = """\
  promoter demo
  promoter demo --in /tmp/shop --prepare        # only the world, to play with
  promoter demo --in /tmp/shop --publish web 1.2.0"""

_SOAK_SECONDS = 9  # a second more than the rule asks for


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--in",
        dest="folder",
        type=Path,
        metavar="DIR",
        help="where (default: a new temporary folder)",
    )
    parser.add_argument("--prepare", action="store_true", help="lay out the world and stop")
    parser.add_argument(
        "--publish",
        nargs=2,
        metavar=("APPLICATION", "VERSION"),
        help="put another image into its registry",
    )
    parser.add_argument(
        "--unpublish", nargs=2, metavar=("APPLICATION", "VERSION"), help="take a tag away"
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.publish or arguments.unpublish:
        if arguments.folder is None:
            raise InputError("promoter demo: say which world with --in DIR")
        world = DemoWorld(arguments.folder.absolute())
        if arguments.publish:
            application, version = arguments.publish
            print(f"published shop/{application}:{version} {world.publish(application, version)}")
        if arguments.unpublish:
            application, version = arguments.unpublish
            world.unpublish(application, version)
            print(f"took shop/{application}:{version} away")
        return 0
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="promoter-demo-"))
    world = DemoWorld(folder.absolute())
    world.prepare(read_clock())
    _Tour(world).export()
    if not arguments.prepare:
        _tour(_Tour(world))
    return 0


class _Tour:
    """Tells, shows the command, runs it."""

    def __init__(self, world: DemoWorld) -> None:
        self._world = world
        self._paint = paint_for(sys.stdout)

    def export(self) -> None:
        self.tell("A manifest repository, a registry and a rule file", self._world.folder)
        print("Repeat any step by hand with:\n")
        for name, value in self._world.environment.items():
            os.environ[name] = value
            print(f"  export {name}={shlex.quote(value)}")

    def tell(self, title: str, *more: object) -> None:
        print()
        print(self._paint(f"== {title}", "bold", "cyan"), *more)

    def call(self, *words: str, expect: int = 0) -> None:
        """Run one command of ours; another exit code than the expected is a bug of the demo."""
        print()
        print(self._paint(f"$ promoter {shlex.join(words)}", "bold"))
        sys.stdout.flush()
        code = main(list(words))
        sys.stdout.flush()
        if code != expect:
            raise RuntimeError(f"promoter {shlex.join(words)} ended with {code}, not {expect}")

    def change_registry(self, what: str, application: str, version: str) -> None:
        self.call("demo", "--in", str(self._world.folder), f"--{what}", application, version)


def _tour(tour: _Tour) -> None:
    tour.call("validate")
    tour.call("status")

    tour.tell("A build pushes version 1.1.0 of both applications")
    tour.change_registry("publish", "web", "1.1.0")
    tour.change_registry("publish", "api", "1.1.0")
    tour.call("plan", "--detailed-exitcode", expect=2)

    tour.tell("One reconcile: dev merges by itself, staging gets merge requests for a person")
    tour.call("run")
    tour.call("mr", "list")
    tour.call("mr", "show", "4")

    tour.tell("Alice merges web into staging, and closes the one for api: a rejection")
    tour.call("mr", "merge", "4", "--as", "Alice <alice@example.com>")
    tour.call("mr", "close", "3", "--as", "Alice <alice@example.com>", "--reason", "not this one")
    tour.call("why", "web", "production", expect=3)
    tour.call("why", "api", "staging")

    tour.tell(
        f"Staging soaks: {_SOAK_SECONDS} seconds later the next environment gets the same release"
    )
    time.sleep(_SOAK_SECONDS)
    tour.call("run", expect=3)

    tour.tell("Bob approves; the bot merges what its gates allow")
    tour.call("mr", "approve", "5", "--as", "Bob <bob@example.com>")
    tour.call("run")

    tour.tell("A clean-up job deletes the tag 1.1.0: the registry now offers 1.0.0, a downgrade")
    tour.change_registry("unpublish", "web", "1.1.0")
    tour.call("run")
    tour.call("why", "web", "dev")

    tour.tell("A newer version of api arrives: the rejection of 1.1.0 does not hold it back")
    tour.change_registry("publish", "api", "1.2.0")
    tour.call("run")
    tour.call("status")
