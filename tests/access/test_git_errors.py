"""What git says, sorted: the sentences are those that git, ssh and forges really print."""

from __future__ import annotations

import pytest

from promoter.access import redaction
from promoter.access.git_errors import (
    MirrorDamagedError,
    PushRefusedError,
    push_failure,
    remote_failure,
    summary,
)
from promoter.access.git_remote import Remote
from promoter.errors import ConflictError, InputError, PromoterError, TransientError

HTTPS = Remote.parse("https://git.example.com/shop.git")
SSH = Remote.parse("git@git.example.com:shop.git")


@pytest.mark.parametrize(
    ("remote", "said", "kind", "told"),
    [
        (
            HTTPS,
            "fatal: Authentication failed for 'https://git.example.com/shop.git/'",
            InputError,
            "credentials file",
        ),
        (
            HTTPS,
            (
                "fatal: could not read Username for 'https://git.example.com': terminal prompts"
                " disabled"
            ),
            InputError,
            "git.example.com",
        ),
        (
            HTTPS,
            (
                "fatal: unable to access 'https://git.example.com/shop.git/': The requested URL"
                " returned error: 403"
            ),
            InputError,
            "credentials file",
        ),
        (
            HTTPS,
            "remote: Not Found\nfatal: repository 'https://git.example.com/shop.git/' not found",
            InputError,
            "no such repository",
        ),
        (
            HTTPS,
            (
                "fatal: unable to access 'https://git.example.com/': Could not resolve host:"
                " git.example.com"
            ),
            TransientError,
            "did not answer",
        ),
        (
            HTTPS,
            (
                "fatal: unable to access 'https://git.example.com/': The requested URL returned"
                " error: 502"
            ),
            TransientError,
            "did not answer",
        ),
        (
            HTTPS,
            "error: RPC failed; curl 56 GnuTLS recv error\nfatal: early EOF",
            TransientError,
            "early EOF",
        ),
        (
            HTTPS,
            (
                "fatal: unable to access 'https://x/': server certificate verification failed."
                " CAfile: none"
            ),
            InputError,
            "GIT_SSL_CAINFO",
        ),
        (
            SSH,
            (
                "git@git.example.com: Permission denied (publickey).\nfatal: Could not read from"
                " remote repository."
            ),
            InputError,
            "check the key",
        ),
        (
            SSH,
            "Host key verification failed.\nfatal: Could not read from remote repository.",
            InputError,
            "known hosts",
        ),
        (
            SSH,
            (
                "ssh: connect to host git.example.com port 22: Connection timed out\nfatal: Could"
                " not read from remote repository."
            ),
            TransientError,
            "did not answer",
        ),
        (
            SSH,
            "ERROR: Repository not found.\nfatal: Could not read from remote repository.",
            InputError,
            "no such repository",
        ),
        (HTTPS, "fatal: mismatched algorithms: client sha1; server sha256", TransientError, "sha1"),
        (HTTPS, "fatal: bad object refs/heads/main", MirrorDamagedError, "made again"),
        (HTTPS, "remote: fatal: bad object 12ab", TransientError, "bad object"),
        (
            HTTPS,
            "error: unable to write file: No space left on device",
            InputError,
            "free some",
        ),
    ],
)
def test_a_failure_tells_what_to_do(
    remote: Remote, said: str, kind: type[PromoterError], told: str
) -> None:
    error = remote_failure(remote, said)
    assert type(error) is kind
    assert told in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("report", "said", "kind", "told"),
    [
        ("!\ta:refs/heads/x\t[rejected] (stale info)", "", ConflictError, "stale info"),
        ("!\ta:refs/heads/x\t[rejected] (fetch first)", "", ConflictError, "fetch first"),
        (
            (
                "!\ta:refs/heads/x\t[remote rejected] (cannot lock ref 'refs/heads/x')\n"
                "!\tb:refs/heads/y\t[remote rejected] (atomic push failure)"
            ),
            "",
            ConflictError,
            "cannot lock ref",
        ),
        (
            "!\ta:refs/heads/x\t[remote rejected] (atomic transaction failed)",
            "remote: error: cannot lock ref 'refs/heads/x': is at 12 but expected 34",
            ConflictError,
            "but expected 34",
        ),
        (
            "!\ta:refs/heads/x/y\t[remote rejected] (failed to update ref)",
            "remote: error: cannot lock ref: 'refs/heads/x' exists; cannot create 'refs/heads/x/y'",
            InputError,
            "rename one of them",
        ),
        (
            "!\ta:refs/heads/x\t[remote rejected] (failed to update ref)",
            "remote: error: cannot lock ref: Unable to create 'x.lock': Permission denied",
            PushRefusedError,
            "refuses the push",
        ),
        (
            "!\ta:refs/heads/main\t[remote rejected] (pre-receive hook declined)",
            "remote: GitLab: You are not allowed to push code to protected branches.",
            PushRefusedError,
            "You are not allowed to push code",
        ),
        (
            "!\ta:refs/heads/main\t[remote rejected] (protected branch hook declined)",
            "remote: error: GH006: Protected branch update failed for refs/heads/main.",
            PushRefusedError,
            "GH006",
        ),
        (
            "!\ta:refs/heads/x\t[remote rejected] (unpacker error)",
            "remote: fatal: Unable to create temporary file: Permission denied",
            PushRefusedError,
            "refuses the push",
        ),
        ("!\ta:refs/heads/x\t[remote failure] (remote died)", "", TransientError, "died"),
        ("", "fatal: the remote end hung up unexpectedly", TransientError, "hung up"),
    ],
)
def test_a_refused_push_tells_whose_turn_it_is(
    report: str, said: str, kind: type[PromoterError], told: str
) -> None:
    error = push_failure(HTTPS, report, said)
    assert type(error) is kind
    assert told in str(error)


def test_a_summary_is_one_short_line_without_secrets() -> None:
    redaction.register("canary-5f1c")
    text = summary(
        "hint: try again\nfatal: https://ann:pw@git.example.com canary-5f1c\x1b[31m\n" + "x" * 999
    )
    assert "pw" not in text
    assert "canary" not in text
    assert "\x1b" not in text
    assert "hint" not in text
    assert len(text) < 320
