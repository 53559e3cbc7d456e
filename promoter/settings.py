"""Environment, files and flags become one checked value.

Every field is an environment variable with the prefix `PROMOTER_`, or a file of that name in the
folder of secrets; where a verb has a flag for it, the flag wins. docs/settings.md is made from
what stands here: `python -m docs.make_settings`.
"""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, JsonValue, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from promoter.errors import InputError

_PLACE = re.compile(
    r"https?://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?:/[^\s?#]*)?|oci-layout:.+"
)


_SHORTEST_POLL = timedelta(seconds=5)
_MOST_PARALLEL = 64
_SECRETS = "/run/secrets/promoter"
"""A folder of files named as the variables, where PROMOTER_SECRETS names no other."""

_EXAMPLES = {
    "registries": "write HOST=WHERE, for example localhost:5000=http://localhost:5000",
    "forges": "write HOST=URL, for example git.example.com=https://git.example.com/gitlab",
    "rates": "write HOST=COUNT/TIME, for example docker.io=10/s",
}


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "promoter"
    except RuntimeError:  # a container's user without an entry, and HOME is not set
        raise InputError(
            "this user has no home directory: set PROMOTER_CACHE, or give --cache DIR"
        ) from None


def _setting(default: Any, text: str, *, flag: str = "", otherwise: str = "") -> Any:
    """A field as docs/settings.md tells it (`docs.make_settings`): what it means in Markdown, the
    flag that is the same, and the default, where that is not to be read from the value."""
    shown: dict[str, JsonValue] = {"flag": flag, "otherwise": otherwise}
    if callable(default):
        return Field(default_factory=default, description=text, json_schema_extra=shown)
    return Field(default, description=text, json_schema_extra=shown)


class Settings(BaseSettings):
    """How this process runs; what it does is said by the rules."""

    model_config = SettingsConfigDict(
        env_prefix="PROMOTER_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    rules: Annotated[tuple[Path, ...], NoDecode] = _setting(
        (Path("rules"),),
        "rule files, or directories of them; `:` between several",
        flag="`--rules PATH` (repeatable)",
        otherwise="`rules`",
    )
    registries: Annotated[dict[str, str], NoDecode] = _setting(
        dict,
        "where a registry host of image names is served: `https://MIRROR`, `http://HOST:PORT` (the"
        " only way to allow plain HTTP), `oci-layout:PATH`; [a proxy cache]"
        "(#mirrors-and-proxy-caches) is told by `/v2/` in its path; commas between several",
        flag="`--registry HOST=WHERE` (repeatable)",
        otherwise="each at its own name over HTTPS",
    )
    rates: Annotated[dict[str, str], NoDecode] = _setting(
        dict,
        "how often a registry may be asked, requests of every kind: `docker.io=10/s`,"
        " `harbor.example.com=600/m`; commas between several. Where that is too little for one"
        " look, who had to wait comes first at the next. What a server says itself (`Retry-After`,"
        " Docker Hub's `RateLimit-Remaining`) is obeyed anyway",
        otherwise="no bound",
    )
    forges: Annotated[dict[str, str], NoDecode] = _setting(
        dict,
        "where the API of a [forge](forges.md) is, by the host of its repositories, where that does"
        " not follow from it: `git.example.com=https://git.example.com/gitlab`,"
        " `HOST=https://API/v3`; commas between several. In GitLab CI, `CI_SERVER_URL` is known",
        otherwise="by the host",
    )
    credentials: Path | None = _setting(
        None,
        "[credentials by host](credentials.md), for registries, forges and Git over HTTPS",
        flag="`--credentials FILE`",
    )
    pull_secrets: Annotated[tuple[Path, ...], NoDecode] = _setting(
        (),
        "pull secrets as Kubernetes mounts them (`.dockerconfigjson`); `:` between several",
        otherwise="none",
    )
    certificates: Path | None = _setting(
        None,
        "a folder of CAs and client certificates by host, as Docker's `certs.d`, looked at before"
        " `/etc/containers/certs.d` and `/etc/docker/certs.d`",
    )
    cache: Path = _setting(
        _default_cache,
        "bare mirrors of manifest repositories, and content of registries by digest; disposable",
        flag="`--cache DIR`",
        otherwise="`$XDG_CACHE_HOME/promoter`, `~/.cache/promoter`",
    )
    bot_name: str = _setting("Promoter", "who commits")
    bot_email: str = _setting(
        "promoter@localhost",
        "the address of who commits; it also tells the bot's own commits from a person's, so change"
        " it while none of its merge requests is open: what the former address did counts as a"
        " person's word, [see below](#another-address-for-the-bot)",
    )
    person: str | None = _setting(
        None,
        "who you are to `promoter mr` (`NAME` or `NAME <EMAIL>`), and who asks by `promoter"
        " promote`",
        flag="`--as PERSON`",
        otherwise="whom the CI job names, the login name",
    )
    output: Literal["text", "json", "markdown"] = _setting(
        "text", "`text`, `json`, `markdown` (for `plan`)", flag="`--output`"
    )

    @field_validator("rules", "pull_secrets", mode="before")
    @classmethod
    def _split_paths(cls, value: Any) -> Any:
        return tuple(value.split(os.pathsep)) if isinstance(value, str) else value

    @field_validator("registries", "rates", "forges", mode="before")
    @classmethod
    def _split_pairs(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            text = value.strip()
            value = json.loads(text) if text.startswith("{") else text.split(",") if text else []
        if isinstance(value, dict):
            return value
        pairs = [each.partition("=") for each in value]
        for host, equals, where in pairs:
            if not equals or not host or not where:
                raise ValueError(_EXAMPLES[str(info.field_name)])
        return {host.strip(): where.strip() for host, _, where in pairs}

    @field_validator("forges")
    @classmethod
    def _web_addresses(cls, value: dict[str, str]) -> dict[str, str]:
        for host, where in value.items():
            if "@" in where or not _PLACE.fullmatch(where) or where.startswith("oci-layout:"):
                raise ValueError(
                    f"{host}: write the address of its API as https://HOST/PATH, without a user"
                )
        return value

    @field_validator("registries")
    @classmethod
    def _known_schemes(cls, value: dict[str, str]) -> dict[str, str]:
        for host, where in value.items():
            # The value is never repeated: people do write passwords into it.
            if "@" in where and where.startswith(("https://", "http://")):
                raise ValueError(
                    f"{host}: remove what stands before the '@'; credentials have a file of their"
                    " own"
                )
            if not _PLACE.fullmatch(where):
                raise ValueError(
                    f"{host}: write where it is served as https://HOST, http://HOST:PORT or"
                    " oci-layout:PATH"
                )
        return value

    @field_validator("rates")
    @classmethod
    def _readable_rates(cls, value: dict[str, str]) -> dict[str, str]:
        from promoter.access.budget import Rate
        from promoter.access.origin import origin_of

        for host, rate in value.items():
            try:
                Rate.parse(rate)
                origin_of(f"https://{host}")
            except InputError as error:
                raise ValueError(f"{host}: {error.message}") from None
        return value


class ServeSettings(Settings):
    """What `promoter serve` has beside."""

    poll: timedelta = _setting(
        timedelta(minutes=2),
        "how often each repository is looked at where no webhook says so: `30s`, `2m`, `1h`",
        flag="`--poll TIME`",
    )
    listen: str = _setting(
        "0.0.0.0:8080",
        "where webhooks, probes and metrics are served: `ADDRESS:PORT`",
        flag="`--listen ADDRESS:PORT`",
    )
    webhook_secrets: Path | None = _setting(
        None,
        "a folder with a file for each source of [webhooks](webhooks.md) that may call: its secret,"
        " or one a line. Read again when it changes; without a file a source is off",
        flag="`--webhook-secrets DIR`",
    )
    parallel: int = _setting(4, "how many repositories are looked at at once, from 1 to 64")
    log: Literal["json", "console"] = _setting(
        "json", "how logs are written to the error stream: `json`, `console`", flag="`--log FORM`"
    )
    stop_within: timedelta = _setting(
        timedelta(seconds=25),
        "how long a look that goes on may take to end after SIGTERM; in Kubernetes less than"
        " `terminationGracePeriodSeconds`",
    )

    @field_validator("poll", "stop_within", mode="before")
    @classmethod
    def _readable_times(cls, value: Any) -> Any:
        from promoter.rules.duration import parse_duration

        return parse_duration(value) if isinstance(value, str) else value

    @field_validator("poll")
    @classmethod
    def _rare_enough(cls, value: timedelta) -> timedelta:
        if value < _SHORTEST_POLL:
            raise ValueError("write at least 5s: webhooks are how news come sooner")
        return value

    @field_validator("parallel")
    @classmethod
    def _not_too_many(cls, value: int) -> int:
        if not 1 <= value <= _MOST_PARALLEL:
            raise ValueError(f"write a number from 1 to {_MOST_PARALLEL}")
        return value

    @field_validator("listen")
    @classmethod
    def _an_address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError("write ADDRESS:PORT, for example 0.0.0.0:8080 or [::]:8080")
        return value

    @property
    def address(self) -> tuple[str, int]:
        """What `listen` says: the address, and the port (0: any that is free)."""
        host, _, port = self.listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)


S = TypeVar("S", bound=Settings)


def load_settings(flags: dict[str, Any]) -> Settings:
    """Settings from flags (None: not given), else the environment, else files.

    Raises InputError that names the setting; the value is never repeated.
    """
    return _load(Settings, flags)


def load_serve_settings(flags: dict[str, Any]) -> ServeSettings:
    """As `load_settings`, for `promoter serve`."""
    return _load(ServeSettings, flags)


def _load(kind: type[S], flags: dict[str, Any]) -> S:
    given = {name: value for name, value in flags.items() if value is not None}
    folder = Path(os.environ.get("PROMOTER_SECRETS") or _SECRETS)
    if folder.is_dir():
        given["_secrets_dir"] = folder
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(
            f"setting {name} (PROMOTER_{name.upper()}, or its flag): {reason}"
        ) from None
