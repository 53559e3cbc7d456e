"""Flags that several verbs share, and the app that they make."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from promoter.app import App, build
from promoter.settings import ServeSettings, Settings, load_serve_settings, load_settings

_SETTINGS = ("rules", "registries", "credentials", "cache", "person", "output")


def add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rules",
        action="append",
        type=Path,
        metavar="PATH",
        help="a rule file or a directory of them, may be repeated (default: rules/)",
    )


def add_rules_or_repository(parser: argparse.ArgumentParser) -> None:
    """`--rules`, and the repository that they may lie in."""
    add_rules(parser)
    parser.add_argument(
        "--repository",
        dest="rules_at",
        metavar="URL",
        help="read the rules from this repository's default branch: --rules is a path inside of"
        " it then (default: .promoter/rules/, else rules/)",
    )


def add_world(parser: argparse.ArgumentParser) -> None:
    """Where registries and credentials are."""
    parser.add_argument(
        "--registry",
        dest="registries",
        action="append",
        metavar="HOST=WHERE",
        help="where a registry is served: https://..., http://... (plain HTTP), oci-layout:PATH",
    )
    parser.add_argument("--credentials", type=Path, metavar="FILE", help="credentials by host")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a folder for mirrors")


def add_output(parser: argparse.ArgumentParser, kinds: Sequence[str] = ("text", "json")) -> None:
    parser.add_argument("--output", choices=kinds, help="how to print (default: text)")


def settings_from(arguments: argparse.Namespace) -> Settings:
    return load_settings({name: getattr(arguments, name, None) for name in _SETTINGS})


def serve_settings_from(arguments: argparse.Namespace) -> ServeSettings:
    names = (*_SETTINGS, "poll", "listen", "webhook_secrets", "log")
    return load_serve_settings({name: getattr(arguments, name, None) for name in names})


def app_from(arguments: argparse.Namespace, settings: Settings | None = None) -> App:
    app = build(settings or settings_from(arguments))
    return replace(app, rules_at=getattr(arguments, "rules_at", None))
