"""Where docker and podman keep their credentials on this machine, and the pull secrets given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from promoter.access.credentials.docker_config import DockerConfig, read_config
from promoter.access.credentials.watched import Watched
from promoter.errors import InputError, Where

ConfigFile = Callable[[], DockerConfig | None]
"""Gives what the file says now; None where it may be absent and is."""


def config_files(
    pull_secrets: Sequence[Path], environment: Mapping[str, str]
) -> tuple[ConfigFile, ...]:
    """The files in the order in which they are asked: pull secrets, containers' explicit file,
    docker's, containers' own.

    Each family's variable replaces that family's usual places, as it does for podman and docker.
    """
    named = environment.get("REGISTRY_AUTH_FILE")
    home = Path(environment["HOME"]) if environment.get("HOME") else None
    files = [config_file(path, "the pull secret") for path in pull_secrets]
    if named:
        files.append(config_file(Path(named), "the file of REGISTRY_AUTH_FILE"))
    if environment.get("DOCKER_CONFIG"):
        files.append(_usual(Path(environment["DOCKER_CONFIG"]) / "config.json"))
    elif home:
        files.append(_usual(home / ".docker/config.json"))
    if named:
        return tuple(files)
    if environment.get("XDG_RUNTIME_DIR"):
        files.append(_usual(Path(environment["XDG_RUNTIME_DIR"]) / "containers/auth.json"))
    settings = environment.get("XDG_CONFIG_HOME") or (home and home / ".config")
    if settings:
        files.append(_usual(Path(settings) / "containers/auth.json"))
    return tuple(files)


def _usual(path: Path) -> ConfigFile:
    return config_file(path, "the docker config file", optional=True)


def config_file(path: Path, kind: str, *, optional: bool = False) -> ConfigFile:
    watched = Watched(path, lambda data: read_config(str(path), data, kind))

    def read() -> DockerConfig | None:
        try:
            return watched.get()
        except (FileNotFoundError, NotADirectoryError) as error:
            if optional:
                return None
            raise _unreadable(path, kind, error) from None
        except OSError as error:
            raise _unreadable(path, kind, error) from None

    return read


def _unreadable(path: Path, kind: str, error: OSError) -> InputError:
    return InputError(f"{kind} can't be read: {error.strerror}", where=Where(str(path)))
