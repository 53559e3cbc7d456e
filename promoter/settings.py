"""Environment, files and flags become one checked value.

Every field is an environment variable with the prefix `PROMOTER_`; where a verb has a flag for
it, the flag wins.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from promoter.errors import InputError

_PLACE = re.compile(
    r"https?://(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?(?:/[^\s?#]*)?|oci-layout:.+"
)


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


class Settings(BaseSettings):
    """How this process runs; what it does is said by the rules."""

    model_config = SettingsConfigDict(
        env_prefix="PROMOTER_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    rules: Annotated[tuple[Path, ...], NoDecode] = Field(
        (Path("rules"),), description="Rule files, or directories of them (`:` between several)."
    )
    registries: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description=(
            "Where a registry host of image names is served, where it is not at its own name over"
            " HTTPS: `HOST=https://MIRROR`, `HOST=http://HOST:PORT` (allows plain HTTP for it),"
            " `HOST=oci-layout:PATH`; commas between several."
        ),
    )
    rates: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description=(
            "How often a registry or forge may be asked, by host: `docker.io=10/s`,"
            " `harbor.example.com=50/s`; commas between several."
        ),
    )
    forges: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description=(
            "Where the API of a forge is, by the host of its repositories, where that does not"
            " follow from it: `git.example.com=https://git.example.com/gitlab` (GitLab below a"
            " path), `HOST=https://API/v3` (a GitHub Enterprise behind another name); commas"
            " between several."
        ),
    )
    credentials: Path | None = Field(None, description="The credentials file, by host.")
    pull_secrets: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Pull secrets, as Kubernetes mounts them (`:` between several)."
    )
    certificates: Path | None = Field(
        None,
        description=(
            "A folder with a directory for each host, as Docker's certs.d: `HOST:PORT/ca.crt`,"
            " `client.cert`, `client.key`."
        ),
    )
    cache: Path = Field(
        default_factory=_default_cache,
        description="Mirrors of manifest repositories, content of registries; disposable.",
    )
    bot_name: str = Field("Promoter", description="Who commits.")
    bot_email: str = Field("promoter@localhost", description="The bot's address in commits.")
    person: str | None = Field(
        None, description="Who you are to `promoter mr`; default: the login name."
    )
    output: Literal["text", "json", "markdown"] = Field("text", description="How to print.")

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


def load_settings(flags: dict[str, Any]) -> Settings:
    """Settings from the environment, with `flags` (None: not given) over them.

    Raises InputError that names the setting; the value is never repeated.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(
            f"setting {name} (PROMOTER_{name.upper()}, or its flag): {reason}"
        ) from None
