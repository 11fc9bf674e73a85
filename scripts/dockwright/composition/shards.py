"""Images as their layers' bytes in; the images of each of several machines, sharing layers, out."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockwright.composition.sharing import Stack


def shards(stacks: Sequence[Stack], count: int) -> tuple[tuple[str, ...], ...]:
    """Return the identifiers of at most `count` shards, as many in each as in any other, or one more.

    A shard begins with the largest image that is left, and takes on whichever one adds the fewest
    bytes to it: so images of the same heavy layers end up on the same machine, which makes those
    layers once. Checks take most of an image's time and every image about the same, so images are
    counted, not weighed.
    """
    count = min(count, len(stacks))
    left = _Left(stacks)
    return tuple(tuple(left.take(_size(number, len(stacks), count))) for number in range(count))


def _size(number: int, images: int, count: int) -> int:
    """Return how many images a shard has.

    >>> [_size(number, 10, 4) for number in range(4)]
    [3, 3, 2, 2]
    """
    return images // count + (number < images % count)


class _Left:
    """The images that no shard has yet, each with the bytes that it would add to the present one."""

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self.layers = {s.identifier: {la.key: la.size_bytes for la in s.layers} for s in stacks}
        self.users: defaultdict[str, set[str]] = defaultdict(set)
        for identifier, layers in self.layers.items():
            for key in layers:
                self.users[key].add(identifier)

    def take(self, size: int) -> Iterator[str]:
        """Take a shard's images out, one after the other."""
        added = {identifier: sum(layers.values()) for identifier, layers in self.layers.items()}
        there: set[str] = set()
        for number in range(size):
            # Of equals the first in the manifest's order, so that equal input gives equal shards.
            identifier = (max if number == 0 else min)(added, key=added.__getitem__)
            del added[identifier]
            for key, size_bytes in self.layers.pop(identifier).items():
                if key in there:
                    continue
                there.add(key)
                for user in self.users[key] & added.keys():
                    added[user] -= size_bytes
            yield identifier
