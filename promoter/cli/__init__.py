"""The command line. Each verb is a module of this package, imported only when it is called:
`promoter version` and `promoter --help` answer before anything heavy is loaded."""

from __future__ import annotations

import sys

from promoter.version import VERSION

VERBS = {
    "demo": "the whole way of a release, in a temporary folder, offline",
    "validate": "check rule files",
    "doctor": "who the bot is, what it may do, whether the forge backs the rules; what to mend",
    "schema": "print the JSON Schema of rule files, for editors",
    "tags": "what a policy would choose of an image's tags, and why every other one lost",
    "plan": "show what a run would do, with the diffs",
    "run": "one reconcile: open, update, merge and close merge requests",
    "serve": "the long-running deployment: looks, takes webhooks, serves metrics and probes",
    "promote": "bring a release to an environment: what a CI job calls right after a build",
    "wait": "wait until a release is merged, or proposed, in an environment",
    "status": "applications by environments: what runs, how long, what waits",
    "why": "why is an application not promoted to an environment?",
    "adopt": "what runs today becomes the baseline: only newer releases are proposed",
    "rollback": "bring a target back to a release that ran there, and keep the bad one out",
    "hold": "targets stay where they are, or a release stays out of them",
    "holds": "who holds what, why, and until when",
    "release-hold": "take a hold away again",
    "history": "which releases ran in an application's environments, and how each came there",
    "report": "deployment frequency, lead time, change failure rate and time to restore",
    "edit": "set images and values in files, in place, byte-exact; needs no rule file",
    "mr": "list, show, review, label, merge and close merge requests of the local forge",
    "version": "print the version",
}

_EPILOG = """\
Run `promoter VERB --help` for its flags and an example.

Exit codes: 0 done or nothing to do, 2 changes planned (plan --detailed-exitcode, edit --check),
3 waiting, 64 wrong input, 75 try again later, 1 a bug.
"""


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code. Never raises but for --debug."""
    words = sys.argv[1:] if argv is None else argv
    verb = words[0] if words else "--help"
    if verb in ("--help", "-h", "help"):
        sys.stdout.write(_help())
        return 0
    if verb in ("version", "--version") and len(words) == 1:
        sys.stdout.write(f"promoter {VERSION}\n")
        return 0
    try:
        from promoter.cli.call import call, end_like_an_interrupt

        if argv is None:
            end_like_an_interrupt()
        return call(verb, words[1:])
    except KeyboardInterrupt:  # so early that nothing was done
        return 130


def _help() -> str:
    width = max(len(verb) for verb in VERBS)
    verbs = "\n".join(f"  {verb.ljust(width)}  {text}" for verb, text in VERBS.items())
    return (
        "usage: promoter VERB [options]\n\n"
        "A GitOps promotion bot: new images become byte-exact edits and merge requests,\n"
        f"environment by environment.\n\n{verbs}\n\n{_EPILOG}"
    )
