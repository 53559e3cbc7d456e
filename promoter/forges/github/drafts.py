"""Whether a merge request on GitHub is a draft: only its GraphQL API changes that later."""

from __future__ import annotations

from promoter.forges.github.talk import Conversation, Json
from promoter.forges.github.trouble import RefusalError

_TO_DRAFT = """mutation($id: ID!) {
  convertPullRequestToDraft(input: {pullRequestId: $id}) { pullRequest { isDraft } }
}"""
_TO_READY = """mutation($id: ID!) {
  markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } }
}"""


def turn(talk: Conversation, pull: Json, draft: bool) -> bool:
    """Make it a draft, or ready; False where the repository knows no drafts."""
    if bool(pull.get("draft")) == draft:
        return True
    number = pull["number"]
    query, doing = (_TO_DRAFT, "a draft") if draft else (_TO_READY, "ready")
    try:
        talk.graphql(query, {"id": pull["node_id"]}, f"make #{number} {doing}")
    except RefusalError as error:
        if draft and knows_no_drafts(error):
            return False
        raise
    return True


def knows_no_drafts(error: RefusalError) -> bool:
    """A private one in a free plan says "Draft pull requests are not supported in this
    repository"; these words are all that tells it."""
    said = error.said.casefold()
    return "draft" in said and "not supported" in said
