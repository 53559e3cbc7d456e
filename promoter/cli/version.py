"""`promoter version`; reached only with flags, `promoter.cli.main` answers the plain word."""

from __future__ import annotations

import argparse

from promoter.version import VERSION

EXAMPLE = "  promoter version"


def configure(parser: argparse.ArgumentParser) -> None:
    """No flags of its own."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    del arguments
    print(f"promoter {VERSION}")
    return 0
