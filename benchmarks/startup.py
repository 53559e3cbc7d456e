"""How long `promoter` takes to start, against the bare interpreter that runs it.

A CI job starts it several times, and a person waits for `--help`. The rows after the
product's own show where a start-up budget goes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.timing import CommandError, pair, table

_BARE = [sys.executable, "-c", "pass"]
_AIM = 2.5


def _console_script() -> str:
    """The installed command: with the cost of pip's wrapper and of the editable install."""
    return str(Path(sys.executable).with_name("promoter"))


def _importing(module: str) -> list[str]:
    return [sys.executable, "-c", f"import {module}"]


def main() -> int:
    product = {
        "promoter version": [_console_script(), "version"],
        "promoter --help": [_console_script(), "--help"],
    }
    explaining = {
        "import re (pip's wrapper does)": _importing("re"),
        "import argparse": _importing("argparse"),
        "import dataclasses": _importing("dataclasses"),
        "import promoter.cli": _importing("promoter.cli"),
        "import promoter.errors": _importing("promoter.errors"),
        "import pydantic": _importing("pydantic"),
    }
    try:
        results = [pair(name, command, _BARE) for name, command in (product | explaining).items()]
    except (CommandError, OSError) as error:
        print(f"startup: nothing measured: {error}", file=sys.stderr)
        return 1
    print(table("start-up, against python -c pass", results, dict.fromkeys(product, _AIM)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
