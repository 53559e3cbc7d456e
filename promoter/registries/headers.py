"""The two response headers of a registry that have a grammar of their own; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110, section 5.6.2
_VALUE = rf'"(?:[^"\\]|\\.)*"|{_TOKEN}'
_LINK = re.compile(r"[\s,]*<([^<>]*)>")
_LINK_PARAMETER = re.compile(rf"\s*;\s*(?:({_TOKEN})\s*(?:=\s*({_VALUE}))?)?", re.DOTALL)
_PARAMETER = re.compile(rf"[\s,]*({_TOKEN})\s*=\s*({_VALUE})", re.DOTALL)
_SCHEME = re.compile(
    rf"[\s,]*({_TOKEN})(?:\s+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$)))?(?=\s|,|$)", re.DOTALL
)
# What opens a quotation and never closes it is one to the end: looking again would take n² steps.
_NEXT_ITEM = re.compile(r'(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^",])*[\s,]*', re.DOTALL)
LONGEST = 8192
"""Characters of all headers of one name: no registry needs more, and what reads them takes its
time."""


@dataclass(frozen=True)
class Challenge:
    """One way in that a 401 offers; the scheme and the parameter names are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def leads_to(self) -> tuple[str, str, str]:
        """Scheme, realm and service: where proof is got, whatever for."""
        return self.scheme, self.parameters.get("realm", ""), self.parameters.get("service", "")


def next_link(header: str) -> str | None:
    """The target of the link with the relation `next` (RFC 8288), as it stands there.

    Raises ValueError for a header that is too long: it may hold such a link.
    """
    if len(header) > LONGEST:
        raise ValueError(f"a Link header of more than {LONGEST:,} characters")
    position = 0
    while position < len(header):
        link = _LINK.match(header, position)
        if link is None:
            # Not a link: go on behind the next comma that is not quoted.
            rest = _NEXT_ITEM.match(header, position)
            position = max(rest.end() if rest else 0, position + 1)
            continue
        position = link.end()
        relations: list[str] | None = None
        while parameter := _LINK_PARAMETER.match(header, position):
            position = parameter.end()
            # Only the first `rel` counts (RFC 8288, section 3.3).
            if (parameter[1] or "").lower() == "rel" and relations is None:
                relations = _unquote(parameter[2] or "").lower().split()
        if relations and "next" in relations:
            return link[1].strip()
    return None


def challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges of all WWW-Authenticate headers (RFC 9110, section 11.6.1), in order.

    What follows a spot that does not fit the grammar is left out, and so are headers that are too
    long.
    """
    found: list[Challenge] = []
    left = LONGEST
    for header in headers:
        left -= len(header)
        if left < 0:
            break
        position = 0
        parameters: dict[str, str] | None = None
        while position < len(header):
            parameter = _PARAMETER.match(header, position)
            if parameter is not None and parameters is not None:
                parameters.setdefault(parameter[1].lower(), _unquote(parameter[2]))
                position = parameter.end()
                continue
            scheme = _SCHEME.match(header, position)
            if scheme is None:
                break
            parameters = {}
            found.append(Challenge(scheme[1].lower(), parameters))
            position = scheme.end()
    return tuple(found)


def _unquote(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL) if value[:1] == '"' else value
