"""Who is who in GitLab's API: users, the token that asks, and what people did in a project.

https://docs.gitlab.com/api/users/, https://docs.gitlab.com/api/personal_access_tokens/,
https://docs.gitlab.com/api/jobs/#get-job-tokens-job, https://docs.gitlab.com/api/events/
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tests.services.gitlab import views
from tests.services.gitlab.api import Answer, Call, Page, Refusal, operation
from tests.services.gitlab.nouns import Push


@operation("GET", "user")
def show_user(call: Call) -> Answer:
    return 200, {**views.user(call.user, call.base), "bot": call.user.bot}


@operation("GET", "users")
def list_users(call: Call) -> Answer:
    """By user name only: the whole of it, in any case."""
    name = call.asked("username").casefold()
    found = [each for each in call.world.users.values() if each.username.casefold() == name]
    return 200, Page(found, lambda each: views.user(each, call.base))


@operation("GET", "users/{user}")
def show_one(call: Call) -> Answer:
    found = call.world.users.get(int(call.path["user"]))
    if found is None:
        raise Refusal(404, "404 User Not Found")
    return 200, {**views.user(found, call.base), "bot": found.bot}


@operation("GET", "personal_access_tokens/self")
def show_token(call: Call) -> Answer:
    """Project and group tokens are of this kind too."""
    return 200, {
        "id": 1,
        "name": "a token",
        "active": True,
        "revoked": False,
        "user_id": call.user.id,
        "scopes": list(call.token.scopes),
        "expires_at": None,
    }


@operation("GET", "job")
def show_job(call: Call) -> Answer:
    if call.token.kind != "job":
        raise Refusal(404, "404 Not Found")
    return 200, {"id": 1, "status": "running", "user": views.user(call.user, call.base)}


@operation("GET", "projects/{project}/events")
def list_events(call: Call) -> Answer:
    """Pushes only, the newest first. The days named by `after` and `before` are left out."""
    assert call.asked("action") == "pushed", "this fake keeps no other events"
    after = _day(call.asked("after")) + timedelta(days=1)
    before = _day(call.asked("before", "9999-12-31"))
    found = [each for each in reversed(call.project.pushes) if after <= each.at < before]
    return 200, Page(found, lambda each: _event(each, call))


def _day(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text or "1970-01-01"), datetime.min.time(), UTC)


def _event(push: Push, call: Call) -> views.Json:
    words = {"created": "pushed new", "pushed": "pushed to", "removed": "deleted"}
    return {
        "id": 1,
        "project_id": call.project.id,
        "action_name": words[push.action],
        "author_id": push.user.id,
        "author": views.user(push.user, call.base),
        "created_at": views.moment(push.at),
        "push_data": {
            "action": push.action,
            "ref_type": "branch",
            "ref": push.branch,
            "commit_from": push.old,
            "commit_to": push.new,
            "ref_count": push.count,
        },
    }
