"""Credentials by host, in one place for registries, Git over HTTPS and forges.

`by_host` is the way in. Where a credential comes from: `hosts_file` (our own file),
`docker_config` (docker's, containers' and Kubernetes' files), `helper` (docker-credential-*),
`clouds` (short-lived ones of AWS, Google and Azure).
"""

from promoter.access.credentials.by_host import Credentials
from promoter.access.credentials.credential import Credential, CredentialsOf, why_none
from promoter.access.credentials.hosts_file import GitHubApp

__all__ = ["Credential", "Credentials", "CredentialsOf", "GitHubApp", "why_none"]
