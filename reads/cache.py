"""A cache bounded by bytes: what it keeps is made from documents that come from outside."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ByteBounded(Generic[K, V]):
    """Least recently used goes first once the weights exceed `most` bytes.

    Until half of it is used nothing is near to going, and use is not noted, which would cost more than looking up.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        if self.bytes > self.most // 2:
            self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keeps the value, unless it weighs more than a quarter of the whole."""
        self.drop(key)
        if weight > self.most // 4:
            return
        self._kept[key] = (value, weight)
        self.bytes += weight
        while self.bytes > self.most:
            _, (_, freed) = self._kept.popitem(last=False)
            self.bytes -= freed

    def drop(self, key: K) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.bytes -= found[1]

    def __len__(self) -> int:
        return len(self._kept)
