"""Releases that were promoted in; the names that their images had before, from the journal, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import promotion_journal, publication
from dockwright.errors import PolicyError, RegistryError
from dockwright.spec.journal import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dockwright.clients.registry import Repository
    from dockwright.spec.journal import Change, Entry, Journal


@dataclass(frozen=True, kw_only=True, slots=True)
class Undoing:
    """A promotion that can be taken back."""

    journal: Journal
    entry: Entry
    changes: tuple[Change, ...]
    """Of those tags that still name what the promotion made them name."""


def prepare(
    releases: Sequence[str], journal: Repository, repository: Callable[[str], Repository]
) -> tuple[Undoing, ...]:
    """Return the latest promotion of each release, or an error that names all that have none."""
    found = []
    problems = []
    for release in releases:
        its = promotion_journal.read(journal, release)
        entry = its.newest(State.BEGUN, State.DONE, State.UNDOING)
        if entry is None:
            problems.append(f"{release}: {journal} tells of no promotion that could be taken back")
            continue
        changes = tuple(c for c in entry.changes if _is_ours(repository(c.repository), c))
        problems += _yanked(changes, repository)
        found.append(Undoing(journal=its, entry=entry, changes=changes))
    if problems:
        raise PolicyError("\n".join(problems))
    return tuple(found)


def rollback(
    undoings: Sequence[Undoing], journal: Repository, repository: Callable[[str], Repository]
) -> None:
    """Give every tag back to the image that it named before; the same command goes on after a cut."""
    left: list[str] = []
    for undoing in undoings:
        console.say(f"{undoing.journal.release}: taking back {undoing.entry}")
        entry = undoing.entry.model_copy(update={"state": State.UNDOING})
        held = promotion_journal.write(journal, undoing.journal, entry)
        for change in undoing.changes:
            held.require()
            if not _is_undone(repository(change.repository), change):
                left.append(f"{repository(change.repository)}:{change.tag}")
        done = entry.model_copy(update={"state": State.UNDONE})
        promotion_journal.write(journal, held.journal, done)
    if left:
        msg = (
            f"{', '.join(left)}: new with the promotion, and this registry removes no tag by "
            "itself; remove it there, or `dockwright yank` the image"
        )
        raise RegistryError(msg)


def _is_ours(repository: Repository, change: Change) -> bool:
    """Tell whether a tag is where the promotion has put it, or where it was before."""
    now = repository.manifest_digest(change.tag)
    if now in {change.after, change.before}:
        return True
    console.warn(f"{repository}:{change.tag} stays at {now}: it was moved since, by another")
    return False


def _yanked(changes: Sequence[Change], repository: Callable[[str], Repository]) -> list[str]:
    return [
        f"{repository(c.repository)}:{c.tag} would name {c.before} again, which was {yank}"
        for c in changes
        if c.before and (yank := publication.yank_of(repository(c.repository), c.before))
    ]


def _is_undone(repository: Repository, change: Change) -> bool:
    """Give one tag back; False where it has to be removed and the registry does not do that."""
    if change.before is None:
        return repository.manifest_digest(change.tag) is None or repository.untag(change.tag)
    publication.put(repository, change.before, [change.tag])
    publication.require(repository, change.before, [change.tag])
    return True
