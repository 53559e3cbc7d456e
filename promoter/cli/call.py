"""Calls a verb: flags, settings, and one place that turns exceptions into exit codes."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import NoReturn, Protocol, cast

from promoter.access.redaction import redact_log
from promoter.cli import VERBS
from promoter.cli.console import complain, log_everything
from promoter.cli.exit_codes import BUG, DONE, LATER, of_error
from promoter.cli.traced import traced
from promoter.errors import InputError, PromoterError

_FLAG = re.compile(r"--[a-z-]+")
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Verb(Protocol):
    """What each verb's module has."""

    EXAMPLE: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's own arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; returns the exit code. Raises PromoterError."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse would exit with 2, which means "changes planned" here.
        raise InputError(f"{self.prog}: {message}; see {self.prog} --help")


def call(verb: str, words: Sequence[str]) -> int:
    debug = "--debug" in words
    _have_streams()
    try:
        arguments = read_words(verb, words)
        with ExitStack() as around:
            if arguments.debug:
                around.callback(log_everything())
            around.enter_context(traced(verb))
            return load_verb(verb).run(arguments)
    except PromoterError as error:
        if debug:
            _show_traceback()
        complain(str(error))
        return of_error(error)
    except SystemExit as end:  # how argparse ends after --help
        return end.code if isinstance(end.code, int) else DONE
    except KeyboardInterrupt:
        complain("interrupted; what was done stands, the next run goes on from there")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader is gone (`promoter plan | head`); keep the interpreter from saying so again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if debug:
            _show_traceback()
        place = f"{error.filename}: " if error.filename else ""
        complain(f"{place}{error.strerror or error}; make room or allow it, and run again")
        return LATER
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user but under --debug
        if debug:
            _show_traceback()
        complain(f"a bug in promoter: {type(error).__name__}: {error}; --debug shows where")
        return BUG


def _show_traceback() -> None:
    import traceback

    print(redact_log(traceback.format_exc()), end="", file=sys.stderr)


def _nearest(word: str, words: Iterable[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(word, list(words), 1)), None)


def _have_streams() -> None:
    """Standard streams that the caller closed (`promoter run >&-`) are /dev/null."""
    if sys.stdout is None or sys.stderr is None:
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - to the very end
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere


def end_like_an_interrupt() -> None:
    """SIGTERM and SIGHUP, as a scheduler or a closed terminal sends them, end a run as Ctrl-C
    does: with the message and the exit code."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)


def read_words(verb: str, words: Sequence[str]) -> argparse.Namespace:
    """The verb's arguments. Raises InputError that suggests the flag that was probably meant."""
    parser = parser_for(verb)
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        # Without what stands behind "=": nobody knows what was meant to go there.
        word = unknown[0].partition("=")[0]
        near = _nearest(word, _FLAG.findall(parser.format_usage()))
        hint = f" (did you mean {near}?)" if near else ""
        parser.error(f"unknown argument {word}{hint}")
    return arguments


def load_verb(verb: str) -> Verb:
    """The verb's module. Raises InputError with a suggestion."""
    if verb not in VERBS:
        near = _nearest(verb, VERBS)
        hint = f"; did you mean '{near}'?" if near else "; see promoter --help"
        raise InputError(f"promoter: no verb '{verb}'{hint}")
    return cast("Verb", importlib.import_module(f"promoter.cli.{verb.replace('-', '_')}"))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('?') else '.'}"


def parser_for(verb: str) -> argparse.ArgumentParser:
    module = load_verb(verb)
    parser = _Parser(
        prog=f"promoter {verb}",
        description=_sentence(VERBS[verb]),
        epilog=f"example:\n{module.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--debug", action="store_true", help="log everything, show tracebacks")
    module.configure(parser)
    return parser
