"""What PyGithub, requests and GitHub's answers say, as errors of our own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from github import GithubException, RateLimitExceededException
from requests.exceptions import ConnectionError as NoConnectionError
from requests.exceptions import RequestException, SSLError, Timeout

from promoter.access.redaction import redact
from promoter.errors import InputError, PromoterError, TransientError

_LONGEST = 300
# GitHub's advice where a secondary limit comes without a Retry-After: a minute at least.
_LONGEST_WAIT = timedelta(hours=1, seconds=1)
_SECONDARY_WAIT = timedelta(minutes=1)
# GraphQL tells in `errors`, with a status of 200, that a limit is reached (docs.github.com, "Rate
# limits and query limits for the GraphQL API"; the shorter word is what it sends since 2026), and
# that it failed itself: that has no type, and only these words.
_LIMIT_KINDS = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
_FAILED = "Something went wrong"


class RefusalError(InputError):
    """GitHub understood the question and said no: 404, 405, 409, 422 and their like."""

    def __init__(self, message: str, status: int, said: str, data: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.said = said
        self.data = data


class UnauthorizedError(InputError):
    """GitHub does not take the token (401); nothing was done."""


class ForbiddenError(InputError):
    """The token is good and does not suffice (403); nothing was done."""


class LimitedError(TransientError):
    """GitHub asks for fewer requests; nothing was done. `retry_after` is always set."""


def translate(error: Exception, who: str, doing: str, login: str, now: datetime) -> PromoterError:
    """The error to raise instead. `who` is the repository, `doing` what was tried ("open a merge
    request"), `login` what was shown for a proof."""
    head = f"{who}: can't {doing}"
    if isinstance(error, GithubException):
        return _of_answer(error, head, login, now)
    if isinstance(error, SSLError):
        return InputError(
            f"{head}: the TLS certificate of the server is not trusted; add its CA to the system's"
            " trust store and name that in REQUESTS_CA_BUNDLE, or check its name and dates"
        )
    if isinstance(error, Timeout):
        return TransientError(f"{head}: no answer in time")
    if isinstance(error, NoConnectionError):
        return TransientError(f"{head}: the server can't be reached or broke off the connection")
    if isinstance(error, RequestException | ValueError):
        return TransientError(f"{head}: the answer can't be read ({type(error).__name__})")
    # What PyGithub says where a server redirects to another host or scheme.
    return InputError(
        f"{head}: the server sends us elsewhere ({type(error).__name__}); write the repository's"
        " address as it is now"
    )


def what_it_said(data: object) -> str:
    """The message of an answer with its details, on one line, safe to show."""
    if not isinstance(data, Mapping):
        return ""
    parts = [str(data.get("message") or "")]
    errors = data.get("errors")
    for each in errors if isinstance(errors, list) else ():
        if isinstance(each, Mapping):
            named = " ".join(str(each[key]) for key in ("field", "code") if each.get(key))
            parts.append(str(each.get("message") or named))
        else:
            parts.append(str(each))
    line = " ".join("; ".join(part for part in parts if part).split())
    return redact(line)[:_LONGEST]


def kinds_of(data: object) -> frozenset[str]:
    """The types of the errors in an answer of GraphQL; empty text for one without a type."""
    errors = data.get("errors") if isinstance(data, Mapping) else None
    listed = errors if isinstance(errors, list) else []
    return frozenset(str(each.get("type") or "") for each in listed if isinstance(each, Mapping))


def _of_answer(error: GithubException, head: str, login: str, now: datetime) -> PromoterError:
    status, said = error.status, what_it_said(error.data)
    headers = {key.lower(): str(value) for key, value in (error.headers or {}).items()}
    if _is_limit(error, headers):
        wait = _told_wait(headers, now)
        return LimitedError(
            f"{head}: GitHub asks for fewer requests; it may be asked again in"
            f" {wait.total_seconds():.0f} s",
            retry_after=wait,
        )
    if status >= 500:
        return TransientError(f"{head}: GitHub is in trouble ({status})")
    if status == 400 and _FAILED in said:  # what PyGithub makes of `errors`
        return TransientError(f"{head}: GitHub is in trouble ({said})")
    if status == 401:
        return UnauthorizedError(
            f"{head}: GitHub does not accept {login} (401): it expired, was revoked or is of"
            " another server; give a new one"
        )
    if status == 403:
        return ForbiddenError(f"{head}: {_forbidden(headers, said, login)}")
    if status in (404, 410, 451):
        return RefusalError(
            f"{head}: GitHub knows no such thing ({status}), or {login} may not see it; check the"
            " repository's address, and that the token is for this repository",
            status,
            said,
            error.data,
        )
    return RefusalError(f"{head}: GitHub says {said or status}", status, said, error.data)


def _is_limit(error: GithubException, headers: Mapping[str, str]) -> bool:
    if error.status == 429 or isinstance(error, RateLimitExceededException):
        return True
    if kinds_of(error.data) & _LIMIT_KINDS:
        return True
    spent = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    return error.status == 403 and spent


def _told_wait(headers: Mapping[str, str], now: datetime) -> timedelta:
    """docs.github.com, "Rate limits for the REST API": Retry-After, else the reset where nothing
    remains, else a minute. The limit is one of each hour: what is longer is a clock that is wrong.
    """
    told = headers.get("retry-after", "")
    if told.isdecimal():
        return timedelta(seconds=int(told))
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        at = datetime.fromtimestamp(int(reset), UTC)
        return min(max(at - now, timedelta()) + timedelta(seconds=1), _LONGEST_WAIT)
    return _SECONDARY_WAIT


def _forbidden(headers: Mapping[str, str], said: str, login: str) -> str:
    if headers.get("x-github-sso", "").startswith("required"):
        return f"{login} is not authorized for the organization's single sign-on; authorize it"
    # "contents=write; pull_requests=write": GitHub names what would be enough.
    wanted = headers.get("x-accepted-github-permissions", "")
    usual = "contents, pull requests, issues and commit statuses: write, and checks: read"
    need = redact(wanted) or usual
    return f"{login} may not do that (403: {said or 'forbidden'}); it needs {need}"


def message_of(data: Any) -> str:
    """The `message` of an answer that is no error by its status; empty where there is none."""
    return what_it_said({"message": data.get("message")}) if isinstance(data, Mapping) else ""
