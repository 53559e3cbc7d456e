"""Users' templates: what they can say, what they are told, and that none can do harm."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promoter.rules.template import Markup, Purpose, Spelling, Value, check_template, render
from promoter.rules.template_values import VALUES, Fields, ListOf, Type

SPELLING = Spelling(lambda text: text.replace("*", r"\*"), lambda text: f"`{text}`")
WEB: dict[str, Value] = {
    "application": "web",
    "environment": "production",
    "origin": "staging",
    "release": {
        "id": "c852e1fa",
        "label": "1.1.0",
        "artifacts": [
            {"name": "ghcr.io/shop/web", "tag": "1.1.0", "digest": "sha256:1", "before": "1.0.0"},
            {"name": "ghcr.io/shop/job", "tag": "2.0", "digest": "sha256:2", "before": ""},
        ],
    },
    "branch": "promoter/production/web",
    "base": "main",
    "requested_by": "",
    "gates": [{"gate": "soak: 1d", "judgement": "pass", "why": "*ran* it"}],
    "files": ["a.yaml", "b.yaml"],
    "sources": [],
    "stays": [],
    "title": "Promote web to production: 1.1.0",
    "body": Markup("**usual**"),
}


def made(text: str, purpose: Purpose = "body") -> str:
    assert check_template(text, purpose) == text
    return render(text, purpose, WEB, SPELLING)


def refused(text: str, purpose: Purpose = "body") -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        check_template(text, purpose)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no template\n", "no template"),
        ("{{ application }} {{ release.label }}", "web 1.1.0"),
        ("Runbook\n\n{{ body }}\n", "Runbook\n\n**usual**"),
        ("{% for a in release.artifacts %}\n- {{ a.tag }}\n{% endfor %}\n", "- 1.1.0\n- 2.0"),
        ("{% if environment == 'production' %}!{% elif origin %}?{% else %}.{% endif %}", "!"),
        ("{% if environment in ['qa', 'production'] and not requested_by %}x{% endif %}", "x"),
        ("{% if 'a.yaml' in files and 'x' not in application %}x{% endif %}", "x"),
        ("{{ requested_by or 'nobody' }}", "nobody"),
        ("{{ requested_by | default('nobody') | upper }}", "NOBODY"),
        ("{{ files | join(', ') }} of {{ files | length }}", "a.yaml, b.yaml of 2"),
        ("{{ release.artifacts[0].tag }}, {{ release.artifacts[-1].tag }}", "1.1.0, 2.0"),
        ("{{ release.artifacts[7].tag }}|{{ files[9] }}", "|"),
        ("{{ files[:1] | join('') }} {{ release.id[:4] }}", "a.yaml c852"),
        ("{% for f in files %}{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %}", "1, 2"),
        ("{% for s in stays %}x{% else %}none{% endfor %}", "none"),
        ("{% for a in release.artifacts if a.before %}{{ a.tag }}{% endfor %}", "1.1.0"),
        ("{{ application ~ '-' ~ environment | replace('prod', 'PROD') }}", "web-PRODuction"),
        ("{{ gates[0].why }} {{ gates[0].why | code }}", r"\*ran\* it `*ran* it`"),
        ("{{ title | truncate(9) }}{# said once #}", "Promote …"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{% if files | length > 1 %}several{% endif %}", "several"),
        ("{{ body if gates else '' }}", "**usual**"),
    ],
)
def test_what_a_template_can_say(text: str, expected: str) -> None:
    assert made(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ aplication }}", "'aplication' is not known; did you mean 'application'?"),
        ("{{ release.labell }}", "`release` has no 'labell'; did you mean 'label'?"),
        ("{{ release.artifacts.tag }}", "`release.artifacts` has no parts: loop over it, or write"),
        ("{{ release.artifacts[0].tga }}", "`release.artifacts[...]` has no 'tga'; did you mean"),
        ("{{ release }}", "`release` has several parts, name one: id, label, artifacts"),
        ("{{ files }}", "`files` is a list: loop over it, or join it"),
        ("{{ gates | join(', ') }}", "`gates` is no list of texts to join"),
        ("{% for x in application %}{% endfor %}", "`application` is no list to loop over"),
        ("{% for x in files %}{% endfor %}{{ x }}", "'x' is not known"),
        ("{{ not files }}", "is true or false: use it behind `if`"),
        ("{{ application | uper }}", "no filter is named 'uper'; did you mean 'upper'?"),
        ("{{ application | truncate }}", "write `| truncate(50)`"),
        ("{{ application is defined }}", "`is` is not supported"),
        ("{{ files | length + 1 }}", "there is no arithmetic: `~` joins texts"),
        ("{% set x = 1 %}", "`set` is not supported"),
        ("{{ body | upper }}", "`body` is no text to put through 'upper'"),
        ("{% if application == 1 %}{% endif %}", "compares what can't be compared"),
        ("{% if application < 'x' %}{% endif %}", "compares what can't be compared"),
        ("a\n\n{{ x", "line 3 of the text: is no template: unexpected end of template"),
        ("a\n{% if application %}", "line 2 of the text: is no template: Unexpected end of"),
        ("{{ 1.5 }}", "only texts and small whole numbers can stand here"),
    ],
)
def test_what_is_wrong_is_said_when_the_file_is_read(text: str, why: str) -> None:
    assert why in refused(text)


def test_a_title_knows_only_what_stays_the_same_until_the_merge() -> None:
    assert refused("{{ gates | length }}", "title") == "'gates' is not known in a title"
    assert refused("{{ body }}", "commit") == "'body' is not known in a commit"
    assert "no markup in a title" in refused("{{ application | code }}", "title")


ATTACKS = [
    *(
        "{{ ''.__class__.__mro__ }}",
        "{{ application.__class__ }}",
        "{{ application['__class__'] }}",
    ),
    *("{{ application | attr('__class__') }}", "{{ release.artifacts.__len__ }}", "{{ self }}"),
    *("{{ self._TemplateReference__context }}", "{{ loop }}", "{{ config }}", "{{ files.append }}"),
    *("{{ cycler('a', 'b') }}", "{{ joiner(',') }}", "{{ namespace(x=1) }}", "{{ lipsum(9) }}"),
    *("{{ dict(a=1) }}", "{{ range(10**9) }}", "{% for x in range(10**9) %}{% endfor %}"),
    *("{{ 'x' * 10**9 }}", "{{ 10 ** 10 ** 10 }}", "{{ 'x' + 'y' }}", "{{ -application }}"),
    *("{{ '%9999999999d' % 1 }}", "{{ '%s' | format(1) }}", "{{ '{0.__class__}'.format(1) }}"),
    *("{{ application.center(10**9) }}", "{{ application | center(10**9) }}"),
    *("{{ application | indent(10**9) }}", "{{ application | wordwrap(1) }}", "{{ body * 9 }}"),
    *("{{ files | batch(1) }}", "{{ files | map('upper') }}", "{{ files | tojson }}"),
    *(
        "{{ application | safe }}",
        "{{ application | e }}",
        "{{ files | sort }}",
        "{{ files | list }}",
    ),
    *("{{ application | replace('', 'x') }}", "{{ application | replace(files, 'x') }}"),
    *("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% call x() %}{% endcall %}"),
    *(
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% import 'x' as y %}",
        "{% block x %}{% endblock %}",
    ),
    *("{% set ns = namespace() %}", "{% set x %}{% endset %}", "{% filter upper %}{% endfilter %}"),
    *("{% with x = 1 %}{% endwith %}", "{% for x in files recursive %}{% endfor %}"),
    *("{% autoescape false %}{% endautoescape %}", "{% for a, b in files %}{% endfor %}"),
    *("{% for loop in files %}{% endfor %}", "{% for _x in files %}{% endfor %}"),
    *(
        "{{ 1" + "0" * 5000 + " }}",
        "{{ 99999999 }}",
        "{{ " + "(" * 4000,
        "{{ " + "not " * 300 + "1 }}",
    ),
    "{% if application %}" * 60 + "{% endif %}" * 60,
    "{% for a in files %}" * 3 + "{% endfor %}" * 3,
    "{{ application" + " | upper" * 60 + " }}",
    "{% for a in files %}{% for b in files %}" + "{{ a }}" * 9 + "{% endfor %}{% endfor %}",
    "{{ '" + "x" * 3_000 + "' }}",
    "x" * 30_000,
    "{{ '\\x' }}",
]


@pytest.mark.parametrize("text", ATTACKS, ids=lambda text: text[:50])
def test_an_attack_is_refused_before_it_runs(text: str) -> None:
    started = time.monotonic()
    refused(text)
    assert time.monotonic() - started < 2


LONG = "w*" * 500_000
HUGE: dict[str, Value] = {}


def _huge(kind: Type) -> Value:
    if isinstance(kind, Fields):
        return {name: _huge(each) for name, each in kind.fields.items()}
    if isinstance(kind, ListOf):
        return [_huge(kind.item)] * 1_000
    return Markup("**b**" * 20_000) if kind == "markup" else LONG


HUGE.update({name: _huge(kind) for name, kind in VALUES["body"].items()})


@pytest.mark.parametrize(
    "text",
    [
        "{{ application }}" * 1_000,
        "{{ body }}" * 1_000,
        "{% for f in files %}{% for g in files %}{{ f }}{% endfor %}{% endfor %}",
        "{% for f in files %}{% if f | upper | lower | upper in title %}x{% endif %}{% endfor %}",
        "{{ application" + " | replace('w', 'wwwwwwwwwwwwwwwwwwww')" * 20 + " }}",
        "{{ " + " ~ ".join(["application"] * 900) + " }}",
        "{% for f in files %}"
        + "{% if f | upper == 'x' | lower %}{% endif %}" * 70
        + "{% endfor %}",
        "{{ files | join('" + "-" * 1_000 + "') }}",
    ],
    ids=lambda text: text[:40],
)
def test_what_is_let_in_stays_within_its_bounds(text: str) -> None:
    """With values a thousand times larger than any that there will be."""
    check_template(text, "body")
    tracemalloc.start()
    started = time.monotonic()
    try:
        made_of_it = render(text, "body", HUGE, SPELLING)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < 3
    assert len(made_of_it) <= 60_001
    assert peak < 20_000_000


_names = st.sampled_from([*VALUES["body"], "x", "y", "loop", "self", "range", "__class__"])
_parts = st.sampled_from(["label", "artifacts", "tag", "why", "index", "__init__", "join"])
_filters = st.sampled_from(
    [
        *("upper", "join(', ')", "length", "code", "default('x')", "replace('w', 'ww')"),
        *("truncate(9)", "attr('x')", "center(999999)", "format(1)", "indent"),
    ]
)
_operators = st.sampled_from(["~", "+", "*", "**", "%", "==", "<", "in", "and", "or", "is"])


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}.{}".format, inner, _parts),
        st.builds("{}[{}]".format, inner, st.sampled_from(["0", "-1", ":5", "'x'", "9999999"])),
        st.builds("{} | {}".format, inner, _filters),
        st.builds("({}) {} ({})".format, inner, _operators, inner),
        st.builds("{} if {} else {}".format, inner, inner, inner),
        st.builds("{}({})".format, inner, inner),
        st.builds("not {}".format, inner),
    )


_expressions = st.recursive(
    st.one_of(_names, st.sampled_from(["'w'", "3", "99999999", "[1]", "none"])), _grow, max_leaves=6
)


def _wrap(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% for x in {} %}}{}{{% endfor %}}".format, _expressions, inner),
        st.builds("{{% if {} %}}{}{{% else %}}b{{% endif %}}".format, _expressions, inner),
        st.builds("{{% set x = {} %}}{}".format, _expressions, inner),
        st.builds("{{% macro y() %}}{}{{% endmacro %}}".format, inner),
    )


_templates = st.recursive(
    st.one_of(st.builds("{{{{ {} }}}}".format, _expressions), st.text("a{}%#' ", max_size=8)),
    _wrap,
    max_leaves=8,
)


# Of the ones above most are refused; these are right in all but their size.
_right = st.recursive(
    st.sampled_from(["application", "release.label", "title", "'w'", "files[0]", "gates[1].why"]),
    lambda inner: st.one_of(
        st.builds("{} ~ {}".format, inner, inner),
        st.builds("({}) | replace('w', 'wwwwwwww')".format, inner),
        st.builds("({}) | upper".format, inner),
        st.builds("{} if {} in {} else {}".format, inner, inner, inner, inner),
    ),
    max_leaves=12,
)
_right_templates = st.recursive(
    st.one_of(st.builds("{{{{ {} }}}}".format, _right), st.just("{{ body }}")),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% for f in files %}}{}{{% endfor %}}".format, inner),
        st.builds("{{% if {} == {} %}}{}{{% endif %}}".format, _right, _right, inner),
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(_templates, _right_templates), st.sampled_from([WEB, HUGE]))
def test_whatever_is_let_in_ends_soon_and_small(text: str, values: dict[str, Any]) -> None:
    try:
        check_template(text, "body")
    except ValueError:
        return
    started = time.monotonic()
    assert len(render(text, "body", values, SPELLING)) <= 60_001
    assert time.monotonic() - started < 2


def test_every_filter_that_is_let_in_is_there() -> None:
    from promoter.rules import template_check, template_sandbox

    assert set(template_check.FILTER_TYPES) == {*template_sandbox.FILTERS, "code"}


def test_every_value_that_is_promised_is_there() -> None:
    for name, kind in VALUES["body"].items():
        if isinstance(kind, Fields):
            texts = [f"{{{{ {name}.{part} }}}}" for part in kind.fields if part != "artifacts"]
        elif isinstance(kind, ListOf):
            texts = [f"{{% for x in {name} %}}{{% endfor %}}"]
        else:
            texts = [f"{{{{ {name} }}}}"]
        for text in texts:
            made(text)


def test_who_has_no_template_does_not_pay_for_jinja() -> None:
    code = (
        "import sys; from tests.rules.files import SHOP, load; from promoter.texts import change;"
        "text = SHOP.replace('version: 1', 'version: 1\\nmerge-request: {labels: [a]}', 1);"
        "load(text); print('jinja2' in sys.modules);"
        "load(text.replace('[a]', '[\"{{ application }}\"]')); print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\nTrue\n"
