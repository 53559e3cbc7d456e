"""What to say where a registry refuses us and no credential is known for it: who was asked in vain,
and what to do."""

from __future__ import annotations

from promoter.access.credentials.docker_config import DockerConfig, HelperCall
from promoter.access.credentials.hosts_file import Entry

_OR_ABSENT = "or check that the repository exists"


def of_source(entry: Entry) -> str:
    """An entry of our own file names a source that has nothing."""
    source = f"docker-credential-{entry.value('helper')}" if entry.way == "helper" else "its source"
    return (
        f"{source} has none for it, and the entry '{entry.shown}' in {entry.place} asks nobody"
        f" else; log in there, {_OR_ABSENT}"
    )


def of_helper(call: HelperCall, config: DockerConfig, host: str) -> str:
    return (
        f"docker-credential-{call.name} of {config.origin} has none for it; log in, or add the"
        f" entry '{host}' in the credentials file"
    )


def of_tls_alone(entry: Entry) -> str:
    return (
        f"the entry '{entry.shown}' in {entry.place} has files for TLS alone: add username and"
        f" password-file to it, {_OR_ABSENT}"
    )
