"""Edits that a person spells out: values at pointers, and images by name, in one file."""

from __future__ import annotations

import pytest

from promoter.errors import InputError
from promoter.manifests import ImagesSet, Setting, set_images, set_values
from promoter.model.image import ImageReference
from promoter.model.rule import Pin
from tests.manifests.reading import NEW, OLD, WEB

FILE = "a.yaml"
TWO = "a: {b: 1}\n---\na: {b: 2}\nc: 3\n"


def put(content: str, *settings: Setting, shared: bool = False) -> str:
    return set_values(FILE, content.encode(), settings, shared=shared).decode()


@pytest.mark.parametrize(
    ("before", "pointer", "after"),
    [
        ("spec: {image: a}\n", "/spec/image", "spec: {image: v2}\n"),
        ("a:\n- b: x # c\n- b: x # c\n", "/a/1/b", "a:\n- b: x # c\n- b: v2 # c\n"),
        ("a/b: {c~d: x}\n", "/a~1b/c~0d", "a/b: {c~d: v2}\n"),
        ("8080: x\non: y\n", "/on", "8080: x\non: v2\n"),
        ("'': x\n", "/", "'': v2\n"),
        ("x\n", "", "v2\n"),
        ("a: ${TAG}\n", "/a", "a: v2\n"),
        ("a: '{{ .Values.x }}' # c\n", "/a", "a: 'v2' # c\n"),
        ("a: ''\n", "/a", "a: 'v2'\n"),
        ("a: null # c\n", "/a", "a: v2 # c\n"),
        ("a:\n", "/a", "a: v2\n"),
    ],
)
def test_a_pointer_says_exactly_what_is_meant(before: str, pointer: str, after: str) -> None:
    assert put(before, Setting(pointer, "v2")) == after


def test_the_only_document_that_has_the_pointer_is_meant() -> None:
    assert put(TWO, Setting("/c", "x"), Setting("/a/b", "z", 0)) == (
        "a: {b: z}\n---\na: {b: 2}\nc: x\n"
    )


@pytest.mark.parametrize(
    ("content", "setting", "message"),
    [
        (TWO, Setting("/a/b", "x"), "a.yaml:1:8: documents 1 and 2 have /a/b; say which one"),
        (TWO, Setting("/c", "x", 0), "a.yaml:1:1: the document exists, it has no 'c'"),
        (TWO, Setting("/c", "x", 2), "a.yaml:1:1: has no document 3"),
        (TWO, Setting("/c", "x", -1), "a.yaml:1:1: has no document 0"),
        (TWO, Setting("/a/x/y", "x"), "a.yaml:1:4: /a exists, it has no 'x'"),
        ("", Setting("/a", "x"), "a.yaml: is empty, there is nothing to set"),
        ("a: 1", Setting("a", "x"), "a.yaml: 'a' is no JSON pointer: it must begin with '/'"),
        ("a: 1", Setting("/a~2", "x"), "a.yaml: '/a~2' is no JSON pointer: '~' is written '~0'"),
        (
            "spec:\n  template:\n    spec: 1\n",
            Setting("/spec/template/spc", "x"),
            "a.yaml:3:5: /spec/template exists, it has no 'spc'; did you mean 'spec'?",
        ),
        ("a: [1, 2]\n", Setting("/a/2", "x"), "a.yaml:1:4: /a is a list of 2, 0 to 1; it has no"),
        ("a: [1, 2]\n", Setting("/a/01", "x"), "a.yaml:1:4: /a is a list of 2"),
        ("a: [1, 2]\n", Setting("/a/-", "x"), "a.yaml:1:4: /a is a list of 2"),
        ("a: []\n", Setting("/a/" + "9" * 5000, "x"), "a.yaml:1:4: /a is a list of 0; it has no"),
        ("a: 1\n", Setting("/a/b", "x"), "a.yaml:1:4: /a is a single value, there is no 'b'"),
        ("a:\n", Setting("/a/b", "x"), "a.yaml:1:3: /a is empty, there is no 'b' below it"),
        ("a: {b: 1}\n", Setting("/a", "x"), "a.yaml:1:4: is a mapping where one value"),
        ("a: [1]\n", Setting("/a", "x"), "a.yaml:1:4: is a list where one value"),
        ("a: &a {b: 1}\nc: *a\n", Setting("/c/b", "x"), "a.yaml:2:4: /c is the alias *a; name"),
        (
            "a: &a {b: 1}\nc: {<<: *a}\n",
            Setting("/c/b", "x"),
            "a.yaml:2:4: /c has 'b' only by <<: *a; edit it at &a, or write it out",
        ),
        (
            "a: &a {b: 1}\nc: {<<: *a}\nd: [*a]\n",
            Setting("/a/b", "x"),
            "a.yaml:1:4: &a is used again by alias: /c/b (line 2), /d/0/b (line 3) would change",
        ),
        ("a: |\n  x\n", Setting("/a", "x"), "a.yaml:1:4: the value spans several lines"),
        ("a: 1\n", Setting("/a", "x\ny"), "a.yaml:1:4: can't be set: 'x\\ny' holds control"),
        ("a: 1\n", Setting("/a", "\udc80"), "a.yaml:1:4: can't be set: '\\udc80' holds control"),
        ("a:\n  b\x85c: d\ne: 1\n", Setting("/e", "x"), "a.yaml:2:4: U+0085 stands here, which"),
        ("a: [\n", Setting("/a", "x"), "a.yaml:2:1: is not YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    content: str, setting: Setting, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        put(content, setting)
    assert str(caught.value).startswith(message)


def test_one_bad_setting_stops_all() -> None:
    with pytest.raises(InputError):
        put("a: 1\n", Setting("/a", "x"), Setting("/b", "x"))
    with pytest.raises(InputError, match="is changed twice"):
        put("a: 1\n", Setting("/a", "x"), Setting("/a", "y"))


def test_a_shared_value_takes_an_explicit_yes() -> None:
    content = "a: &a {b: x}\nc: *a\n"
    assert put(content, Setting("/a/b", "v2"), shared=True) == "a: &a {b: v2}\nc: *a\n"


def images(
    content: str, reference: str, pin: Pin = "tag-and-digest", *, shared: bool = False
) -> ImagesSet:
    image = ImageReference.parse(reference)
    return set_images(FILE, content.encode(), image, pin=pin, shared=shared)


def test_every_site_of_an_image_moves_and_is_told() -> None:
    before = f"a: {{image: '{WEB}:v1'}}\n---\nimage: {WEB}:v2\nb: {{image: other:v1}}\n"
    after, changed, problems = images(before, f"{WEB}:v2")
    assert after.decode() == before.replace("v1'", "v2'")
    assert [(site.document, site.pointer, str(site.image)) for site in changed] == [
        (0, "/a/image", f"{WEB}:v1")
    ]
    assert problems == ()


def test_the_default_registry_needs_not_be_spelled() -> None:
    done = images("image: nginx:1.25\n", "docker.io/library/nginx:1.27")
    assert done.content == b"image: nginx:1.27\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (f"image: {WEB}:v1@{OLD}\n", "a.yaml:1:8: would drop the digest of"),
        (f"image: {WEB}:${{TAG}}\n", "a.yaml:1:8: image is a template expression"),
        (f"image: {WEB}:v1\nb: {{image: '{WEB}:${{T}}'}}\n", "a.yaml:2:12: image is a template"),
        (f"image: &i {WEB}:v1\nb: *i\n", "a.yaml:1:8: &i is used again by alias: /b (line 2)"),
        (f"image: {WEB}:v1\na: [\n", "a.yaml:3:1: is not YAML"),
    ],
)
def test_one_site_that_cannot_move_keeps_the_file(content: str, why: str) -> None:
    done = images(content, f"{WEB}:v2")
    assert done.content == content.encode()
    assert done.changed == ()
    assert [str(each).startswith(why) for each in done.problems] == [True]


def test_shared_sites_and_pins_are_a_persons_choice() -> None:
    content = f"image: &i {WEB}:v1\nb: *i\n"
    assert images(content, f"{WEB}:v2", shared=True).content.decode() == content.replace("v1", "v2")
    done = images(f"image: {WEB}:v1\n", f"{WEB}:v2@{NEW}", pin="digest")
    assert done.content.decode() == f"image: {WEB}@{NEW}\n"


@pytest.mark.parametrize("content", ["image: other:v1\n", f"{{{{ x }}}}\nimage: {WEB}:v1\n: [", ""])
def test_a_file_without_the_image_and_a_charts_template_come_back_as_they_are(content: str) -> None:
    assert images(content, f"{WEB}:v2") == ImagesSet(content.encode(), (), ())
