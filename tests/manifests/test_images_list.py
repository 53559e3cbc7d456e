"""New `images:` entries: where they go, how they are written, and when they are refused."""

from __future__ import annotations

import pytest

from promoter.errors import InputError, Where
from promoter.manifests import edit_target, find_sites
from promoter.manifests.changes import Change, InsertImage, InsertKey, SetScalar
from promoter.manifests.events import parse
from promoter.manifests.splice import splice
from promoter.model.image import ImageName, ImageReference
from promoter.model.release import Release
from promoter.model.rule import Pin
from promoter.model.target import Edit, Site
from tests.manifests.reading import NEW, OLD, WEB

FILE = "overlays/dev/kustomization.yaml"
ENTRY = InsertImage(0, "web", "1.10", "sha256:d")


def inserted(content: str, *changes: Change, shared: bool = False) -> str:
    stream = parse("a.yaml", content.encode())
    return splice(stream, changes or (ENTRY,), shared=shared).content.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("images:\n- name: a\n  newTag: v1\n", "images:\n- name: a\n  newTag: v1\nNEW"),
        ("images:\n  - name: a\nx: 1\n", "images:\n  - name: a\nNEW@2x: 1\n"),
        ("images:\n  - name: a", "images:\n  - name: a\nNEW@2END"),
        ("images: # c\n-\n  name: a\n", "images: # c\n-\n  name: a\nNEW"),
        ("images: &i\n- name: a\n", "images: &i\n- name: a\nNEW"),
        ("images:\n- a\n- null\n", "images:\n- a\n- null\nNEW"),
        ("images:\n- name: a\n  newTag:\n\nx: 1\n", "images:\n- name: a\n  newTag:\nNEW\nx: 1\n"),
        (
            "images:\n- name: a # c\n  newTag: v1 # d\n\n# about x\nx: 1\n",
            "images:\n- name: a # c\n  newTag: v1 # d\nNEW\n# about x\nx: 1\n",
        ),
        (
            "images:\n- name: a\n  # its comment\n# not its own\nx: 1\n",
            "images:\n- name: a\n  # its comment\nNEW# not its own\nx: 1\n",
        ),
        ("%YAML 1.2\n---\na: 1\n...\n", "%YAML 1.2\n---\na: 1\nimages:\nNEW...\n"),
        ("resources:\n- a\n", "resources:\n- a\nimages:\nNEW"),
        ("resources:\n  - a\n", "resources:\n  - a\nimages:\nNEW@2"),
        ("resources:\n  - a", "resources:\n  - a\nimages:\nNEW@2END"),
        ("a:\n  - b\n  # - c\n\n", "a:\n  - b\n  # - c\nimages:\nNEW@2\n"),
        ("a: [b]\n# end\n\n---\nb: 1\n", "a: [b]\n# end\nimages:\nNEW\n---\nb: 1\n"),
        ("a: |+\n  x\n\n\n", "a: |+\n  x\n\n\nimages:\nNEW"),
        ("a: |\n  x\n\n# c\n", "a: |\n  x\n\n# c\nimages:\nNEW"),
        ("a:\n", "a:\nimages:\nNEW"),
        ('a: "x\n  y"\n', 'a: "x\n  y"\nimages:\nNEW'),
        ("\ufeffa: 1\n", "\ufeffa: 1\nimages:\nNEW"),
        ("images: []\n", "images:\nNEW"),
        ("images: [ ]  # none\nr:\n  - a\n", "images:  # none\nNEW@2r:\n  - a\n"),
        ("images:\nx: 1\n", "images:\nNEWx: 1\n"),
        ("images: # c\n", "images: # c\nNEW"),
        ("images: ~\n", "images:\nNEW"),
        ("a: 1\nimages: null # c", "a: 1\nimages: # c\nNEWEND"),
        ('"images": []\n', '"images":\nNEW'),
    ],
)
def test_a_block_gets_its_new_entry_in_its_own_style(before: str, after: str) -> None:
    for ending in ("\n", "\r\n"):
        new = '- name: web\n  newTag: "1.10"\n  digest: sha256:d\n'
        deep = "".join(f"  {line}\n" for line in new.splitlines())
        expected = after.replace("NEW@2", deep).replace("NEW", new).replace("\nEND", "")
        assert inserted(before.replace("\n", ending)) == expected.replace("\n", ending)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- {name: a, newTag: v1}\n", '- {name: a, newTag: v1}\n- {NEW}\n'),
        ("[{name: a}] # c\n", "[{name: a}, {NEW}] # c\n"),
        ("[{name: a},]\n", "[{name: a}, {NEW},]\n"),
        ("[\n  # none\n]\n", "[\n  # none\n{NEW}]\n"),
        ("&i []\n", "&i [{NEW}]\n"),
        ("-   name: a\n", '-   name: a\n-   name: web\n    newTag: "1.10"\n    digest: sha256:d\n'),
        (
            "- name: 'a'\n  newTag: 'v1'\n",
            "- name: 'a'\n  newTag: 'v1'\n- name: 'web'\n  newTag: '1.10'\n  digest: 'sha256:d'\n",
        ),
        (
            "- digest: c\n  name: a\n",
            '- digest: c\n  name: a\n- digest: sha256:d\n  name: web\n  newTag: "1.10"\n',
        ),
    ],
)  # fmt: skip
def test_a_new_entry_looks_like_the_last_one(before: str, after: str) -> None:
    new = 'name: web, newTag: "1.10", digest: "sha256:d"'
    head = "images:\n" if before.startswith("-") else "images: "
    assert inserted(head + before) == head + after.replace("NEW", new)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}\n", "{images: [{NEW}]}\n"),
        ("{images: , a: b}\n", "{images: [{NEW}] , a: b}\n"),
        ("{images: null}\n", "{images: [{NEW}]}\n"),
        ('{"a": ["b"]}\n', '{"a": ["b"], "images": [{JSON}]}\n'),
        ('{"images": [], "a": 1}\n', '{"images": [{JSON}], "a": 1}\n'),
        ('{"images": null}', '{"images": [{JSON}]}'),
        ('{"images": [\n  {"name": "a"}\n]}\n', '{"images": [\n  {"name": "a"}, {JSON}\n]}\n'),
    ],
)
def test_a_flow_stays_a_flow_and_json_stays_json(before: str, after: str) -> None:
    expected = after.replace("NEW", 'name: web, newTag: "1.10", digest: "sha256:d"')
    expected = expected.replace("JSON", '"name": "web", "newTag": "1.10", "digest": "sha256:d"')
    assert inserted(before) == expected


def test_several_entries_and_edits_of_those_above_are_one_edit() -> None:
    before = "images:\n- name: a\n  newTag: v1\nx: 1\n"
    after = inserted(
        before,
        InsertImage(0, "b", "v2"),
        InsertImage(0, "c", None, "sha256:d", new_name="quay.io/c"),
        InsertKey(0, ("images", "0", "newTag"), "digest", "sha256:a"),
        SetScalar(0, ("images", "0", "newTag"), "v3"),
        InsertImage(0, "b", "v2"),
    )
    assert after == (
        "images:\n- name: a\n  newTag: v3\n  digest: sha256:a\n- name: b\n  newTag: v2\n"
        "- name: c\n  newName: quay.io/c\n  digest: sha256:d\nx: 1\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.yaml:1:1: has no document 1"),
        ("- a\n", "a.yaml:1:1: is not a mapping, so no `images:` can be added"),
        ("images: x\n", "a.yaml:1:9: is no list"),
        ("images: {a: b}\n", "a.yaml:1:9: is no list"),
        ("a: &x\n- b\nimages: *x\n", "a.yaml:3:9: is no list"),
        ("images:\n- name: a\n- name: web\n", "a.yaml:3:3: an entry for web stands here already"),
        ("images: []\nimages: []\n", "a.yaml:2:1: the key 'images' stands 2 times (lines 1, 2)"),
        ("images: &x\n- b\na: *x\n", "a.yaml:1:9: &x is used again by alias: /a/- (line 3)"),
        ("&x\na: {b: *x}\n", "a.yaml:1:1: &x is used again by alias: /a/b/images (line 2)"),
        ("images: &x\n", "a.yaml:1:9: has an anchor or a tag of its own"),
        ("images:\r- name: a\r", "a.yaml:1:19: can't be edited safely here"),
    ],
)
def test_an_entry_that_cannot_be_put_in_is_refused_with_its_place(
    content: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        inserted(content)
    assert str(caught.value).startswith(message)


def test_two_different_entries_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match=r"a\.yaml:1:1: two entries for web"):
        inserted("a: 1\n", ENTRY, InsertImage(0, "web", "v2"))


def test_a_shared_list_gets_an_entry_on_an_explicit_yes() -> None:
    before = "images: &x\n- name: b\na: *x\n"
    new = '- name: web\n  newTag: "1.10"\n  digest: sha256:d\n'
    assert inserted(before, shared=True) == before.replace("a: *x", f"{new}a: *x")


def site_of(text: str, path: str = FILE) -> Site:
    """What stands in a base, to be overridden here."""
    image = ImageReference.parse(text)
    return Site(Where(path), 0, "/images/-", "kustomization", image, carries_digest=True)


def brought(content: str, *sites: Site, pin: Pin = "tag-and-digest", to: str = "v2") -> Edit:
    names = {site.image.name for site in sites}
    release = Release.of(ImageReference.parse(f"{name}:{to}@{NEW}") for name in names)
    pins: dict[ImageName, Pin] = dict.fromkeys(names, pin)
    return edit_target({FILE: content.encode()}, sites, release, pins)


def test_a_site_after_the_last_entry_becomes_an_entry_that_reads_back() -> None:
    before = "resources:\n  - ../../base\n"
    edit = brought(before, site_of(f"{WEB}:v1"), site_of("nginx:1.25"))
    after = edit.changes[0].after
    assert after.decode() == before + (
        f"images:\n  - name: {WEB}\n    newTag: v2\n    digest: {NEW}\n"
        f"  - name: nginx\n    newTag: v2\n    digest: {NEW}\n"
    )
    sites, problems = find_sites(FILE, after, [ImageName.parse(WEB), ImageName.parse("nginx")])
    assert [site.pointer for site in sites] == ["/images/0", "/images/1"]
    assert problems == ()


def test_new_and_standing_entries_move_in_one_edit() -> None:
    before = f"images:\n- name: {WEB}\n  newTag: v1\n"
    standing, _ = find_sites(FILE, before.encode(), [ImageName.parse(WEB)])
    edit = brought(before, *standing, site_of("nginx:1.25"), pin="tag")
    assert edit.changes[0].after.decode() == (
        f"images:\n- name: {WEB}\n  newTag: v2\n- name: nginx\n  newTag: v2\n"
    )


@pytest.mark.parametrize(
    ("stands", "pin", "entry"),
    [
        ("nginx", "tag-and-digest", f"newTag: v2\n  digest: {NEW}"),
        ("nginx:1.25", "tag", "newTag: v2"),
        ("nginx:1.25", "digest", f"digest: {NEW}"),
        ("nginx:1.25", "keep", "newTag: v2"),
        (f"nginx@{OLD}", "keep", f"digest: {NEW}"),
    ],
)
def test_the_pin_says_what_the_new_entry_holds(stands: str, pin: Pin, entry: str) -> None:
    edit = brought("a: 1\n", site_of(stands), pin=pin)
    assert edit.changes[0].after.decode() == f"a: 1\nimages:\n- name: nginx\n  {entry}\n"


def test_what_the_base_says_already_needs_no_entry() -> None:
    assert brought("a: 1\n", site_of(f"nginx:v2@{NEW}")) == Edit(())


@pytest.mark.parametrize(
    ("content", "stands", "pin", "why"),
    [
        ("images:\n- name: nginx\n", "nginx:1", "tag", ":2:3: an entry for nginx stands here"),
        ("a: 1\n", f"nginx@{OLD}", "tag", ": would drop the digest of docker.io/library/nginx"),
        ("", "nginx:1", "tag", ": holds no mapping, so no `images:` can be added"),
        ("a: [\n", "nginx:1", "tag", ":2:1: is not YAML"),
    ],
)
def test_an_entry_that_cannot_be_right_is_refused(
    content: str, stands: str, pin: Pin, why: str
) -> None:
    edit = brought(content, site_of(stands), pin=pin)
    assert edit.changes == ()
    assert [str(each).startswith(FILE + why) for each in edit.refused] == [True]
