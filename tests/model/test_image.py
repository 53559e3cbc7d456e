"""Image names against the grammar of distribution/reference, and Docker Hub's implied parts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promoter.model.image import ImageName, ImageReference, is_digest, is_tag, short_digest

# Each strategy is one production of the reference grammar, written without regular expressions.
LOWER = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
ALPHANUMERIC = LOWER + LOWER.upper() + DIGITS


def word(alphabet: str, longest: int = 6) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=longest)


@st.composite
def components(draw: st.DrawFn) -> str:
    text = draw(word(LOWER + DIGITS))
    for _ in range(draw(st.integers(0, 2))):
        separator = draw(st.sampled_from([".", "_", "__", "-", "--", "---"]))
        text += separator + draw(word(LOWER + DIGITS))
    return text


@st.composite
def host_labels(draw: st.DrawFn) -> str:
    middle = draw(st.text(ALPHANUMERIC + "-", max_size=4))
    return draw(word(ALPHANUMERIC)) + middle + draw(word(ALPHANUMERIC))


PORTS = st.just("") | st.integers(0, 65535).map(":{}".format)
DOMAINS = st.lists(host_labels(), min_size=1, max_size=3).map(".".join)
IPV6 = st.sampled_from(["[::1]", "[fe80::1]", "[2001:db8:0:0:0:0:0:1]", "[2001:DB8::a]"])
REGISTRIES = st.tuples(DOMAINS | IPV6, PORTS).map("".join)
PATHS = st.lists(components(), min_size=1, max_size=4).map("/".join)
TAGS = st.tuples(
    st.sampled_from(ALPHANUMERIC + "_"), st.text(ALPHANUMERIC + "_.-", max_size=127)
).map("".join)
HEX = "0123456789abcdef"
DIGESTS = st.text(HEX, min_size=64, max_size=64).map("sha256:{}".format) | st.text(
    HEX, min_size=128, max_size=128
).map("sha512:{}".format)


def is_host(text: str) -> bool:
    """By distribution/reference, what stands before the first slash and can't be a path."""
    return bool({".", ":"} & set(text)) or text == "localhost" or text != text.lower()


@given(
    registry=REGISTRIES.filter(is_host) | st.just("localhost"),
    path=PATHS,
    tag=st.none() | TAGS,
    digest=st.none() | DIGESTS,
)
def test_what_the_grammar_makes_is_read_and_written_back(
    registry: str, path: str, tag: str | None, digest: str | None
) -> None:
    name = f"{registry}/{path}"
    text = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    reference = ImageReference.parse(text)
    assert str(reference) == text
    assert (reference.name.registry, reference.name.path) == (registry, path)
    assert (reference.tag, reference.digest) == (tag, digest)
    assert ImageReference.parse(reference.normal) == reference
    assert ImageReference.parse(reference.normal).normal == reference.normal


@given(path=PATHS, tag=st.none() | TAGS)
def test_without_a_registry_it_is_docker_hub(path: str, tag: str | None) -> None:
    head, slash, _ = path.partition("/")
    if slash and is_host(head):
        return
    text = path + (f":{tag}" if tag else "")
    reference = ImageReference.parse(text)
    assert str(reference) == text
    assert reference.name.registry == "docker.io"
    assert reference.name.path == (path if slash else f"library/{path}")
    for spelling in ("docker.io/", "index.docker.io/"):
        other = ImageReference.parse(spelling + text)
        assert other == reference
        assert hash(other) == hash(reference)
        assert other.normal == reference.normal
        assert str(other) == spelling + text


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("grafana/loki:3", "docker.io/grafana/loki:3"),
        ("docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("localhost/a", "localhost/a"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("localhost:5000/a:b", "localhost:5000/a:b"),
        ("host/a", "docker.io/host/a"),
        ("Host/a", "Host/a"),
        ("[::1]:5000/a", "[::1]:5000/a"),
    ],
)
def test_the_normal_form_names_registry_and_path(text: str, normal: str) -> None:
    assert ImageReference.parse(text).normal == normal


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "''"),
        ("UPPER", "'library/UPPER'"),
        ("ghcr.io/A/b", "'A/b'"),
        ("ghcr.io/", "''"),
        ("ghcr.io/a//b", "'a//b'"),
        ("a/b/", "'a/b/'"),
        ("a___b", "'library/a___b'"),
        ("a..b", "'library/a..b'"),
        ("-a", "'library/-a'"),
        ("a-", "'library/a-'"),
        ("é", "'library/é'"),
        ("a b", "'library/a b'"),
        ("a\n", "'library/a\\n'"),
        ("-host.io/a", "'-host.io' is not a registry host"),
        ("host.io:x/a", "'host.io:x' is not a registry host"),
        ("[::1/a", "'[::1' is not a registry host"),
        ("https://ghcr.io/a", "'https:' is not a registry host"),
        ("a:", "'' is not a tag"),
        ("a:.b", "'.b' is not a tag"),
        ("a:b:c", "'b:c' is not a tag"),
        ("a:" + "t" * 129, "is not a tag"),
        ("a:t\n", "'t\\n' is not a tag"),
        ("a@", "'' is not a sha256 or sha512 digest"),
        ("a@sha256:abc", "'sha256:abc' is not a sha256"),
        ("a@sha256:" + "A" * 64, "is not a sha256"),
        ("a@md5:" + "a" * 32, "is not a sha256"),
        ("a@sha256:" + "0" * 64 + "@sha256:" + "0" * 64, "is not a sha256"),
        ("ghcr.io/" + "a" * 256, "longer than 255"),
        ("0" * 64, "is the id of an image"),
    ],
)
def test_what_is_no_image_is_refused_by_the_part_that_is_wrong(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=re.escape(part)):
        ImageReference.parse(text)


@given(st.text(max_size=40) | st.text("ab.:/@_-[]A0 ", max_size=20))
def test_any_text_is_read_and_written_back_or_refused(text: str) -> None:
    try:
        reference = ImageReference.parse(text)
    except ValueError:
        return
    assert str(reference) == text
    assert ImageReference.parse(reference.normal) == reference


@given(tag=TAGS, digest=DIGESTS)
def test_the_grammars_tags_and_digests_are_known_as_such(tag: str, digest: str) -> None:
    assert is_tag(tag)
    assert is_digest(digest)
    assert not is_tag(f"{tag}+")
    assert not is_digest(digest[:-1])
    assert digest.startswith(short_digest(digest))


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("a:1@D", "a:1@D", True),
        ("a:1@D", "a:1", True),
        ("a:1@D", "a@D", True),
        ("a:1", "a@D", False),
        ("a:1@D", "a:1@E", False),
        ("a:1@D", "a:2@D", False),
        ("a:1", "b:1", False),
        ("a:1", "docker.io/library/a:1", True),
        ("a", "a", False),
    ],
)
def test_references_agree_where_nothing_that_both_say_differs(
    one: str, other: str, agree: bool
) -> None:
    first, second = (
        ImageReference.parse(
            each.replace("D", "sha256:" + "d" * 64).replace("E", "sha256:" + "e" * 64)
        )
        for each in (one, other)
    )
    assert first.agrees(second) is agree
    assert second.agrees(first) is agree


def test_another_version_keeps_the_spelling() -> None:
    reference = ImageReference.parse("nginx:1.25").at("1.27", None)
    assert str(reference) == "nginx:1.27"
    assert reference.name == ImageName.parse("docker.io/library/nginx")
    assert reference.name.short == "nginx"
