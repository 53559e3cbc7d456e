"""What git says when it fails, sorted by what to do about it.

git has no error codes for these: its English messages (LC_ALL=C) are the interface.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from promoter.access import redaction
from promoter.access.git_remote import Remote
from promoter.errors import ConflictError, InputError, PromoterError, TransientError

_LONGEST = 300


class MirrorDamagedError(TransientError):
    """The local copy can't be used; it is made again at the next look."""


class PushRefusedError(InputError):
    """The remote takes no such push from the bot: a protected branch, a hook, a missing right.
    `said` is that alone, without what to do."""

    def __init__(self, said: str) -> None:
        super().__init__(f"{said}: let the bot push there, or change the rule")
        self.said = said


def _pattern(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


_DISK_FULL = _pattern(r"no space left on device", r"disk quota exceeded")
_DAMAGED = _pattern(
    r"not a git repository: '",
    r"bad object",
    r"corrupt",
    r"unable to read (?:tree|sha1|object|[0-9a-f]{40})",
    r"object file .* is empty",
    r"\.lock': file exists",
    r"did not send all necessary objects",
    r"bad config",
    r"missing (?:blob|tree|commit)",
    r"not a valid object name",
    r"not a tree object",
    r"could not open .*objects/pack",
    r"inflate",
)
_NOT_THERE = _pattern(
    r"repository '.*' not found",
    r"repository not found",
    r"returned error: (?:404|410)",
    r"does not appear to be a git repository",
    r"no such file or directory",
    r"could not be found",
    r"does not exist",
    r"repository not exported",
    r"not a valid repository name",
)
_LOGIN = _pattern(
    r"authentication failed",
    r"could not read (?:username|password)",
    r"returned error: (?:401|403)",
    r"http 40[13] ",
    r"permission denied \(",
    r"access denied",
    r"invalid credentials",
    r"host key verification failed",
)
_LATER = _pattern(
    r"could(?:n't| not) resolve",
    r"(?:could not|couldn't|failed to|unable to) connect",
    r"connection (?:refused|reset|timed out|closed)",
    r"timed? ?out",
    r"operation too slow",
    r"network is unreachable",
    r"no route to host",
    r"returned error: (?:429|5\d\d)",
    r"http (?:429|5\d\d) ",
    r"early eof",
    r"empty reply",
    r"hung up unexpectedly",
    r"unexpected disconnect",
    r"transfer closed",
    r"kex_exchange_identification",
    r"temporary failure",
    r"rpc failed; curl (?:7|18|28|35|52|55|56|92)\b",
)
_TLS = _pattern(r"ssl certificate", r"certificate verif", r"server certificate")
_LOST_RACE = _pattern(
    r"stale info",
    r"cannot lock ref",
    r"failed to update ref",
    r"fetch first",
    r"non-fast-forward",
    r"reference already exists",
    r"incorrect old value",
    r"failed to lock",
    r"failed to remove ref",
)
_IN_THE_WAY = _pattern(r"exists; cannot create", r"conflicting? with '")
_HOOK = _pattern(r"hook declined", r"protected branch")
_NO_RIGHT = _pattern(
    r"permission denied",
    r"insufficient permission",
    r"read-only",
)
_REFUSED = _pattern(
    r"prohibited",
    r"unpacker error",
    r"denied",
    r"not allowed",
    r"refusing to",
    r"deny",
)


def summary(text: str) -> str:
    """The lines that tell why, as one: without progress, hints, control characters, secrets."""
    lines = [re.sub(r"[\x00-\x1f\x7f]+", " ", line).strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(("hint:", "To ", "Done", "="))]
    telling = [line for line in told if re.match(r"(fatal|error|remote|!|ERROR)\b|!", line)] or told
    # Masked before it is cut: a part of a secret would not be known as one.
    one = redaction.redact("; ".join(dict.fromkeys(telling)))
    return one[:_LONGEST] + ("…" if len(one) > _LONGEST else "")


def local_failure(stderr: str) -> PromoterError:
    """The error for a command that needed no remote: the mirror or its disk is at fault."""
    if _DISK_FULL.search(stderr):
        return InputError(f"the cache folder is full: free space there ({summary(stderr)})")
    return MirrorDamagedError(
        f"the local mirror can't be read and is made again at the next look: {summary(stderr)}"
    )


def remote_failure(remote: Remote, stderr: str) -> PromoterError:
    """The error for a `ls-remote`, `fetch` or `push` that the remote did not serve."""
    for pattern, make in _REMOTE:
        if pattern.search(stderr):
            return make(remote, summary(stderr))
    ours = "\n".join(line for line in stderr.splitlines() if not line.startswith("remote:"))
    if _DAMAGED.search(ours):
        return local_failure(ours)
    return TransientError(f"{remote.display}: git failed: {summary(stderr)}")


def push_failure(remote: Remote, report: str, stderr: str) -> PromoterError:
    """The error for a `push --porcelain`: `report` holds one line for every refused ref.

    With --atomic, refs that were fine themselves are refused too ("atomic push failed");
    the others tell the reason.
    """
    refused = [line[1:].strip() for line in report.splitlines() if line.startswith("!")]
    reasons = [line for line in refused if "atomic" not in line] or refused
    if not reasons:
        return remote_failure(remote, stderr)
    told = "! " + "; ".join(" ".join(reason.split("\t")) for reason in reasons)
    text = "\n".join([*(line for line in stderr.splitlines() if line.startswith("remote:")), told])
    if _DISK_FULL.search(text):
        return _full(remote, summary(text))
    if _IN_THE_WAY.search(text):
        return InputError(
            f"{remote.display}: a branch stands where a folder of branches is needed, or the other"
            f" way round: rename one of them ({summary(text)})"
        )
    # A refusal that the remote itself explains; a lock that can't be written is one as well.
    if _HOOK.search(told) or _NO_RIGHT.search(text):
        return _refused_push(remote, text)
    atomic_only = all("atomic" in reason for reason in reasons)
    if _LOST_RACE.search(text) or (atomic_only and "remote:" not in text):
        return ConflictError(f"{remote.display}: a ref moved meanwhile: {summary(text)}")
    if _REFUSED.search(text):
        return _refused_push(remote, text)
    return TransientError(f"{remote.display}: the push failed: {summary(text)}")


def _refused_push(remote: Remote, text: str) -> PromoterError:
    return PushRefusedError(f"{remote.display} refuses the push: {summary(text)}")


def _login(remote: Remote, said: str) -> PromoterError:
    way = (
        f"check the entry of {remote.host} in the credentials file, and what it may do"
        if remote.over_http
        else "check the key, the known hosts and what the bot may do"
    )
    return InputError(f"{remote.display}: {remote.host} does not let the bot in ({said}): {way}")


def _not_there(remote: Remote, said: str) -> PromoterError:
    return InputError(
        f"{remote.display}: no such repository, or the bot may not see it ({said}):"
        " check the URL and the credentials"
    )


def _full(_: Remote, said: str) -> PromoterError:
    return InputError(f"no space is left for Git objects ({said}): free some")


def _tls(remote: Remote, said: str) -> PromoterError:
    return InputError(
        f"{remote.display}: the TLS certificate is not trusted ({said}):"
        " set GIT_SSL_CAINFO to the CA's file"
    )


def _refused(remote: Remote, said: str) -> PromoterError:
    return InputError(f"{remote.display} refuses: {said}: check what the bot may do there")


def _later(remote: Remote, said: str) -> PromoterError:
    return TransientError(f"{remote.display} did not answer: {said}")


# In this order: a refused login also ends with "hung up", a missing folder with "denied".
_REMOTE: tuple[tuple[re.Pattern[str], Callable[[Remote, str], PromoterError]], ...] = (
    (_DISK_FULL, _full),
    (_LOGIN, _login),
    (_TLS, _tls),
    (re.compile(r"\.lock': File exists|did not send all necessary"), lambda _, s: local_failure(s)),
    (re.compile(r"not a git repository: '"), lambda _, said: local_failure(said)),
    (_NOT_THERE, _not_there),
    (_LATER, _later),
    (_pattern(r"permission denied", r"unpacker error"), _refused),
)
