"""What GitLab's API shows of its values (API v4, as of GitLab 17)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.services.gitlab.nouns import (
    DEVELOPER,
    MAINTAINER,
    Event,
    Note,
    Pipeline,
    Protection,
    Request,
    Rule,
    Status,
    User,
)
from tests.services.gitlab.project import Project

Json = dict[str, Any]
_ROLES = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers"}


def moment(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if at else None


def user(each: User, base: str) -> Json:
    return {
        "id": each.id,
        "username": each.username,
        "name": each.username.title(),
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{base}/{each.username}",
    }


def member(each: User, where: Project, base: str) -> Json:
    return {
        **user(each, base),
        "state": where.states.get(each.id, "active"),
        "access_level": where.members[each.id],
        "membership_state": "active",
    }


def project(each: Project, viewer: User, base: str) -> Json:
    return {
        "id": each.id,
        "name": each.path.rpartition("/")[2],
        "path_with_namespace": each.path,
        "default_branch": each.default_branch,
        "visibility": "private" if each.private else "public",
        "archived": False,
        "web_url": f"{base}/{each.path}",
        "http_url_to_repo": f"{base}/{each.path}.git",
        "merge_method": each.merge_method,
        "squash_option": each.squash_option,
        "ci_config_path": each.ci_config_path,
        "only_allow_merge_if_pipeline_succeeds": each.pipeline_must_succeed,
        **(
            {"merge_trains_enabled": each.trains, "merge_pipelines_enabled": each.trains}
            if each.premium
            else {}
        ),
        "permissions": {
            "project_access": {"access_level": each.access(viewer)}
            if each.access(viewer)
            else None,
            "group_access": None,
        },
    }


def request(
    each: Request, where: Project, base: str, *, full: bool, viewer: User | None = None
) -> Json:
    """`full` as one alone is shown; in a list mergeability is what was last known."""
    waits = where.waits_for(each)
    conflicts = where.conflicts(each, known_only=not full) if each.state == "opened" else False
    unknown = conflicts is None
    shown: Json = {
        "id": each.id,
        "iid": each.iid,
        "project_id": where.id,
        "source_project_id": where.id,
        "target_project_id": where.id,
        "title": each.title,
        "description": each.description,
        "state": each.state,
        "source_branch": each.source,
        "target_branch": each.target,
        "author": user(each.author, base),
        "assignee": user(each.assignees[0], base) if each.assignees else None,
        "assignees": [user(person, base) for person in each.assignees],
        "reviewers": [user(person, base) for person in each.reviewers],
        "labels": list(each.labels),
        "draft": each.draft,
        "work_in_progress": each.draft,
        "sha": each.lags_at or each.head,
        "merge_commit_sha": each.merge_commit,
        "squash_commit_sha": each.squash_commit,
        "squash": each.squash,
        "merge_when_pipeline_succeeds": each.armed is not None,
        "merge_status": _merge_status(conflicts),
        "detailed_merge_status": waits or ("unchecked" if unknown else where.misfits(each)),
        "has_conflicts": bool(conflicts),
        "force_remove_source_branch": each.remove_source,
        "created_at": moment(each.created_at),
        "updated_at": moment(each.updated_at),
        "merged_at": moment(each.merged_at),
        "merged_by": user(each.merged_by, base) if each.merged_by else None,
        "merge_user": user(each.merged_by, base) if each.merged_by else None,
        "closed_at": moment(each.closed_at),
        "closed_by": user(each.closed_by, base) if each.closed_by else None,
        "user_notes_count": len([note for note in each.notes if not note.system]),
        "web_url": f"{base}/{where.path}/-/merge_requests/{each.iid}",
    }
    shown["detailed_merge_status"] = shown["detailed_merge_status"] or "mergeable"
    if full:
        run = where.shown_pipeline(each)
        shown["head_pipeline"] = pipeline(run, where, base) if run else None
        shown["merge_error"] = each.merge_error
        shown["rebase_in_progress"] = False
        shown["user"] = {"can_merge": viewer is not None and where.may_merge(viewer, each.target)}
        shown["diff_refs"] = {"head_sha": each.head}
    return shown


def _merge_status(conflicts: bool | None) -> str:
    if conflicts is None:
        return "unchecked"
    return "cannot_be_merged" if conflicts else "can_be_merged"


def approvals(each: Request, where: Project, viewer: User, base: str) -> Json:
    """Without Premium an approval is told, and nothing asks for it."""
    given = [
        {
            "user": user(a.user, base),
            **({"approved_at": moment(a.at)} if where.tells_approval_times else {}),
        }
        for a in each.approvals
    ]
    voters = [approval.user for approval in each.approvals]
    shown: Json = {
        "user_has_approved": viewer in voters,
        "user_can_approve": where.may_approve(viewer, each) and viewer not in voters,
        "approved": bool(given) and not where.missing_approvals(each),
        "approved_by": given,
    }
    if where.premium:
        missing = where.missing_approvals(each)
        required = max((one.required for one in where.rules), default=0)
        shown |= {
            "id": each.id,
            "iid": each.iid,
            "project_id": where.id,
            "title": each.title,
            "state": each.state,
            "approved": not missing,
            "approvals_required": required,
            "approvals_left": max(required - len(given), 0),
            "approval_rules_left": [{"id": one.id, "name": one.name} for one in missing],
            "has_approval_rules": bool(where.rules),
        }
    return shown


def reviewer(each: User, of: Request, base: str) -> Json:
    state = "unreviewed"
    if each in of.asking_for_changes:
        state = "requested_changes"
    elif each in [approval.user for approval in of.approvals]:
        state = "approved"
    return {"user": user(each, base), "state": state, "created_at": moment(of.created_at)}


def rule(each: Rule, where: Project, base: str) -> Json:
    return {
        "id": each.id,
        "name": each.name,
        "rule_type": each.kind or ("regular" if each.users else "any_approver"),
        "approvals_required": each.required,
        "eligible_approvers": [user(person, base) for person in each.users],
        "users": [user(person, base) for person in each.users],
        "groups": [],
        "contains_hidden_groups": False,
    }


def rule_state(each: Rule, asked: Request, where: Project, base: str) -> Json:
    given = [a.user for a in asked.approvals if not each.users or a.user in each.users]
    return {
        **rule(each, where, base),
        "approved_by": [user(person, base) for person in given],
        "approved": len(given) >= each.required,
    }


def note(each: Note, on: Request, base: str) -> Json:
    return {
        "id": each.id,
        "type": None,
        "body": each.body,
        "author": user(each.author, base),
        "created_at": moment(each.at),
        "updated_at": moment(each.at),
        "system": each.system,
        "noteable_id": on.id,
        "noteable_iid": on.iid,
        "noteable_type": "MergeRequest",
    }


def label_event(each: Event, on: Request, base: str) -> Json:
    return {
        "id": each.id,
        "user": user(each.user, base),
        "created_at": moment(each.at),
        "resource_type": "MergeRequest",
        "resource_id": on.id,
        "label": {"name": each.label},
        "action": each.action,
    }


def state_event(each: Event, on: Request, base: str) -> Json:
    return {
        "id": each.id,
        "user": user(each.user, base),
        "created_at": moment(each.at),
        "resource_type": "MergeRequest",
        "resource_id": on.id,
        "state": each.action,
    }


def status(each: Status, base: str) -> Json:
    return {
        "id": each.id,
        "sha": each.sha,
        "ref": each.ref,
        "name": each.name,
        "status": each.state,
        "description": each.description,
        "target_url": each.target_url,
        "pipeline_id": each.pipeline,
        "allow_failure": each.allow_failure,
        "created_at": moment(each.at),
        "author": user(each.author, base) if each.author else None,
    }


def car(each: Request, where: Project, base: str) -> Json:
    return {
        "id": each.boarded_at,
        "merge_request": {"id": each.id, "iid": each.iid, "project_id": where.id},
        "user": user(each.armed.user, base) if each.armed else None,
        "target_branch": each.target,
        "status": "fresh",
    }


def pipeline(each: Pipeline, where: Project, base: str) -> Json:
    return {
        "id": each.id,
        "project_id": where.id,
        "sha": each.sha,
        "ref": each.ref,
        "status": each.status,
        "source": each.source,
        "created_at": moment(each.at),
        "updated_at": moment(each.at),
        "web_url": f"{base}/{where.path}/-/pipelines/{each.id}",
    }


def branch(name: str, commit: str, where: Project, viewer: User, base: str) -> Json:
    protection = where.protection(name)
    return {
        "name": name,
        "commit": {"id": commit, "short_id": commit[:8]},
        "default": name == where.default_branch,
        "protected": protection is not None,
        "merged": False,
        "developers_can_push": protection is not None and 0 < protection.push <= DEVELOPER,
        "developers_can_merge": protection is not None and 0 < protection.merge <= DEVELOPER,
        "can_push": where.may_push(viewer, name),
        "web_url": f"{base}/{where.path}/-/tree/{name}",
    }


def protection(name: str, each: Protection, number: int) -> Json:
    def levels(level: int) -> Sequence[Json]:
        return [{"id": number, "access_level": level, "access_level_description": _ROLES[level]}]

    named = [{"id": 1, "access_level": MAINTAINER, "user_id": one.id} for one in each.pushers]
    return {
        "id": number,
        "name": name,
        "push_access_levels": [*levels(each.push), *named],
        "merge_access_levels": levels(each.merge),
        "allow_force_push": each.force,
        "code_owner_approval_required": False,
    }
