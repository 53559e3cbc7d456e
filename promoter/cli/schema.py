"""`promoter schema`: the JSON Schema of rule files; needs no rule file and contacts nothing."""

from __future__ import annotations

import argparse
import json
import sys

from promoter.rules.schema import rule_schema

EXAMPLE = "  promoter schema    # into a file: promoter schema > rule-file.schema.json"


def configure(parser: argparse.ArgumentParser) -> None:
    """No flags of its own."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    del arguments
    sys.stdout.write(json.dumps(rule_schema(), indent=2) + "\n")
    return 0
