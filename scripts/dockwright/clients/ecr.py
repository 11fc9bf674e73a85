"""Repositories of a registry in; where Amazon's has to be given them first, the commands out."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from dockwright.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.clients.registry import Repository

HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com|on\.aws)"
    r"(?:\.cn)?"
)
IMMUTABLE = "filterType=WILDCARD,filter=*-v*"
"""Immutable tags, which alone have a `-v`: ECR itself then keeps them from being overwritten."""


def require(repositories: Iterable[Repository], retention_days: int | None) -> None:
    """Raise RegistryError with the commands that make the repositories which ECR lacks."""
    every = {repository.name: repository for repository in repositories}
    missing = [r for r in every.values() if HOST.fullmatch(r.session.host) and not r.is_there()]
    if missing:
        names = ", ".join(repository.name for repository in missing)
        commands = (c for r in missing for c in commands_for(r, retention_days))
        msg = (
            f"{missing[0].session.host} has no repository {names}, and ECR makes none by itself; "
            "run\n  " + "\n  ".join(commands)
        )
        raise RegistryError(msg)


def commands_for(repository: Repository, retention_days: int | None) -> tuple[str, ...]:
    """Return what makes a repository, and what lets ECR remove images after their time."""
    match = HOST.fullmatch(repository.session.host)
    assert match is not None, "only ECR's repositories are made so"
    place = ("--region", match["region"], "--repository-name", repository.name)
    mutability = ("--image-tag-mutability", "MUTABLE_WITH_EXCLUSION")
    filters = ("--image-tag-mutability-exclusion-filters", IMMUTABLE)
    create = shlex.join(("aws", "ecr", "create-repository", *place, *mutability, *filters))
    if retention_days is None:
        return (create,)
    policy = ("--lifecycle-policy-text", json.dumps(_expiry(retention_days)))
    return (create, shlex.join(("aws", "ecr", "put-lifecycle-policy", *place, *policy)))


def _expiry(days: int) -> dict[str, object]:
    selection = {
        "tagStatus": "any",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": days,
    }
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return {"rules": [rule]}
