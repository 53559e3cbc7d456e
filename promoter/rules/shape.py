"""The shape of a rule file: keys, types, and what a single value can be.

Descriptions go into the JSON Schema and into the message for a missing key. What concerns
several values at once is in `checks`. Importing this module imports pydantic: only
`load_rules` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from promoter.model.rule import Group, Merge, Opening, Pin, Replace
from promoter.rules.address import check_branch, check_url
from promoter.rules.duration import parse_duration
from promoter.rules.expression import check_tags
from promoter.rules.images import check_image, check_prefix
from promoter.rules.pattern import Pattern
from promoter.rules.people import check_author, check_label, check_user
from promoter.rules.platform import check_platform
from promoter.rules.strict import Shape
from promoter.rules.template import Purpose, check_template
from promoter.rules.wording import enumerate_words, printable, quote
from promoter.rules.words import GATES, POLICIES, Word

_ENVIRONMENT = re.compile(r"(?!.*(?:\.\.|\.lock\Z|\.\Z))[a-z0-9][a-z0-9._-]{0,62}")


def _check_version(version: int) -> int:
    if version != 1:
        raise ValueError(f"this promoter reads version 1, found {version}")
    return version


def _check_text(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty: give it a value, or leave the key out")
    return text


def _check_environment_name(name: str) -> str:
    if not _ENVIRONMENT.fullmatch(name):
        raise ValueError(
            f"{quote(name)} can't name an environment: use lower-case letters, digits, '.', '_'"
            " and '-', beginning with a letter or digit, at most 63"
        )
    if name == "registry":
        raise ValueError("'registry' is where first releases come from: choose another name")
    return name


def _check_pattern(text: str) -> str:
    return Pattern.parse(text).text


def _check_own_pattern(text: str) -> str:
    """What stands in its braces is looked at where `each` is known."""
    return Pattern.parse(text, Pattern.names_in(text)).text


def _check_count(count: int) -> int:
    if count < 1:
        raise ValueError(f"{count} lets nothing through: give 1 or more, or leave it out")
    return count


def _check_filled(values: list[str]) -> list[str]:
    if not values:
        raise ValueError("is an empty list: give it an item, or leave the key out")
    return values


def _check_duration(text: str) -> str:
    parse_duration(text)
    return text


def _check_prefixes(prefixes: dict[str, str]) -> dict[str, str]:
    if not prefixes:
        raise ValueError("is empty: give it a value, or leave the key out")
    return prefixes


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_upstream(value: object) -> object:
    """`dev` and `[dev, qa]` in their long form."""
    if isinstance(value, str):
        return {"all": [value]}
    if isinstance(value, list):
        return {"all": value}
    # `all` is our own word for a list: a file that writes it gets told what to write.
    if isinstance(value, dict) and set(value) != {"any"}:
        raise ValueError("expected a name, a list of names, or {any: [names]}")
    return value


def _as_mapping(value: object) -> object:
    """`dev:` with nothing after it is an environment without any word said about it."""
    return {} if value is None else value


def _template(purpose: Purpose) -> AfterValidator:
    return AfterValidator(lambda text: check_template(text, purpose))


Text = Annotated[str, AfterValidator(_check_text)]
Platform = Annotated[Text, AfterValidator(check_platform)]
Texts = Annotated[list[Text], AfterValidator(_check_filled)]
Users = Annotated[
    list[Annotated[Text, AfterValidator(check_user)]],
    AfterValidator(_check_filled),
]
Patterns = Annotated[
    list[Annotated[Text, AfterValidator(_check_pattern)]],
    AfterValidator(_check_filled),
    BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
]


OwnPatterns = Annotated[
    list[Annotated[Text, AfterValidator(_check_own_pattern)]],
    AfterValidator(_check_filled),
    BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
]
Count = Annotated[int, AfterValidator(_check_count)]
Prefix = Annotated[Text, AfterValidator(check_prefix)]


class RepositoryShape(Shape):
    url: Annotated[Text, AfterValidator(check_url)] = Field(
        description="the address of the manifest repository"
    )
    branch: Annotated[Text, AfterValidator(check_branch)] | None = Field(
        None, description="the branch to promote on; the remote's HEAD where left out"
    )
    forge: Literal["github", "gitlab", "local"] | None = Field(
        None, description="the kind of forge; known from the address of well-known hosts"
    )


class OwnRepositoryShape(Shape):
    url: Annotated[Text, AfterValidator(check_url)] | None = Field(
        None, description="another manifest repository; the rule's where left out"
    )
    branch: Annotated[Text, AfterValidator(check_branch)] | None = Field(
        None, description="the branch to promote on; the remote's HEAD where left out"
    )
    forge: Literal["github", "gitlab", "local"] | None = Field(
        None, description="the kind of forge; known from the address of well-known hosts"
    )


class _OneWord(Shape):
    """A mapping with exactly one key, out of a table of words."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    noun: ClassVar[str]
    known: ClassVar[Mapping[str, Word]]

    @model_validator(mode="before")
    @classmethod
    def _check_one(cls, data: object) -> object:
        if isinstance(data, dict) and len(data) != 1:
            found = enumerate_words(printable(str(key)) for key in data)
            known = f"; known: {', '.join(cls.known)}" if not data else ""
            raise ValueError(f"give exactly one {cls.noun}, found {found}{known}")
        return data

    @property
    def word(self) -> tuple[str, Any]:
        """The one word and its parsed argument."""
        (name,) = self.model_fields_set
        return name, getattr(self, name)


def _one_word(shape: str, noun: str, words: Mapping[str, Word]) -> type[_OneWord]:
    fields: dict[str, Any] = {
        # No default is ever seen: exactly one key is given, and `null` is no argument.
        name: (
            Annotated[word.kind, AfterValidator(word.parse)],
            Field(None, description=word.expected),
        )
        for name, word in words.items()
    }
    model = create_model(shape, __base__=_OneWord, **fields)
    model.noun, model.known = noun, words
    return model


# Made from the tables, so that a policy or a gate is named once; mypy sees what they share.
if TYPE_CHECKING:
    SelectShape = _OneWord
    GateShape = _OneWord
else:
    SelectShape = _one_word("SelectShape", "policy", POLICIES)
    GateShape = _one_word("GateShape", "gate", GATES)


class ArtifactShape(Shape):
    image: Annotated[Text, AfterValidator(check_image)] = Field(
        description="the image's name, without a tag; {application} is filled in"
    )
    select: SelectShape = Field(description="how a version is selected")
    tags: Annotated[Text, AfterValidator(check_tags)] | None = Field(
        None, description="a regular expression that a tag must match in full"
    )
    ignore: Texts | None = Field(None, description="globs of tags that are never taken")
    prereleases: bool = Field(False, description="whether -rc.1 and the like are taken")
    platforms: Annotated[list[Platform], AfterValidator(_check_filled)] | None = Field(
        None, description="platforms that the image must hold, all of them"
    )
    minimum_age: Annotated[str, AfterValidator(_check_duration)] | None = Field(
        None, alias="minimum-age", description="how long a version must have existed, such as 2d"
    )
    pin: Pin = Field("tag-and-digest", description="what is written")


class UpstreamShape(Shape):
    all: Texts | None = None
    any: Texts | None = None


class WaveShape(Shape):
    """Keys of `each` with the values that it takes, and its own gates."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    __pydantic_extra__: dict[str, str | list[str]]

    require: list[GateShape] = Field([], description="gates of this wave, besides the others")


class EnvironmentShape(Shape):
    after: (
        Annotated[
            UpstreamShape,
            BeforeValidator(
                _as_upstream, json_schema_input_type=str | list[str] | dict[str, list[str]]
            ),
        ]
        | None
    ) = Field(None, description="the environments that a release comes from")
    path: OwnPatterns | None = Field(None, description="a path pattern in place of `applications`")
    repository: OwnRepositoryShape | None = Field(
        None, description="where its manifests live, if not with the others"
    )
    images: Annotated[dict[Prefix, Prefix], AfterValidator(_check_prefixes)] | None = Field(
        None, description="what an image's name begins with elsewhere, and here"
    )
    each: dict[str, list[Text]] | None = Field(
        None, description="values that `path` holds: an environment for each of them"
    )
    waves: list[WaveShape] | None = Field(None, description="which of `each` come first")
    open: Opening = Field(
        "ready",
        description="whether a merge request waits for its gates or opens early, as a draft",
    )
    merge: Merge = Field("manual", description="who merges")
    group: Group = Field(
        "application", description="one merge request for each application, or for all of them"
    )
    replace: Replace = Field(
        "unless-approved", description="whether a newer release replaces one that was approved"
    )
    require: list[GateShape] = Field([], description="gates; all must pass")


class MergeRequestShape(Shape):
    title: Annotated[Text, _template("title")] | None = Field(
        None, description="a template of the title, which is one line"
    )
    body: Annotated[Text, _template("body")] | None = Field(
        None, description="a template of the body; {{ body }} is the usual one"
    )
    labels: (
        Annotated[
            list[Annotated[Text, AfterValidator(check_label), _template("label")]],
            AfterValidator(_check_filled),
        ]
        | None
    ) = Field(None, description="labels that it is given, a template each")
    reviewers: Users | None = Field(None, description="user names of those who are to review it")
    assignees: Users | None = Field(None, description="user names of those that it is assigned to")


class CommitShape(Shape):
    message: Annotated[Text, _template("commit")] | None = Field(
        None, description="a template of the commit message; trailers are added"
    )
    author: Annotated[Text, AfterValidator(check_author)] | None = Field(
        None, description="who is the author, as NAME <EMAIL>"
    )


class LimitsShape(Shape):
    open: Count = Field(10, description="the most merge requests that are open at once")
    files: Count | None = Field(None, description="the most files in one merge request")
    lines: Count | None = Field(None, description="the most lines in one merge request")
    paths: Texts | None = Field(None, description="globs of the files that may be edited")


class RuleShape(Shape):
    version: Annotated[int, AfterValidator(_check_version)] = Field(
        description="the version of the rule language: 1"
    )
    repository: RepositoryShape = Field(description="where the manifests live")
    artifacts: list[ArtifactShape] = Field(description="what is followed")
    applications: Patterns | None = Field(None, description="where the targets are")
    environments: dict[
        Annotated[str, AfterValidator(_check_environment_name)],
        Annotated[EnvironmentShape, BeforeValidator(_as_mapping)],
    ] = Field(description="the stages of promotion, by name")
    merge_request: MergeRequestShape | None = Field(
        None, alias="merge-request", description="what merge requests say, and whom they concern"
    )
    commit: CommitShape | None = Field(None, description="what commits say")
    lockstep: bool = Field(
        False, description="whether all artifacts of an application must be at the same tag"
    )
    limits: LimitsShape | None = Field(None, description="what keeps promotions from flooding")
