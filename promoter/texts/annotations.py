"""What is wrong with rule files, as JSON, and as GitHub and GitLab show it beside the lines."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from promoter.errors import Where
from promoter.rules.wording import suggestion_in
from promoter.texts.as_json import Json

_CHECK = "promoter-rule"
_SEVERITIES = {"error": "major", "warning": "minor"}


@dataclass(frozen=True)
class Remark:
    """An error or a warning about a place in a rule file."""

    severity: Literal["error", "warning"]
    where: Where
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where.file else self.message


def remark_json(remark: Remark) -> Json:
    """`line` and `column` are null where the file as a whole is meant; `suggestion` is what was
    probably meant in place of the word that stands there."""
    return {
        "where": str(remark.where),
        "file": remark.where.file,
        "line": remark.where.line or None,
        "column": remark.where.column or None,
        "message": remark.message,
        "suggestion": suggestion_in(remark.message),
    }


def github_text(remarks: Iterable[Remark]) -> str:
    """Workflow commands of GitHub Actions, which shows them in the diff of the pull request."""
    lines: list[str] = []
    for each in remarks:
        places = {"file": each.where.file, "line": each.where.line, "col": each.where.column}
        given = [f"{key}={_property(str(value))}" for key, value in places.items() if value]
        lines.append(f"::{each.severity} {','.join(given)}::{_data(each.message)}\n")
    return "".join(lines)


def gitlab_text(remarks: Iterable[Remark]) -> str:
    """A code quality report of GitLab; an empty list where there is nothing to say."""
    seen: Counter[tuple[str, str]] = Counter()
    entries: list[Json] = []
    for each in remarks:
        key = (each.where.file, each.message)
        seen[key] += 1
        # Without the line: what only moved is not new. The count tells equal ones apart, of which
        # GitLab would show one only.
        identity = "\n".join((*key, str(seen[key])))
        entries.append(
            {
                "description": each.message,
                "check_name": _CHECK,
                "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
                "severity": _SEVERITIES[each.severity],
                "location": {
                    "path": each.where.file,
                    "lines": {"begin": max(each.where.line, 1)},
                },
            }
        )
    return json.dumps(entries, indent=2) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
