"""Helm values in their usual shapes, in values files and inside of other documents."""

from __future__ import annotations

import pytest

from promoter.manifests import find_sites
from tests.manifests.reading import NEW, OLD, WEB, edited, names, refusal, sites_in

FILE = "values.yaml"
V2 = f"{WEB}:1.3.0@{NEW}"


def real(text: str) -> bytes:
    return text.replace("NEW", NEW).replace("OLD", OLD).replace("WEB", WEB).encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("image: {repository: WEB, tag: v1}\n", "image: {repository: WEB, tag: 1.3.0}\n"),
        (
            "i:\n  registry: ghcr.io\n  repository: shop/web\n  tag: v1 # t\n  digest: ''\n",
            "i:\n  registry: ghcr.io\n  repository: shop/web\n  tag: 1.3.0 # t\n  digest: 'NEW'\n",
        ),
        (
            "registry: ''\nrepository: WEB\ntag: v1\ndigest: # none\n",
            "registry: ''\nrepository: WEB\ntag: 1.3.0\ndigest: NEW # none\n",
        ),
        ('repository: WEB\ntag: "v1@OLD"\n', 'repository: WEB\ntag: "1.3.0@NEW"\n'),
        (
            "repository: WEB\ntag: v1@OLD\ndigest: ''\n",
            "repository: WEB\ntag: 1.3.0@NEW\ndigest: ''\n",
        ),
        ("repository: WEB\ntag: ''\n", "repository: WEB\ntag: '1.3.0'\n"),
        ("a:\n- repository: WEB:v1\n", "a:\n- repository: WEB:1.3.0\n"),
        ("repository: WEB:v1@OLD\n", "repository: WEB:1.3.0@NEW\n"),
        ("repository: WEB:v1\ndigest: OLD\n", "repository: WEB:1.3.0\ndigest: NEW\n"),
        ("repository: WEB\ndigest: OLD\n", "repository: WEB\ndigest: NEW\n"),
        ("app:\n  image: WEB\n  tag: v1\n", "app:\n  image: WEB\n  tag: 1.3.0\n"),
        (
            "registry: ghcr.io\nimage: shop/web\ntag: v1\n",
            "registry: ghcr.io\nimage: shop/web\ntag: 1.3.0\n",
        ),
        ('app:\n  image: "WEB:v1"\n', 'app:\n  image: "WEB:1.3.0@NEW"\n'),
        (
            "kind: HelmRelease\nspec: {values: {repository: WEB, tag: v1, digest: null}}\n",
            'kind: HelmRelease\nspec: {values: {repository: WEB, tag: 1.3.0, digest: "NEW"}}\n',
        ),
    ],
)  # fmt: skip
def test_each_shape_is_written_in_its_own_form(before: str, after: str) -> None:
    assert edited(FILE, real(before), V2) == real(after)


@pytest.mark.parametrize(
    "content",
    [
        "repository: WEB\n",
        "dependencies:\n- name: web\n  repository: https://example.com/web\n  version: 1.0\n",
        "registry: quay.io\nrepository: ghcr.io/shop/web\ntag: v1\n",
        "repository: {name: WEB}\ntag: v1\n",
    ],
)
def test_what_only_resembles_the_shape_is_no_site(content: str) -> None:
    assert sites_in(FILE, real(content)) == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("repository: WEB\ntag: ${T}\n", ":2:6: tag of WEB is a template expression (${T});"),
        ("repository: WEB\ntag: '{{ .v }}'\n", ":2:6: tag of WEB is a template expression"),
        ("repository: WEB\ntag: v1@sha256:0\n", ":2:6: tag of WEB is 'v1@sha256:0', which is not"),
        ("repository: WEB\ndigest: v1\n", ":2:9: digest of WEB is 'v1', which is not a digest"),
        ("repository: WEB:v1\ntag: v2\n", ":2:6: WEB has a version in its name and another one"),
        ("repository: WEB\ntag: v1@OLD\ndigest: OLD\n", ":2:6: WEB has two digests"),
    ],
)
def test_a_version_that_cannot_be_read_is_a_problem(content: str, problem: str) -> None:
    sites, problems = find_sites(FILE, real(content), names())
    assert sites == ()
    assert [str(each).startswith(FILE + problem.replace("WEB", WEB)) for each in problems] == [True]


@pytest.mark.parametrize(
    ("content", "reference", "pin", "why"),
    [
        ("repository: WEB\ntag: v1\n", V2, "digest", ":2:6: no digest of WEB can be written here"),
        ("repository: WEB\ntag: v1\ndigest: OLD\n", V2, "digest", ":2:6: a tag stands beside"),
        ("repository: WEB\ntag: v1\ndigest: OLD\n", V2, "tag", ":2:6: would drop the digest"),
        ("repository: WEB\ndigest: ''\n", V2, "tag", ":1:13: no tag of WEB can be written here"),
        ("repository: WEB\ntag: v1\n", f"{WEB}@{NEW}", None, ":2:6: the release has no tag"),
        ("repository: WEB\ntag: &t v1\nother: *t\n", V2, None, ":2:6: &t is used again by alias"),
        ("t: &t v1\nrepository: WEB\ntag: *t\n", V2, None, ":3:6: the value is the alias *t"),
        ("repository: WEB\ntag: >-\n  v1\n", V2, None, ":2:6: the value spans several lines"),
        ("repository: WEB\ntag: v1\ntag: v3\n", V2, None, ":3:1: the key 'tag' stands 2 times"),
    ],
)
def test_an_edit_that_cannot_be_right_is_refused_with_its_place(
    content: str, reference: str, pin: str | None, why: str
) -> None:
    said = refusal(FILE, real(content), reference, pin=pin)  # type: ignore[arg-type]  # a table
    assert said.startswith(FILE + why.replace("WEB", WEB))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("global: {imageRegistry: ghcr.io}\ni: {NAME, tag: v1}\n", True),
        ("global: {imageRegistry: ghcr.io/}\ni: {registry: x.y, NAME, tag: v1}\n", True),
        ("global: {imageRegistry: quay.io}\ni: {registry: ghcr.io, NAME, tag: v1}\n", False),
        ("global: {imageRegistry: ''}\ni: {registry: ghcr.io, NAME, tag: v1}\n", True),
        ("global: {imageRegistry: quay.io}\ni: {repository: ghcr.io/shop/web, tag: v1}\n", True),
        ("spec: {values: {global: {imageRegistry: ghcr.io}, i: {NAME, tag: v1}}}\n", True),
        ("a: {global: {imageRegistry: ghcr.io}}\nb: {NAME, tag: v1}\n", False),
        (
            "global: {imageRegistry: x}\ns: {global: {imageRegistry: ghcr.io}, i: {NAME, tag: v1}}",
            True,
        ),
    ],
)
def test_a_global_registry_is_that_of_names_without_one(content: str, found: bool) -> None:
    real_content = content.replace("NAME", "repository: shop/web").encode()
    assert [str(site.image) for site in sites_in(FILE, real_content)] == [f"{WEB}:v1"] * found


def test_an_argo_cd_applications_values_object_is_read_like_a_values_file() -> None:
    content = real(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources:\n  - helm:\n"
        "      valuesObject:\n        image: {repository: WEB, tag: v1}\n"
    )
    after = edited("app.yaml", content, V2)
    assert after == content.replace(b"tag: v1}", b"tag: 1.3.0}")


def test_one_version_for_two_followed_images_is_a_problem() -> None:
    content = real("repository: WEB\nimage: ghcr.io/shop/api\ntag: v1\n")
    sites, problems = find_sites(FILE, content, names(WEB, "ghcr.io/shop/api"))
    assert sites == ()
    assert [str(each) for each in problems] == [
        f"{FILE}:3:6: {WEB} and ghcr.io/shop/api both claim this place; follow one of them"
    ]
