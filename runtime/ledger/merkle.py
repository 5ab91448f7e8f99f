"""RFC 6962 (section 2.1) Merkle trees: hashes, an incremental frontier, proofs and their verification.

All hashes are 32 bytes of SHA-256. Pure functions of bytes: no I/O.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
TILE_LEVEL = 8
TILE = 1 << TILE_LEVEL
"""Leaves of a tile: the perfect subtrees whose hashes are stored, so that no reader starts at leaf 0."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf: SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its perfect subtrees, largest first.

    Appending costs O(1) hashes on average and O(log n) at most; the whole state is at most 53 hashes.
    """

    __slots__ = ("nodes", "size")

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        self.size = size
        self.nodes = list(nodes)

    def copy(self) -> "Frontier":
        """An independent copy."""
        return Frontier(self.size, self.nodes)

    def extend(self, leaves: Sequence[bytes]) -> list[bytes]:
        """Add leaf hashes; the hashes of the tiles that they completed."""
        return self._add(leaves, 0)

    def append_tile(self, tile: bytes) -> None:
        """Add a whole tile by its hash; the size must be a multiple of TILE."""
        if self.size % TILE:
            raise ValueError("a tile must start at a multiple of its width")
        self._add((tile,), TILE_LEVEL)

    def _add(self, nodes: Sequence[bytes], level: int) -> list[bytes]:
        """Add perfect subtrees of 2^level leaves: an addition with carry, a whole level at a time."""
        rest = self.size >> level
        self.size += len(nodes) << level
        tiles: list[bytes] = []
        edge: list[bytes] = []
        carry = list(nodes)
        while carry:
            if level == TILE_LEVEL:
                tiles = carry[:]
            if rest & 1:
                carry.insert(0, self.nodes.pop())
            if len(carry) & 1:
                edge.append(carry.pop())
            pairs = iter(carry)
            carry = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
            rest >>= 1
            level += 1
        edge.reverse()
        self.nodes += edge
        return tiles

    def root(self) -> bytes:
        """Root of the tree of all leaves so far."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root


Subtree = Callable[[int, int], bytes]
"""Hash of the tree over leaves [start, end), where `end - start` is any width that the tree splits into."""


def subtree_of(leaves: Sequence[bytes]) -> Subtree:
    """Subtree hashes computed from leaf hashes held in memory."""

    def subtree(start: int, end: int) -> bytes:
        if end - start == 1:
            return leaves[start]
        middle = start + _split(end - start)
        return node_hash(subtree(start, middle), subtree(middle, end))

    return lambda start, end: subtree(start, end) if end > start else EMPTY_ROOT


def subtree_of_tiles(tiles: Sequence[bytes], leaves_of: Callable[[int], list[bytes]]) -> Subtree:
    """Subtree hashes from the hashes of whole tiles; the leaves of a tile are asked for only inside it."""
    held: dict[int, Subtree] = {}

    def subtree(start: int, end: int) -> bytes:
        number, offset = divmod(start, TILE)
        if end - start == TILE and not offset:
            return tiles[number]
        if end - start > TILE:
            middle = start + _split(end - start)
            return node_hash(subtree(start, middle), subtree(middle, end))
        if number not in held:
            held[number] = subtree_of(leaves_of(number))
        return held[number](offset, offset + end - start)

    return subtree


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Audit path of leaf `index` in the tree of `size` leaves (RFC 6962, 2.1.1), from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    path.reverse()
    return path


def consistency_proof(old: int, size: int, subtree: Subtree) -> list[bytes]:
    """Proof that the tree of `old` leaves is a prefix of the tree of `size` leaves (RFC 6962, 2.1.2)."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {old} leaves is no prefix of one of {size}")

    def prove(old_end: int, start: int, end: int, complete: bool) -> list[bytes]:
        if old_end == end:
            return [] if complete else [subtree(start, end)]
        middle = start + _split(end - start)
        if old_end <= middle:
            return [*prove(old_end, start, middle, complete), subtree(middle, end)]
        return [*prove(old_end, middle, end, False), subtree(start, middle)]

    return prove(old, 0, size, True)


def inclusion_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path leads from the leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or any(len(node) != 32 for node in path):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and node == root


def consistency_holds(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the old tree is shown to be a prefix of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size or any(len(node) != 32 for node in path):
        return False
    if old == size:
        return not path and old_root == root
    proof = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not proof:
        return False
    position, last = old - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_node = new_node = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            new_node = node_hash(new_node, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and old_node == old_root and new_node == root


def _split(width: int) -> int:
    """The largest power of two below the width: where RFC 6962 divides a tree."""
    return 1 << ((width - 1).bit_length() - 1)
