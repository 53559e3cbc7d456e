"""What a CI job hands to the jobs after it, in the formats of three systems."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from promoter.texts.paint import printable
from promoter.texts.promotion import Promotion

_MOST_WHY = 1000
_MOST_LABEL = 200
_DOTENV_BYTES = 5000
_RESULT_BYTES = 3000
_CUT = "…"
_TWO_IN_JSON, _SIX_IN_JSON = re.compile(r'["\\]'), re.compile(r"[&<>]")
_MAY_BE_CUT = ("why", "superseded-by", "release")
"""Texts for people, in the order in which they give way; the rest is for machines."""

Outputs = Mapping[str, str]


def outputs(promotion: Promotion) -> Outputs:
    """Every output by its name; each is one line, and empty where there is nothing to tell."""
    release, request = promotion.release, promotion.merge_request
    later = promotion.superseded_by
    return {
        "application": promotion.target.application,
        "environment": promotion.target.environment,
        "state": promotion.state.value,
        "release": _cut(_one_line(release.label if release else ""), _MOST_LABEL),
        "release-id": release.id if release else "",
        "merge-request-url": _one_line(request.url if request else ""),
        "merge-request-number": str(request.number) if request else "",
        "superseded-by": _cut(_one_line(later.label if later else ""), _MOST_LABEL),
        "why": _cut(_one_line(promotion.why), _MOST_WHY),
    }


def github_output(values: Outputs) -> str:
    """For the file that GITHUB_OUTPUT names, in the form with a delimiter: no value ends early.

    docs.github.com, "Workflow commands", "Multiline strings".
    """
    # Of all values, so that none of them can hold it.
    digest = hashlib.sha256("\0".join(values.values()).encode()).hexdigest()[:16]
    end = f"promoter-{digest}"
    return "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in values.items())


def dotenv(values: Outputs) -> str:
    """For `artifacts:reports:dotenv` of GitLab: `PROMOTION_STATE=proposed`, without quotes, empty
    lines and comments, and below 5 KB; GitLab would fail the job else.

    docs.gitlab.com, "CI/CD artifacts reports types".
    """
    # GitLab expands variables in what it reads; a doubled sign is a plain one.
    plain = {name: value.replace("$", "$$") for name, value in values.items()}
    names = {name: f"PROMOTION_{name.upper().replace('-', '_')}" for name in values}
    frame = sum(len(name) + 2 for name in names.values())
    fitting = _fit(plain, _DOTENV_BYTES - frame, _size)
    return "".join(f"{names[name]}={value}\n" for name, value in fitting.items())


def results(values: Outputs) -> Outputs:
    """One file a name, for Tekton: all results of a pod share 4096 bytes, as JSON with a frame of
    its own, and a step fails that writes more.

    tekton.dev, "Emitting Results from a Task".
    """
    return _fit(values, _RESULT_BYTES, _size_in_go)


def _fit(values: Outputs, most: int, size: Callable[[str], int]) -> Outputs:
    """The values within so many bytes; an address is given whole or not at all."""
    fitting = dict(values)
    for name in (*_MAY_BE_CUT, "merge-request-url"):
        over = sum(map(size, fitting.values())) - most
        if over <= 0:
            break
        left = len(fitting[name].encode()) - over
        fitting[name] = _cut(fitting[name], left) if name in _MAY_BE_CUT else ""
    return fitting


def _size(text: str) -> int:
    return len(text.encode())


def _size_in_go(text: str) -> int:
    """In JSON as Go writes it."""
    short, long = (len(each.findall(text)) for each in (_TWO_IN_JSON, _SIX_IN_JSON))
    return _size(text) + short + 5 * long


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, with a mark where something is missing."""
    data = text.encode()
    if len(data) <= most:
        return text
    kept = data[: max(most - len(_CUT.encode()), 0)].decode("utf-8", "ignore")
    return f"{kept}{_CUT}" if most >= len(_CUT.encode()) else ""


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
