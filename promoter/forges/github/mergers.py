"""Who merged pull requests: lists do not tell, and GraphQL tells of a hundred at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promoter.forges.github.talk import Conversation

_AT_ONCE = 100
_WHO = "mergedBy { __typename login }"


def read_mergers(talk: Conversation, numbers: Sequence[int]) -> Mapping[int, str]:
    """One call for a hundred; whose account was deleted is left out. An App is named as in REST,
    `promoter[bot]`."""
    found: dict[int, str] = {}
    place = talk.place
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        asked = " ".join(f"r{each}: pullRequest(number: {each}) {{ {_WHO} }}" for each in some)
        query = (
            "query($owner: String!, $name: String!) "
            f"{{ repository(owner: $owner, name: $name) {{ {asked} }} }}"
        )
        wanted = {"owner": place.owner, "name": place.name}
        answer = talk.graphql(query, wanted, "tell who merged the merge requests")
        told = answer.get("repository") or {}
        for each in some:
            who = (told.get(f"r{each}") or {}).get("mergedBy")
            if who and who.get("login"):
                bot = "[bot]" if who.get("__typename") == "Bot" else ""
                found[each] = f"{str(who['login']).removesuffix('[bot]')}{bot}"
    return found
