"""Where what runs in AWS finds its keys, in the order of AWS's own tools.

AWS SDKs and Tools Reference Guide, "Standardized credential providers". Profiles in files and
single sign-on are left to `helper: ecr-login`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from promoter.access.credentials.clouds.aws_signature import Keys
from promoter.access.credentials.clouds.exchange import (
    Reply,
    ask,
    ask_text,
    may_be_told,
    read_token,
)
from promoter.access.credentials.credential import hide
from promoter.access.credentials.surroundings import Surroundings
from promoter.errors import InputError, TransientError

_CONTAINER = "http://169.254.170.2"  # where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI leads
_CONTAINERS = frozenset({"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"})
_INSTANCE = {"ipv4": "http://169.254.169.254", "ipv6": "http://[fd00:ec2::254]"}
_SECONDS = "300"  # a token of the instance's metadata is used at once
_ROLE_NAME = re.compile(r"[\w+=,.@-]+")


def is_offered(environment: Mapping[str, str]) -> bool:
    """Whether the environment holds keys or says without doubt where they are."""
    return (
        _has(environment, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        or _has(environment, "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")
        or _has(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        or _has(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    )


def find_keys(region: str, suffix: str, around: Surroundings) -> Keys:
    """The keys of the environment, of a web identity, of the container, of the instance.

    `region` and `suffix` (`amazonaws.com`) are the registry's. Raises InputError, TransientError.
    """
    environment = around.environment
    if _has(environment, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        session = environment.get("AWS_SESSION_TOKEN")
        return Keys(
            environment["AWS_ACCESS_KEY_ID"],
            hide(environment["AWS_SECRET_ACCESS_KEY"], passing=False),
            hide(session, passing=False) if session else None,
        )
    if _has(environment, "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"):
        return _assume_role(region, suffix, around)
    if _has(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        return _of_container(f"{_CONTAINER}/{path.lstrip('/')}", around)
    if _has(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return _of_container(environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"], around)
    return _of_instance(around)


def endpoint(service: str, default: str, environment: Mapping[str, str]) -> str:
    """Where a service is, by the variables that AWS's own tools read."""
    for name in (f"AWS_ENDPOINT_URL_{service}", "AWS_ENDPOINT_URL"):
        if environment.get(name):
            return environment[name].rstrip("/") + "/"
    return default


def _has(environment: Mapping[str, str], *names: str) -> bool:
    return all(environment.get(name) for name in names)


def _assume_role(region: str, suffix: str, around: Surroundings) -> Keys:
    """STS AssumeRoleWithWebIdentity: a service account's token for keys of a role (IRSA)."""
    environment = around.environment
    own = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or region
    # A region of another partition than the registry's has another suffix.
    if own.startswith("cn-") != region.startswith("cn-"):
        own = region
    whom = "AWS STS"
    variable = "AWS_WEB_IDENTITY_TOKEN_FILE"
    url = endpoint("STS", f"https://sts.{own}.{suffix}/", environment)
    if not may_be_told(url):
        raise InputError(
            "AWS_ENDPOINT_URL_STS (or AWS_ENDPOINT_URL) must be an https address: a token is sent"
            " there"
        )
    text = ask_text(
        around.http(),
        "POST",
        url,
        whom,
        form={
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": environment["AWS_ROLE_ARN"],
            "RoleSessionName": environment.get("AWS_ROLE_SESSION_NAME") or "promoter",
            "WebIdentityToken": read_token(environment[variable], variable),
        },
        headers={"Accept": "application/xml"},
    )
    # Three texts without markup inside: nothing that an XML parser is needed for.
    found = dict(re.findall(r"<(AccessKeyId|SecretAccessKey|SessionToken)>([^<&]+)</", text))
    return _keys(Reply(whom, {**found, "Token": found.get("SessionToken")}))


def _of_container(url: str, around: Surroundings) -> Keys:
    """What ECS's agent and EKS's pod identity agent answer ("Container credential provider")."""
    if not may_be_told(url, _CONTAINERS):
        raise InputError(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or lead to this machine or to the"
            " agent of ECS or EKS"
        )
    environment, variable = around.environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    headers = {}
    if environment.get(variable):
        headers["Authorization"] = read_token(environment[variable], variable)
    elif token := environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
        headers["Authorization"] = hide(token)
    whom = "the container's credentials agent"
    return _keys(ask(around.metadata(), "GET", url, whom, headers=headers))


def _of_instance(around: Surroundings) -> Keys:
    """EC2's instance metadata, version 2 only: a token first, then the role's keys."""
    environment = around.environment
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        raise InputError(
            "no keys of AWS: the environment has none, and AWS_EC2_METADATA_DISABLED is set"
        )
    mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4").lower()
    base = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _INSTANCE.get(
        mode, _INSTANCE["ipv4"]
    )
    base = base.rstrip("/")
    whom = "the instance's metadata"
    http = around.metadata()
    asked = {"X-aws-ec2-metadata-token-ttl-seconds": _SECONDS}
    token = hide(ask_text(http, "PUT", f"{base}/latest/api/token", whom, headers=asked).strip())
    headers = {"X-aws-ec2-metadata-token": token}
    folder = f"{base}/latest/meta-data/iam/security-credentials/"
    role, *_ = ask_text(http, "GET", folder, whom, headers=headers).split() or [""]
    if not _ROLE_NAME.fullmatch(role):
        raise InputError(f"{whom}: the instance has no role; attach one that may pull")
    return _keys(ask(http, "GET", folder + role, whom, headers=headers))


def _keys(reply: Reply) -> Keys:
    if reply.fields.get("Code", "Success") != "Success":
        raise TransientError(f"{reply.whom}: no keys now; the role may be new or gone")
    return Keys(reply.text("AccessKeyId"), reply.secret("SecretAccessKey"), reply.secret("Token"))
