"""What concerns several values of a rule file at once.

Read from the plain data, not from the shapes: a slip in one place must not hide those in
others. What has another type than expected is passed over here, the shapes tell of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeGuard

from promoter.model.calendar import parse_format
from promoter.model.image import ImageName
from promoter.model.platform import normal_platform
from promoter.rules.address import check_url, forge_of, host_of
from promoter.rules.complaints import Complaint
from promoter.rules.graph import find_cycles
from promoter.rules.images import sample_name
from promoter.rules.other_names import find_clashes
from promoter.rules.pattern import ENVIRONMENT, Pattern
from promoter.rules.people import MOST_LABEL, MOST_USER
from promoter.rules.stages import find_problems, members
from promoter.rules.template import is_template
from promoter.rules.wording import Location, enumerate_words, guess, quote

_APPLICATIONS: Location = ("applications",)
_ENVIRONMENTS: Location = ("environments",)
_LONGEST_NAME = 63


def check(data: Mapping[str, object]) -> Iterator[Complaint]:
    """Every complaint, in no particular order."""
    environments = _mapping(data.get("environments"))
    return chain(
        _check_empty(data, ()),
        _check_forge(_mapping(data.get("repository")), ("repository",)),
        *(
            _check_forge(
                _mapping(_mapping(each).get("repository")), (*_ENVIRONMENTS, name, "repository")
            )
            for name, each in environments.items()
        ),
        _check_artifacts(_list(data.get("artifacts"))),
        _check_filled(data),
        _check_patterns(data, environments),
        _check_stages(environments),
        _check_upstreams(environments),
        _check_names(_list(data.get("artifacts")), environments),
        _check_request(_mapping(data.get("merge-request")), _forge(data)),
        *(_check_gates(name, _mapping(each)) for name, each in environments.items()),
        *(_check_group(name, _mapping(each)) for name, each in environments.items()),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def _check_empty(value: object, location: Location) -> Iterator[Complaint]:
    if value is None:
        # `dev:` alone is an environment without anything said about it.
        if location[:1] != _ENVIRONMENTS or len(location) != 2:
            yield Complaint(location, "is empty: give it a value, or leave the key out")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _check_empty(each, (*location, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _check_empty(each, (*location, index))


def _check_forge(repository: Mapping[str, object], location: Location) -> Iterator[Complaint]:
    url = repository.get("url")
    if not isinstance(url, str) or "forge" in repository:
        return
    try:
        check_url(url)
    except ValueError:
        return
    if forge_of(url) is None:
        message = f"is missing: say what {host_of(url)} is: github, gitlab or local"
        yield Complaint((*location, "forge"), message, absent=True)


def _forge(data: Mapping[str, object]) -> str | None:
    """The forge that is written down, or that the address implies."""
    repository = _mapping(data.get("repository"))
    named, url = repository.get("forge"), repository.get("url")
    if isinstance(named, str):
        return named
    try:
        return forge_of(url) if isinstance(url, str) else None
    except ValueError:
        return None


def _check_request(request: Mapping[str, object], forge: str | None) -> Iterator[Complaint]:
    """What one forge takes and another does not, and what stands twice."""
    limits = {"labels": MOST_LABEL, "reviewers": MOST_USER, "assignees": MOST_USER}
    for key, most in limits.items():
        seen: set[str] = set()
        for index, each in enumerate(_list(request.get(key))):
            location: Location = ("merge-request", key, index)
            if not isinstance(each, str):
                continue
            if each.casefold() in seen:
                yield Complaint(location, f"{quote(each)} stands twice: keep one")
            seen.add(each.casefold())
            longest = most.get(forge or "")
            if longest is not None and not is_template(each) and len(each) > longest:
                message = f"{quote(each)} is longer than the {longest} characters of {forge}"
                yield Complaint(location, message)
            if forge == "gitlab" and key == "labels" and "," in each and not is_template(each):
                yield Complaint(location, f"{quote(each)}: GitLab takes no comma in a label")


def _check_filled(data: Mapping[str, object]) -> Iterator[Complaint]:
    if data.get("artifacts") == []:
        yield Complaint(("artifacts",), "give at least one artifact")
    if data.get("environments") == {}:
        yield Complaint(_ENVIRONMENTS, "give at least one environment")
    for key in ("merge-request", "commit", "limits"):
        if data.get(key) == {}:
            yield Complaint((key,), "is empty: give it a value, or leave the key out")


def _check_artifacts(artifacts: Sequence[object]) -> Iterator[Complaint]:
    seen: dict[ImageName, int] = {}
    for index, each in enumerate(artifacts):
        artifact = _mapping(each)
        yield from _check_meaning(("artifacts", index), artifact)
        image = artifact.get("image")
        if not isinstance(image, str) or (name := sample_name(image)) is None:
            continue
        if name in seen:
            message = f"{quote(image)} is followed by artifacts[{seen[name]}] already"
            yield Complaint(("artifacts", index, "image"), message)
        seen.setdefault(name, index)


def _check_meaning(location: Location, artifact: Mapping[str, object]) -> Iterator[Complaint]:
    """Keys that the chosen policy would not look at."""
    select = _mapping(artifact.get("select"))
    if set(select) == {"tag"}:
        for key in ("tags", "ignore"):
            if key in artifact:
                message = "has no meaning with `select: {tag: ...}`, which names one tag: remove it"
                yield Complaint((*location, key), message, on_key=True)
        if artifact.get("pin") == "tag":
            message = "a moving tag is pinned by its digest: write digest or tag-and-digest"
            yield Complaint((*location, "pin"), message)
    if artifact.get("prereleases") is True and select:
        if not {"semver", "calver"} & set(select):
            message = "has a meaning with `semver` and `calver` only: remove it"
            yield Complaint((*location, "prereleases"), message, on_key=True)
        elif _has_no_modifier(select.get("calver")):
            message = "has no meaning with a format that does not end with MODIFIER: remove it"
            yield Complaint((*location, "prereleases"), message, on_key=True)
    yield from _check_platforms((*location, "platforms"), _list(artifact.get("platforms")))


def _has_no_modifier(calver: object) -> bool:
    try:
        return isinstance(calver, str) and not parse_format(calver).has_modifier
    except ValueError:
        return False


def _check_platforms(location: Location, platforms: Sequence[object]) -> Iterator[Complaint]:
    seen: set[str] = set()
    for index, each in enumerate(platforms):
        if isinstance(each, str):
            normal = normal_platform(each)
            if normal in seen:
                yield Complaint((*location, index), f"{quote(normal)} stands twice: keep one")
            seen.add(normal)


def _check_patterns(
    data: Mapping[str, object], environments: Mapping[str, object]
) -> Iterator[Complaint]:
    shared = [name for name, each in environments.items() if "path" not in _mapping(each)]
    if not environments:
        return
    if "applications" not in data:
        if shared:
            subject = f"{enumerate_words(shared)} {'has' if len(shared) == 1 else 'have'}"
            message = f"is missing: {subject} no `path` of their own"
            yield Complaint(_APPLICATIONS, message, absent=True)
        return
    if not shared:
        message = "has no effect: every environment has a `path` of its own; remove one of them"
        yield Complaint(_APPLICATIONS, message, on_key=True)
    sharing = _in_one_place(shared, data, environments)
    if len(sharing) < 2:
        return
    for location, text in _texts(data["applications"], _APPLICATIONS):
        try:
            pattern = Pattern.parse(text)
        except ValueError:
            continue
        if ENVIRONMENT not in pattern.placeholders:
            message = f"must hold {{environment}}: {enumerate_words(sharing)} share it"
            yield Complaint(location, f"{quote(text)} {message}")


def _in_one_place(
    names: Sequence[str], data: Mapping[str, object], environments: Mapping[str, object]
) -> list[str]:
    """Those that live in one branch of one repository, where no two places may be one."""
    own = _mapping(data.get("repository"))
    places: dict[tuple[object, object], list[str]] = {}
    for name in names:
        other = _mapping(_mapping(environments[name]).get("repository")) or own
        place = other.get("url", own.get("url")), other.get("branch")
        places.setdefault(place if _is_plain(place) else (None, None), []).append(name)
    return max(places.values(), key=len, default=[])


def _is_plain(place: tuple[object, object]) -> bool:
    return all(each is None or isinstance(each, str) for each in place)


def _texts(value: object, location: Location) -> Iterator[tuple[Location, str]]:
    """A text, or the texts of a list, each with its location."""
    if isinstance(value, str):
        yield location, value
    for index, each in enumerate(_list(value)):
        if isinstance(each, str):
            yield (*location, index), each


def _check_stages(environments: Mapping[str, object]) -> Iterator[Complaint]:
    """`each`, `waves`, and the names that they make."""
    made: dict[str, str] = {name: name for name in environments}
    for name, value in environments.items():
        environment, location = _mapping(value), (*_ENVIRONMENTS, name)
        if environment.get("repository") == {}:
            message = "is empty: give it a value, or leave the key out"
            yield Complaint((*location, "repository"), message)
        each, waves = environment.get("each"), environment.get("waves")
        paths = [text for _, text in _texts(environment.get("path"), ())]
        if each is None:
            if waves is not None:
                yield Complaint((*location, "waves"), "has a meaning with `each` only", True)
            yield from _check_placeholders(paths, (), (*location, "path"), environment)
            continue
        if not _is_each(each) or not _are_waves(waves):
            continue  # the shapes tell of it
        for place, message in find_problems(name, each, waves, paths):
            yield Complaint((*location, *place), message, on_key=len(place) < 3)
        yield from _check_placeholders(paths, tuple(each), (*location, "path"), environment)
        for member in members(name, each, waves):
            if len(member.name) > _LONGEST_NAME:
                message = f"makes {quote(member.name)}, which is longer than {_LONGEST_NAME}"
                yield Complaint((*location, "each"), message, on_key=True)
            elif made.setdefault(member.name, name) != name:
                message = f"makes {quote(member.name)}, which {made[member.name]} is or makes, too"
                yield Complaint((*location, "each"), message, on_key=True)


def _check_names(
    artifacts: Sequence[object], environments: Mapping[str, object]
) -> Iterator[Complaint]:
    images = [_mapping(each).get("image") for each in artifacts]
    names = [each if isinstance(each, str) else None for each in images]
    for name, each in environments.items():
        pairs = _mapping(_mapping(each).get("images"))
        given = {k: v for k, v in pairs.items() if isinstance(v, str)}
        for message in find_clashes(given, names) if len(given) == len(pairs) else ():
            yield Complaint((*_ENVIRONMENTS, name, "images"), message, on_key=True)


def _check_placeholders(
    paths: Sequence[str],
    known: Sequence[str],
    location: Location,
    environment: Mapping[str, object],
) -> Iterator[Complaint]:
    is_list = isinstance(environment.get("path"), list)
    for index, path in enumerate(paths):
        try:
            Pattern.parse(path, known)
        except ValueError as error:
            yield Complaint((*location, index) if is_list else location, str(error))


def _is_each(value: object) -> TypeGuard[Mapping[str, Sequence[str]]]:
    return isinstance(value, dict) and all(
        isinstance(values, list) and all(isinstance(one, str) for one in values)
        for values in value.values()
    )


def _are_waves(value: object) -> TypeGuard[Sequence[Mapping[str, object]] | None]:
    return value is None or (
        isinstance(value, list) and all(isinstance(wave, dict) for wave in value)
    )


def _member_names(name: str, environment: Mapping[str, object]) -> list[str]:
    """What an environment of the file is called in the graph, besides its own name."""
    each, waves = environment.get("each"), environment.get("waves")
    if not _is_each(each) or not _are_waves(waves):
        return []
    return [one.name for one in members(name, each, waves)]


def _check_upstreams(environments: Mapping[str, object]) -> Iterator[Complaint]:
    upstreams: dict[str, list[str]] = {}
    stages = {
        member: name
        for name, each in environments.items()
        for member in (*_member_names(name, _mapping(each)), name)
    }
    for name, each in environments.items():
        location = (*_ENVIRONMENTS, name, "after")
        after = _mapping(each).get("after")
        if isinstance(after, dict):
            location, after = (*location, "any"), after.get("any")
        found = list(_texts(after, location))
        upstreams[name] = [stages.get(upstream, upstream) for _, upstream in found]
        for place, upstream in found:
            if stages.get(upstream) == name:
                yield Complaint(place, "an environment can't come after itself")
            elif upstream not in stages:
                known = guess(upstream, [each for each in stages if stages[each] != name])
                message = f"no environment is named {quote(upstream)}"
                yield Complaint(place, message + (known if len(environments) > 1 else ""))
    # Where nobody is first, there is a cycle or a slip that was told already.
    nobody_first = "; one of them must have no `after`: first releases come from the registry"
    hint = nobody_first if all(upstreams.values()) else ""
    for cycle in find_cycles(upstreams):
        way = " -> ".join((*cycle, cycle[0]))
        message = f"the environments wait for each other: {way}{hint}"
        yield Complaint((*_ENVIRONMENTS, cycle[0], "after"), message)


def _check_group(name: str, environment: Mapping[str, object]) -> Iterator[Complaint]:
    if environment.get("group") == "environment" and environment.get("open") == "early":
        yield Complaint(
            (*_ENVIRONMENTS, name, "open"),
            "'early' shows each release before its gates pass, and the merge request of a group"
            " takes in only what they let pass: leave out `open`, or `group`",
        )


def _check_gates(name: str, environment: Mapping[str, object]) -> Iterator[Complaint]:
    location: Location = (*_ENVIRONMENTS, name)
    has_upstream = "after" in environment
    yield from _check_list(environment.get("require"), (*location, "require"), has_upstream)
    for index, wave in enumerate(_list(environment.get("waves"))):
        place = (*location, "waves", index, "require")
        has_upstream = has_upstream or index > 0  # the wave before
        yield from _check_list(_mapping(wave).get("require"), place, has_upstream)


def _check_list(gates: object, location: Location, has_upstream: bool) -> Iterator[Complaint]:
    seen: set[str] = set()
    for index, each in enumerate(_list(gates)):
        for gate, argument in _mapping(each).items():
            place = (*location, index, gate)
            of_upstream = gate == "checks" and _mapping(argument).get("of") == "upstream"
            form = f"{gate} of upstream" if of_upstream else gate
            if form in seen:
                yield Complaint(place, "stands twice in this list: keep one", True)
            seen.add(form)
            if gate == "soak" and not has_upstream:
                message = "needs an environment to soak in: give this one an `after`"
                yield Complaint(place, message, on_key=True)
            if of_upstream and not has_upstream:
                message = "needs an environment that they ran on: give this one an `after`"
                yield Complaint(place, message, on_key=True)
